// A file's samples for the pictures; the server judges the file itself, never these.

const RATE = 16_000;
export const LONGEST = 1200; // seconds that are decoded for a picture: 80 MB a channel

// Mono samples at 16 kHz; null where this browser does not read the kind of file.
export async function decode(file) {
  try {
    const context = new OfflineAudioContext(1, 1, RATE); // decoding resamples to its rate
    const buffer = await context.decodeAudioData(await file.arrayBuffer());
    return mixed(buffer);
  } catch {
    return null;
  }
}

function mixed(buffer) {
  if (buffer.numberOfChannels === 1) return buffer.getChannelData(0);
  const sum = new Float32Array(buffer.length);
  for (let channel = 0; channel < buffer.numberOfChannels; channel += 1) {
    const data = buffer.getChannelData(channel);
    for (let k = 0; k < sum.length; k += 1) sum[k] += data[k] / buffer.numberOfChannels;
  }
  return sum;
}
