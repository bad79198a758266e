// p_fake over time: 1 at the top; a dot in the middle of each judged window, joined where windows touch.
import { marks, prepared } from "./canvas.js";
import { clock, pFake } from "./format.js";
import t from "./strings.js";

const MOST_DOTS = 60;
const INSET = 5; // pixels above 1 and below 0, so that no dot is cut

export function drawEvidence(canvas, result, band, palette) {
  const at = prepared(canvas);
  if (!at) return;
  const { context, width, height } = at;
  const x = (time) => (time / result.duration) * width;
  const y = (p) => INSET + (1 - p) * (height - 2 * INSET);
  if (band) drawBand(at, y, band, palette);
  const points = result.timeline.filter((one) => one.p_fake !== null);
  context.lineJoin = "round";
  if (points.length <= MOST_DOTS) drawReaches(context, points, x, y, palette);
  drawCurve(context, points, x, y, palette);
  if (points.length <= MOST_DOTS) {
    for (const one of points) drawDot(context, x((one.start + one.end) / 2), y(one.p_fake), palette, band, one);
  }
}

function drawBand({ context, width }, y, band, palette) {
  context.fillStyle = palette.unsure;
  context.globalAlpha = 0.16;
  context.fillRect(0, y(band.high), width, y(band.low) - y(band.high));
  context.globalAlpha = 1;
  context.fillStyle = palette.soft;
  context.font = "11px sans-serif";
  context.textAlign = "right";
  context.fillText(t.figure.unsureBand, width - 6, y((band.low + band.high) / 2) + 4);
}

function drawReaches(context, points, x, y, palette) {
  context.strokeStyle = palette.ink;
  context.globalAlpha = 0.25;
  context.lineWidth = 1;
  context.beginPath();
  for (const one of points) {
    context.moveTo(x(one.start), y(one.p_fake));
    context.lineTo(x(one.end), y(one.p_fake));
  }
  context.stroke();
  context.globalAlpha = 1;
}

function drawCurve(context, points, x, y, palette) {
  context.strokeStyle = palette.ink;
  context.lineWidth = 2;
  context.beginPath();
  points.forEach((one, k) => {
    const place = [x((one.start + one.end) / 2), y(one.p_fake)];
    if (k && one.start <= points[k - 1].end + 1e-6) context.lineTo(...place);
    else context.moveTo(...place);
  });
  context.stroke();
}

function drawDot(context, x, y, palette, band, one) {
  const tone = !band ? "ink" : one.p_fake > band.high ? "fake" : one.p_fake < band.low ? "real" : "unsure";
  context.fillStyle = palette[tone];
  context.strokeStyle = palette.card;
  context.lineWidth = 2;
  context.beginPath();
  context.arc(x, y, 5, 0, 2 * Math.PI);
  context.fill();
  context.stroke();
}

// The scale of seconds under the drawings.
export function drawRuler(canvas, duration, palette) {
  const at = prepared(canvas);
  if (!at) return;
  const { context, width } = at;
  const { step, times } = marks(duration, Math.max(2, width / 90));
  context.fillStyle = palette.soft;
  context.font = "12px sans-serif";
  for (const time of times) {
    const x = (time / duration) * width;
    context.fillRect(Math.min(x, width - 1), 0, 1, 5);
    context.textAlign = time === 0 ? "left" : x > width - 30 ? "right" : "center";
    context.fillText(step < 1 ? clock(time) : clock(time).replace(/\.0$/, ""), x, 18);
  }
}

// Where the model is unsure, as p_fake; null where it gives no verdicts.
export function bandOf(result, decision) {
  if (!decision || result.p_fake === null || result.threshold === null) return null;
  const shift = result.threshold - decision.threshold;
  return { low: pFake(decision.unsure_above + shift), high: pFake(decision.unsure_below + shift) };
}

// p_fake of the window whose middle is nearest to a time, of those that heard it; null where none did.
export function heardAt(result, time) {
  const near = result.timeline.filter((one) => one.start <= time && time <= one.end);
  const distance = (one) => Math.abs((one.start + one.end) / 2 - time);
  return near.reduce((best, one) => (best && distance(best) <= distance(one) ? best : one), null)?.p_fake ?? null;
}
