// WS /v1/stream: samples out, events in, and how long each answer took after its sound.
import { Problem, getKey, streamAddress } from "./api.js";
import { point } from "./points.js";

const MARKS = 2400; // pieces whose time is remembered: two minutes

// Events: "event" with what the server said (and latency in ms, where it can be told), "closed" with a Problem or null.
export class LiveSocket extends EventTarget {
  constructor(rate) {
    super();
    this.rate = rate;
    this.sent = 0; // seconds of sound
    this.marks = []; // [seconds sent, when they had been heard]
    this.ended = false;
    this.problem = null;
    this.socket = new WebSocket(streamAddress());
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => this.start();
    this.socket.onmessage = ({ data }) => this.hear(JSON.parse(data));
    this.socket.onclose = (event) => this.closed(event);
  }

  start() {
    const key = getKey();
    this.socket.send(
      JSON.stringify({
        type: "start",
        format: "s16le",
        rate: this.rate,
        channels: 1,
        ...(key ? { key } : {}),
        ...(point() ? { config: { operating_point: point() } } : {}),
      }),
    );
    this.ready = true;
  }

  send(pcm) {
    if (!this.ready || this.ended || this.socket.readyState !== WebSocket.OPEN) return;
    this.socket.send(pcm);
    this.sent += pcm.length / this.rate;
    this.marks.push([this.sent, performance.now()]);
    if (this.marks.length > MARKS) this.marks.shift();
  }

  // Seconds of sound that wait for the line.
  get waiting() {
    return this.socket.bufferedAmount / 2 / this.rate;
  }

  end() {
    if (this.ended) return;
    this.ended = true;
    if (this.ready && this.socket.readyState === WebSocket.OPEN) this.socket.send('{"type": "end"}');
    else this.socket.close();
  }

  hear(event) {
    if (event.event === "error") {
      this.problem = new Problem(event.error.code, event.error.message, {
        status: event.status,
        retryAfter: event.retry_after ?? null,
      });
      return;
    }
    if (event.event === "end") this.over = true;
    const latency = event.event === "score" ? this.latency(event.time) : null;
    this.dispatchEvent(new CustomEvent("event", { detail: { ...event, latency } }));
  }

  // From the moment when the last sample that an answer stands on was heard, until now.
  latency(time) {
    const mark = this.marks.find(([sent]) => sent >= time - 1e-6);
    return mark ? performance.now() - mark[1] : null;
  }

  closed({ code }) {
    const restart = code === 1012 ? new Problem("restart") : null;
    const lost = this.over ? null : new Problem(this.ready ? "lost" : "offline");
    this.dispatchEvent(new CustomEvent("closed", { detail: this.problem ?? restart ?? lost }));
  }
}
