// Waveform, spectrogram and p_fake on one time axis, with the fake parts to select and a cursor that follows the sound.
import { colours } from "./canvas.js";
import { LONGEST, decode } from "./decode.js";
import { el } from "./dom.js";
import { bandOf, drawEvidence, drawRuler, heardAt } from "./evidence.js";
import { clock, probability } from "./format.js";
import { Player } from "./player.js";
import { drawSpectrogram, spectrogram } from "./spectrogram.js";
import t from "./strings.js";
import { drawWave } from "./wave.js";

const MOST_COLUMNS = 1200;

export class Figure {
  constructor(file, result, decision) {
    this.file = file;
    this.result = result;
    this.band = bandOf(result, decision);
    this.fakes = result.segments.filter((one) => one.verdict === "fake");
    this.samples = null;
    this.levels = null;
    this.player = new Player(file, result.duration, (time) => this.follow(time));
    this.build();
  }

  build() {
    const words = t.figure;
    this.wave = el("canvas", { class: "wave", role: "img", "aria-label": words.wave });
    this.picture = el("canvas", { class: "spectrogram", role: "img", "aria-label": words.spectrogram });
    this.evidence = el("canvas", { class: "evidence", role: "img", "aria-label": this.summary() });
    this.ruler = el("canvas", { class: "ruler", "aria-hidden": "true" });
    this.cursor = el("div", { class: "cursor" });
    this.spans = el("div", { class: "spans" }, this.fakes.map((one) => this.span(one)));
    this.plot = el(
      "div",
      { class: "plot" },
      el("div", { class: "row picture-row" }, this.wave, el("span", { class: "tag" }, words.wave)),
      el("div", { class: "row picture-row" }, this.picture, el("span", { class: "tag" }, words.spectrogram)),
      el("div", { class: "row evidence-row" }, this.evidence, el("span", { class: "tag" }, words.evidence)),
      this.ruler,
      this.spans,
      this.cursor,
    );
    // A pointer can go anywhere; keys use the slider and the parts.
    this.plot.addEventListener("click", (event) => this.seek(event));
    this.note = el("p", { class: "fine" });
    this.reading = el("p", { class: "reading" });
    this.node = el(
      "section",
      { class: "figure", "aria-label": words.title },
      el("h3", {}, words.title),
      this.plot,
      el("div", { class: "under" }, this.player.node, this.reading),
      this.note,
    );
    this.player.onbroken = () => {
      this.note.textContent = this.fakes.length ? words.hintSilent : "";
    };
    if (this.fakes.length) this.note.textContent = words.hint;
  }

  summary() {
    const found = this.result.timeline.map((one) => one.p_fake).filter((p) => p !== null);
    if (!found.length) return t.figure.evidence;
    return t.figure.evidenceLabel(probability(Math.min(...found)), probability(Math.max(...found)));
  }

  span(one) {
    const label = t.figure.span(clock(one.start), clock(one.end), t.verdict.words.fake, probability(one.p_fake));
    const node = el("button", { type: "button", class: "span", "aria-label": label, title: label });
    node.style.left = `${(100 * one.start) / this.result.duration}%`;
    node.style.width = `${(100 * (one.end - one.start)) / this.result.duration}%`;
    node.addEventListener("click", (event) => {
      event.stopPropagation();
      this.play(one.start, one.end);
    });
    return node;
  }

  async start() {
    this.draw();
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(this.plot);
    this.themed = () => this.draw();
    addEventListener("themechange", this.themed);
    if (this.result.duration > LONGEST) {
      this.bare(t.figure.tooLong);
      return;
    }
    this.samples = await decode(this.file);
    if (this.samples === null) {
      this.bare(t.figure.noPicture);
      return;
    }
    this.levels = spectrogram(this.samples, Math.min(MOST_COLUMNS, Math.ceil(this.samples.length / 128)));
    this.draw();
    this.plot.dataset.drawn = "true";
  }

  // Without pictures of the sound: the timeline alone, and why.
  bare(why) {
    this.plot.classList.add("bare");
    this.note.textContent = [why, this.note.textContent].filter(Boolean).join(" ");
    this.draw();
  }

  draw() {
    const palette = colours();
    if (this.samples) drawWave(this.wave, this.samples, this.result.duration, this.fakes, palette);
    if (this.levels) drawSpectrogram(this.picture, this.levels, palette);
    drawEvidence(this.evidence, this.result, this.band, palette);
    drawRuler(this.ruler, this.result.duration, palette);
    this.follow(this.player.time);
  }

  follow(time) {
    const share = Math.min(1, time / this.result.duration);
    this.cursor.style.transform = `translateX(${share * this.plot.clientWidth}px)`;
    if (this.result.p_fake === null) return; // a model without probabilities, or nothing to judge
    const p = heardAt(this.result, time);
    this.reading.textContent = p === null ? t.figure.readsNothing : t.figure.reads(probability(p));
  }

  seek(event) {
    const box = this.plot.getBoundingClientRect();
    this.player.seek(((event.clientX - box.left) / box.width) * this.result.duration);
  }

  play(start, end = null) {
    this.player.play(start, end);
  }

  close() {
    this.watch?.disconnect();
    removeEventListener("themechange", this.themed);
    this.player.close();
  }
}
