// Listening live: the microphone into the stream, its events into words; at the end the whole, and the recording to keep.
import { button, el, say } from "./dom.js";
import { asSentence, clock, probability, stamp } from "./format.js";
import { LivePlot } from "./live-plot.js";
import { openMicrophone } from "./microphone.js";
import { detail, explain } from "./problems.js";
import { LiveSocket } from "./socket.js";
import t from "./strings.js";
import { Tape, toPcm, wavFile } from "./wav.js";
import { peak } from "./wave.js";

const SLOW = 2; // seconds of sound waiting for the line that are worth a word

// Shows the live view in `place` until it is closed; onRecording(file) is called if the user wants the whole judged.
// Raises MicrophoneError.
export async function listen(place, allowed, onRecording) {
  const session = new Session(allowed, onRecording);
  place.replaceChildren(session.node);
  place.hidden = false;
  try {
    await session.run();
  } finally {
    place.hidden = true;
    place.replaceChildren();
  }
}

class Session {
  constructor(allowed, onRecording) {
    this.allowed = allowed;
    this.onRecording = onRecording;
    this.tape = new Tape(allowed);
    this.heard = 0;
    this.open = null; // the fake part that has not ended
    this.word = "";
    this.build();
    this.closed = new Promise((resolve) => {
      this.close = resolve;
    });
  }

  build() {
    const words = t.live;
    const number = (name, node) => el("div", {}, name, node);
    const named = (text) => el("dt", {}, text);
    this.badge = el("h2", { class: "live-word", tabindex: "-1" }, words.connecting);
    this.reason = el("p", { class: "live-reason" }, words.first);
    this.p = el("dd", {}, "–");
    this.pName = named(words.p);
    this.latency = el("dd", { id: "latency" }, "–");
    this.time = el("dd", {}, clock(0));
    this.canvas = el("canvas", { class: "live-plot", role: "img", "aria-label": words.picture });
    this.plot = new LivePlot(this.canvas);
    this.trouble = el("p", { class: "note", hidden: true });
    this.log = el("ol", { class: "events" }, el("li", { class: "soft" }, words.none));
    this.actions = el("div", { class: "actions" }, button(words.stop, () => this.stop(), { class: "primary" }));
    this.node = el(
      "div",
      { class: "live", "data-verdict": "none" },
      el("p", { class: "eyebrow" }, el("span", {}, words.title)),
      this.badge,
      this.reason,
      el(
        "dl",
        { class: "numbers" },
        number(this.pName, this.p),
        number(named(words.latency), this.latency),
        number(named(words.time), this.time),
      ),
      this.canvas,
      this.trouble,
      this.actions,
      el("h3", {}, words.events),
      this.log,
    );
  }

  async run() {
    this.microphone = await openMicrophone((chunk) => this.sound(chunk), () => this.stop());
    if (this.stopped) {
      this.microphone.close();
      return;
    }
    this.socket = new LiveSocket(this.microphone.rate);
    this.socket.addEventListener("event", ({ detail: event }) => this.said(event));
    this.socket.addEventListener("closed", ({ detail: problem }) => this.over(problem));
    const step = () => {
      if (!this.node.isConnected) return;
      this.plot.draw();
      setTimeout(() => requestAnimationFrame(step), 100);
    };
    step();
    await this.closed;
    this.microphone.close();
    this.socket.end();
  }

  sound(chunk) {
    if (!this.socket?.ready || this.socket.ended) return;
    const pcm = toPcm(chunk);
    this.socket.send(pcm);
    this.tape.add(pcm, this.microphone.rate);
    this.heard += chunk.length / this.microphone.rate;
    this.plot.sound(this.heard, peak(chunk));
    this.time.textContent = clock(this.heard);
    const { waiting } = this.socket;
    this.trouble.hidden = waiting < SLOW;
    if (waiting >= SLOW) this.trouble.textContent = t.live.slow(waiting.toFixed(0));
  }

  said(event) {
    switch (event.event) {
      case "ready":
        return this.show("none", t.live.listening, t.live.first);
      case "score":
        return this.score(event);
      case "unsure":
        return this.show("unsure", t.live.words.unsure, asSentence(event.reason));
      case "fake_started":
        return this.started(event);
      case "fake_ended":
        return this.ended(event);
      case "end":
        return this.summary(event);
      default:
        return undefined;
    }
  }

  score(event) {
    this.plot.score(event.time, event.recent ?? event.p_fake);
    this.p.textContent = probability(event.p_fake);
    if (event.latency !== null) this.latency.textContent = t.live.ms(Math.round(event.latency));
    if (event.verdict === "real") this.show("real", t.live.words.real, t.live.steady);
    if (event.verdict === "fake" && this.open) this.show("fake", t.live.words.fake, t.live.since(clock(this.open.start)));
  }

  // Said aloud only when the word changes: a screen reader is no meter.
  show(verdict, word, reason) {
    this.node.dataset.verdict = verdict;
    this.badge.textContent = word;
    this.reason.textContent = reason;
    if (word !== this.word) say(word);
    this.word = word;
  }

  started(event) {
    this.open = { start: event.start, end: null };
    this.plot.spans.push(this.open);
    this.show("fake", t.live.words.fake, t.live.since(clock(event.start)));
    this.note(t.live.started(clock(event.start), probability(event.p_fake)));
  }

  ended(event) {
    if (this.open) Object.assign(this.open, { start: event.start, end: event.end });
    this.open = null;
    this.note(t.live.ended(clock(event.start), clock(event.end)));
  }

  note(text) {
    this.log.querySelector(".soft")?.remove();
    this.log.prepend(el("li", {}, text));
  }

  stop() {
    this.stopped = true; // also while the browser still asks for the microphone
    this.microphone?.close();
    this.socket?.end();
  }

  summary(event) {
    const reason = event.reason ? asSentence(event.reason) : "";
    const fakes = event.fakes ? t.live.fakeSeconds(event.fakes, event.fake_seconds.toFixed(1)) : "";
    this.pName.textContent = t.live.pWhole;
    this.p.textContent = probability(event.p_fake);
    this.show(event.verdict, t.live.over[event.verdict], [reason, fakes].filter(Boolean).join(" "));
  }

  over(problem) {
    this.microphone.close();
    if (problem) this.lost(problem);
    const keep = button(t.live.judge, () => this.keep(), { class: "primary" });
    const close = button(t.live.close, () => this.close());
    const whole = this.tape.bytes > 0 && !this.tape.full;
    this.actions.replaceChildren(...(whole ? [keep] : []), close);
    if (this.tape.full) this.actions.after(el("p", { class: "fine" }, t.live.notKept));
    (whole ? keep : close).focus();
  }

  lost(problem) {
    const own = { lost: t.live.lost, restart: t.live.restart };
    this.trouble.hidden = false;
    this.trouble.textContent = [own[problem.code] ?? explain(problem, this.allowed), own[problem.code] ? "" : detail(problem)]
      .filter(Boolean)
      .join(" ");
    say(this.trouble.textContent);
  }

  keep() {
    this.onRecording(wavFile(this.tape.pieces, this.microphone.rate, t.microphone.name(stamp())));
    this.close();
  }
}
