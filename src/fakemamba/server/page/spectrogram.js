// The spectrogram: as many columns as can be seen, 512 samples each (32 ms at 16 kHz), 0 to 8 kHz, 70 dB deep.
import { prepared, rgb } from "./canvas.js";

const SIZE = 512;
const BINS = SIZE / 2;
const DEPTH = 70; // dB below the loudest that are still seen

// (columns * BINS) levels from 0 to 255, low frequencies first; its cost is bounded by the columns, not the length.
export function spectrogram(samples, columns) {
  const hann = Float64Array.from({ length: SIZE }, (_, k) => 0.5 - 0.5 * Math.cos((2 * Math.PI * k) / SIZE));
  const power = new Float64Array(columns * BINS);
  const [real, imaginary] = [new Float64Array(SIZE), new Float64Array(SIZE)];
  let loudest = 1e-12;
  for (let column = 0; column < columns; column += 1) {
    const start = Math.round(((column + 0.5) / columns) * samples.length) - SIZE / 2;
    for (let k = 0; k < SIZE; k += 1) real[k] = (samples[start + k] ?? 0) * hann[k];
    imaginary.fill(0);
    transform(real, imaginary);
    for (let bin = 0; bin < BINS; bin += 1) {
      const value = real[bin] ** 2 + imaginary[bin] ** 2;
      power[column * BINS + bin] = value;
      loudest = Math.max(loudest, value);
    }
  }
  return Uint8ClampedArray.from(power, (value) => 255 * (1 + (10 * Math.log10(value / loudest + 1e-12)) / DEPTH));
}

// In place, decimation in time (Cooley and Tukey, 1965); the length is a power of two.
export function transform(real, imaginary) {
  const n = real.length;
  for (let k = 1, j = 0; k < n; k += 1) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (k < j) {
      [real[k], real[j]] = [real[j], real[k]];
      [imaginary[k], imaginary[j]] = [imaginary[j], imaginary[k]];
    }
  }
  for (let size = 2; size <= n; size *= 2) butterflies(real, imaginary, size);
}

function butterflies(real, imaginary, size) {
  const half = size / 2;
  for (let k = 0; k < half; k += 1) {
    const angle = (-2 * Math.PI * k) / size;
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    for (let a = k; a < real.length; a += size) {
      const b = a + half;
      const re = real[b] * c - imaginary[b] * s;
      const im = real[b] * s + imaginary[b] * c;
      [real[b], imaginary[b]] = [real[a] - re, imaginary[a] - im];
      [real[a], imaginary[a]] = [real[a] + re, imaginary[a] + im];
    }
  }
}

// Levels in the theme's ink on its card, low frequencies at the bottom.
export function drawSpectrogram(canvas, levels, palette) {
  const at = prepared(canvas);
  if (!at) return;
  const columns = levels.length / BINS;
  const image = new ImageData(columns, BINS);
  const [paper, ink] = [rgb(palette.well), rgb(palette.ink)];
  for (let column = 0; column < columns; column += 1) {
    for (let bin = 0; bin < BINS; bin += 1) {
      const share = levels[column * BINS + bin] / 255;
      const place = 4 * ((BINS - 1 - bin) * columns + column);
      for (let part = 0; part < 3; part += 1) image.data[place + part] = paper[part] + share * (ink[part] - paper[part]);
      image.data[place + 3] = 255;
    }
  }
  const whole = document.createElement("canvas");
  [whole.width, whole.height] = [columns, BINS];
  whole.getContext("2d").putImageData(image, 0, 0);
  at.context.drawImage(whole, 0, 0, at.width, at.height);
}
