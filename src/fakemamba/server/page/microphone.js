// The microphone as plain samples. The browser's filters are off: they would wipe out, or add, the traces looked for.
import t from "./strings.js";

const PLAIN = { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: { ideal: 1 } };

export class MicrophoneError extends Error {}

// Opens it and calls onChunk(Float32Array) every twentieth second, and onGone if it is unplugged; resolves to
// {rate, close}.
// Raises MicrophoneError with a sentence for people.
export async function openMicrophone(onChunk, onGone) {
  if (!navigator.mediaDevices?.getUserMedia || !window.AudioWorkletNode) throw new MicrophoneError(t.microphone.insecure);
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: PLAIN });
  } catch (error) {
    throw new MicrophoneError(told(error), { cause: error });
  }
  for (const track of stream.getTracks()) track.addEventListener("ended", onGone);
  const context = new AudioContext();
  const close = () => {
    for (const track of stream.getTracks()) track.stop();
    if (context.state !== "closed") context.close();
  };
  try {
    await context.audioWorklet.addModule(new URL("./capture.worklet.js", import.meta.url));
    await context.resume();
  } catch (error) {
    close();
    throw new MicrophoneError(t.microphone.broken, { cause: error });
  }
  const node = new AudioWorkletNode(context, "capture", { numberOfOutputs: 0 });
  node.port.onmessage = ({ data }) => onChunk(data);
  context.createMediaStreamSource(stream).connect(node);
  return { rate: context.sampleRate, close };
}

function told(error) {
  const words = t.microphone;
  const known = {
    NotAllowedError: words.refused,
    SecurityError: words.refused,
    NotFoundError: words.missing,
    OverconstrainedError: words.missing,
    NotReadableError: words.taken,
    AbortError: words.taken,
  };
  return known[error.name] ?? words.broken;
}
