// Runs in the browser's audio thread: the microphone's samples, mixed to one channel, in messages of a twentieth second.
class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.size = Math.round(sampleRate / 20);
    this.held = new Float32Array(this.size);
    this.count = 0;
  }

  process([channels]) {
    if (!channels.length) return true;
    for (let k = 0; k < channels[0].length; k += 1) {
      let sum = 0;
      for (const channel of channels) sum += channel[k];
      this.held[this.count] = sum / channels.length;
      this.count += 1;
      if (this.count === this.size) {
        this.port.postMessage(this.held.slice());
        this.count = 0;
      }
    }
    return true;
  }
}

registerProcessor("capture", Capture);
