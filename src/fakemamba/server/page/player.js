// Plays the user's own file, from memory; a slider for keys, a callback for the cursor.
import { button, el } from "./dom.js";
import { clock } from "./format.js";
import t from "./strings.js";

const calm = matchMedia("(prefers-reduced-motion: reduce)");

export class Player {
  constructor(file, duration, onTime) {
    this.duration = duration;
    this.onTime = () => {};
    this.until = null;
    this.address = URL.createObjectURL(file);
    this.audio = new Audio();
    this.audio.preload = "auto";
    this.audio.addEventListener("timeupdate", () => this.show());
    this.audio.addEventListener("play", () => this.started());
    this.audio.addEventListener("pause", () => this.stopped());
    this.audio.addEventListener("ended", () => this.stopped());
    this.audio.addEventListener("error", () => this.broken());
    this.toggle = button(t.player.play, () => this.flip(), { class: "play" });
    this.slider = el("input", {
      type: "range",
      min: "0",
      max: String(duration),
      step: "0.1",
      value: "0",
      "aria-label": t.player.position,
      oninput: () => this.seek(Number(this.slider.value)),
    });
    this.clock = el("span", { class: "clock" });
    this.node = el("div", { class: "player" }, this.toggle, this.slider, this.clock);
    this.audio.src = this.address;
    this.show();
    this.onTime = onTime; // whoever draws the cursor is made after this
  }

  get time() {
    return this.audio.currentTime;
  }

  flip() {
    if (this.audio.paused) this.play(this.audio.ended ? 0 : null);
    else this.audio.pause();
  }

  // From a time (null: from where it stands) to another (null: to the end).
  play(start = null, until = null) {
    if (start !== null) this.audio.currentTime = Math.min(start, this.duration);
    this.until = until;
    this.audio.play().catch(() => this.show()); // a broken file is told by its error event
  }

  seek(time) {
    this.until = null;
    this.audio.currentTime = Math.max(0, Math.min(time, this.duration));
    this.show();
  }

  started() {
    this.toggle.textContent = t.player.pause;
    const step = () => {
      if (this.audio.paused) return;
      this.show();
      requestAnimationFrame(step);
    };
    if (!calm.matches) requestAnimationFrame(step); // else the cursor moves with timeupdate, a few times a second
  }

  stopped() {
    this.toggle.textContent = t.player.play;
    this.show();
  }

  broken() {
    if (!this.address) return;
    this.node.replaceChildren(el("p", { class: "fine" }, t.player.cannot));
    this.onbroken?.();
  }

  show() {
    const { currentTime: time } = this.audio;
    if (this.until !== null && time >= this.until) {
      this.until = null;
      this.audio.pause();
    }
    const text = t.player.at(clock(time), clock(this.duration));
    this.slider.value = String(time);
    this.slider.setAttribute("aria-valuetext", text);
    this.clock.textContent = text;
    this.onTime(time);
  }

  close() {
    const { address } = this;
    this.address = null;
    this.audio.pause();
    this.audio.removeAttribute("src");
    URL.revokeObjectURL(address);
  }
}
