// The last minute of a live stream: loudness at the bottom, p_fake above it, fake parts shaded.
import { colours, prepared } from "./canvas.js";
import { clock } from "./format.js";

const SPAN = 60; // seconds that are shown
const SPLIT = 0.68; // of the height for p_fake

export class LivePlot {
  constructor(canvas) {
    this.canvas = canvas;
    this.levels = []; // [time, peak]
    this.points = []; // {time, p_fake}
    this.spans = []; // {start, end or null}
    this.now = 0;
  }

  sound(time, peak) {
    this.now = time;
    this.levels.push([time, peak]);
    if (this.levels[0][0] < time - SPAN - 1) this.levels.shift();
  }

  score(time, p) {
    if (p !== null) this.points.push({ time, p });
    if (this.points.length > 1000) this.points.shift();
  }

  draw() {
    const at = prepared(this.canvas);
    if (!at) return;
    const palette = colours();
    const { context, width, height } = at;
    const begin = Math.max(0, this.now - SPAN);
    const x = (time) => ((time - begin) / SPAN) * width;
    const floor = height * SPLIT;
    const y = (p) => 6 + (1 - p) * (floor - 12);
    context.fillStyle = palette.well;
    context.fillRect(0, 0, width, floor);
    this.drawSpans(context, x, height, palette);
    this.drawScale(context, width, y, x, begin, height, palette);
    context.fillStyle = palette.accent;
    for (const [time, peak] of this.levels) {
      const tall = Math.max(1, Math.sqrt(peak) * (height - floor - 22));
      context.fillRect(x(time) - 2, height - 18 - tall, 2, tall);
    }
    this.drawPoints(context, x, y, palette);
  }

  drawSpans(context, x, height, palette) {
    context.fillStyle = palette.fake;
    context.globalAlpha = 0.2;
    for (const one of this.spans) {
      const end = x(one.end ?? this.now);
      if (end > 0) context.fillRect(Math.max(0, x(one.start)), 0, end - Math.max(0, x(one.start)), height - 18);
    }
    context.globalAlpha = 1;
  }

  drawScale(context, width, y, x, begin, height, palette) {
    context.fillStyle = palette.line;
    context.fillRect(0, y(0.5), width, 1);
    context.fillStyle = palette.soft;
    context.font = "12px sans-serif";
    context.textAlign = "left";
    for (let time = Math.ceil(begin / 15) * 15; time <= begin + SPAN; time += 15) {
      const place = Math.max(2, Math.min(x(time), width - 34));
      context.fillText(clock(time).replace(/\.0$/, ""), place, height - 4);
    }
    context.fillText("1", 4, y(1) + 10);
    context.fillText("0", 4, y(0));
  }

  drawPoints(context, x, y, palette) {
    context.strokeStyle = palette.ink;
    context.lineWidth = 2;
    context.beginPath();
    this.points.forEach((one, k) => {
      const joined = k && one.time - this.points[k - 1].time < 2;
      if (joined) context.lineTo(x(one.time), y(one.p));
      else context.moveTo(x(one.time), y(one.p));
    });
    context.stroke();
    const last = this.points.at(-1);
    if (!last || last.time < this.now - SPAN) return;
    context.fillStyle = palette.ink;
    context.beginPath();
    context.arc(x(last.time), y(last.p), 4.5, 0, 2 * Math.PI);
    context.fill();
  }
}
