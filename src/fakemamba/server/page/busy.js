// What is honestly known while a recording waits, travels or is judged.
import { button, el } from "./dom.js";
import { clock } from "./format.js";
import t from "./strings.js";

// One line, and the share that is done (null: unknown).
export function progress(item) {
  switch (item.state) {
    case "waiting":
      return [t.busy.waiting, null];
    case "sending":
      return [t.busy.sending(Math.floor((item.share ?? 0) * 100)), item.share ?? 0];
    case "judging":
      if (!item.done) return [t.busy.sent, null];
      return item.total
        ? [t.busy.judgedOf(clock(item.done), clock(item.total)), Math.min(1, item.done / item.total)]
        : [t.busy.judged(clock(item.done)), null];
    case "retrying":
      return [t.busy.retry(Math.max(0, Math.ceil((item.waitUntil - Date.now()) / 1000))), null];
    default:
      return ["", null];
  }
}

// A view of an item that is under way; update() shows what has changed, close() ends its clock.
export function busyView(item, items) {
  const line = el("p", { class: "busy-line" });
  const bar = el("progress", { "aria-label": t.busy.progress, max: "1" });
  const now = button(t.busy.retryNow, () => items.again(item));
  const node = el(
    "article",
    { class: "card busy" },
    el("p", { class: "eyebrow" }, item.name),
    line,
    bar,
    el("div", { class: "actions" }, now, button(t.busy.cancel, () => items.cancel(item))),
  );
  const update = () => {
    const [text, share] = progress(item);
    line.textContent = text;
    if (share === null) bar.removeAttribute("value");
    else bar.value = share;
    now.hidden = item.state !== "retrying";
  };
  update();
  const ticking = setInterval(update, 500); // the countdown until the next try
  return { node, update, close: () => clearInterval(ticking) };
}
