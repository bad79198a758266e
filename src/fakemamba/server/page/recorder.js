// Records the microphone into a WAV file and hands it over; nothing leaves the page before that.
import { button, el, say } from "./dom.js";
import { clock, stamp } from "./format.js";
import { MicrophoneError, openMicrophone } from "./microphone.js";
import t from "./strings.js";
import { Tape, toPcm, wavFile } from "./wav.js";
import { peak } from "./wave.js";

const QUIET = 0.003; // a peak below it, for two seconds, is no microphone that hears

// Fills `place` with the controls; resolves to {file, full}: a File, or null if discarded, and whether
// the server would take no more. Raises MicrophoneError.
export async function record(place, allowed) {
  const tape = new Tape(allowed);
  const view = new View();
  place.replaceChildren(view.node);
  place.hidden = false;
  let microphone = null;
  try {
    let over;
    const finished = new Promise((resolve) => {
      over = resolve;
    });
    view.onstop = () => over(true);
    view.ondiscard = () => over(false);
    microphone = await openMicrophone((chunk) => {
      if (!microphone) return;
      tape.add(toPcm(chunk), microphone.rate);
      view.show(tape, peak(chunk));
      if (tape.full) over(true);
    }, () => over(true));
    view.begun();
    say(t.microphone.recording);
    const keep = await finished;
    const file = keep && tape.bytes ? wavFile(tape.pieces, microphone.rate, t.microphone.name(stamp())) : null;
    return { file, full: tape.full };
  } finally {
    microphone?.close();
    place.hidden = true;
    place.replaceChildren();
  }
}

export { MicrophoneError };

class View {
  constructor() {
    const words = t.microphone;
    this.title = el("h2", {}, words.asking);
    this.time = el("span", { class: "clock big" }, clock(0));
    this.level = el("meter", { min: "0", max: "1", low: "0.02", value: "0", "aria-label": words.level });
    this.warning = el("p", { class: "note", hidden: true }, words.silent);
    this.stop = button(words.stop, () => this.onstop(), { class: "primary", disabled: true });
    this.heard = 0;
    this.node = el(
      "div",
      { class: "recorder" },
      this.title,
      el("div", { class: "recorder-line" }, el("span", { class: "dot", "aria-hidden": "true" }), this.time, this.level),
      this.warning,
      el("div", { class: "actions" }, this.stop, button(words.discard, () => this.ondiscard())),
      el("p", { class: "fine" }, words.fine),
    );
  }

  begun() {
    this.title.textContent = t.microphone.recording;
    this.stop.disabled = false;
    this.stop.focus();
  }

  show(tape, loudness) {
    this.time.textContent = clock(tape.seconds);
    this.level.value = Math.sqrt(loudness); // closer to what ears call loud
    if (loudness > QUIET) this.heard = tape.seconds;
    this.warning.hidden = tape.seconds - this.heard < 2;
  }
}
