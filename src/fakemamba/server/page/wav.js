// Samples -> 16-bit PCM, and a WAV file of such pieces.

const HEADER = 44; // bytes

export function toPcm(samples) {
  const pcm = new Int16Array(samples.length);
  for (let k = 0; k < samples.length; k += 1) pcm[k] = Math.round(Math.max(-1, Math.min(1, samples[k])) * 32767);
  return pcm; // little-endian on every machine that runs a browser
}

export function wavFile(pieces, rate, name) {
  const bytes = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
  const header = new DataView(new ArrayBuffer(HEADER));
  const word = (place, text) => [...text].forEach((letter, k) => header.setUint8(place + k, letter.charCodeAt(0)));
  word(0, "RIFF");
  header.setUint32(4, 36 + bytes, true);
  word(8, "WAVEfmt ");
  header.setUint32(16, 16, true);
  header.setUint16(20, 1, true); // PCM
  header.setUint16(22, 1, true); // mono
  header.setUint32(24, rate, true);
  header.setUint32(28, rate * 2, true);
  header.setUint16(32, 2, true);
  header.setUint16(34, 16, true);
  word(36, "data");
  header.setUint32(40, bytes, true);
  return new File([header, ...pieces], name, { type: "audio/wav" });
}

// Collects pieces until the server would refuse the file.
export class Tape {
  constructor(allowed) {
    this.pieces = [];
    this.bytes = 0;
    this.seconds = 0;
    this.full = false;
    this.most = { bytes: (allowed?.max_upload ?? Infinity) - HEADER, seconds: allowed?.max_duration ?? Infinity };
  }

  add(pcm, rate) {
    const seconds = this.seconds + pcm.length / rate;
    if (this.full || this.bytes + pcm.byteLength > this.most.bytes || seconds > this.most.seconds) {
      this.full = true;
      return;
    }
    this.pieces.push(pcm);
    this.bytes += pcm.byteLength;
    this.seconds = seconds;
  }
}
