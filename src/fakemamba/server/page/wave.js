// The waveform: one column a pixel from the smallest to the largest sample in it, red where the part was called fake.
import { prepared } from "./canvas.js";

export function drawWave(canvas, samples, duration, fakes, palette) {
  const at = prepared(canvas);
  if (!at) return;
  const { context, width, height } = at;
  const middle = height / 2;
  const loudest = peak(samples) || 1;
  context.fillStyle = palette.line;
  context.fillRect(0, middle - 0.5, width, 1);
  for (let x = 0; x < width; x += 1) {
    const [low, high] = extremes(samples, x / width, (x + 1) / width);
    const time = ((x + 0.5) / width) * duration;
    context.fillStyle = fakes.some((one) => time >= one.start && time < one.end) ? palette.fake : palette.accent;
    const top = middle - (high / loudest) * (middle - 2);
    const bottom = middle - (low / loudest) * (middle - 2);
    context.fillRect(x, top, 1, Math.max(1, bottom - top));
  }
}

function extremes(samples, from, to) {
  const first = Math.floor(from * samples.length);
  const last = Math.max(first + 1, Math.floor(to * samples.length));
  const step = Math.max(1, Math.floor((last - first) / 2000)); // enough for the eye, also of an hour
  let [low, high] = [Infinity, -Infinity];
  for (let k = first; k < last && k < samples.length; k += step) {
    low = Math.min(low, samples[k]);
    high = Math.max(high, samples[k]);
  }
  return low > high ? [0, 0] : [low, high];
}

export function peak(samples) {
  let found = 0;
  for (let k = 0; k < samples.length; k += 1) found = Math.max(found, Math.abs(samples[k]));
  return found;
}
