// Ties the page together: what comes in, what is shown, and who is told.
import { about } from "./about.js";
import { Problem, address, model as askModel } from "./api.js";
import { busyView } from "./busy.js";
import { button, byId, el, notice, say } from "./dom.js";
import { dropped, takeDrops } from "./drop.js";
import { length, megabytes, sentence } from "./format.js";
import { Items } from "./items.js";
import { askKey } from "./key.js";
import { listen } from "./live.js";
import { offer } from "./points.js";
import { explain } from "./problems.js";
import { MicrophoneError, record } from "./recorder.js";
import { failureView, resultView } from "./result.js";
import { saveCsv, saveJson } from "./save.js";
import t, { fill } from "./strings.js";
import { Table } from "./table.js";
import { themeButton } from "./themes.js";

const items = new Items();
const table = new Table(byId("table"), items, (item) => show(item, { focus: true }));
let model = null;
let shown = null; // {item, state, view}

function show(item, { focus = false } = {}) {
  shown?.view.close();
  shown = item && { item, state: item.state, view: viewOf(item) };
  byId("result").replaceChildren(...(shown ? [shown.view.node] : []));
  document.title = t.title(item?.state === "done" ? t.verdict.words[item.result.verdict] : "");
  batch();
  const head = byId("verdict");
  if (focus && head) head.focus();
}

function viewOf(item) {
  if (item.state === "done") return resultView(item, model);
  return item.state === "failed" ? failureView(item, items) : busyView(item, items);
}

// The table is there as soon as there is more than one recording.
function batch() {
  byId("batch").hidden = items.all.length < 2;
  byId("batch-title").textContent = t.batch.title(items.all.length);
  table.show(shown?.item ?? null);
}

items.addEventListener("added", ({ detail: fresh }) => {
  say(t.status.begun(fresh.map((one) => one.name).join(", ")));
  document.body.classList.add("used"); // the answer matters more now than the welcome
  show(fresh[0]);
  if (byId("result").getBoundingClientRect().top > innerHeight / 2) byId("result").scrollIntoView();
});
items.addEventListener("moved", ({ detail: item }) => {
  if (shown?.item === item) shown.view.update();
  if (items.all.length > 1) table.update(item);
});
items.addEventListener("changed", ({ detail: item }) => {
  if (item.state === "done") say(t.status.done(item.name, sentence(item.result)));
  if (item.state === "failed") say(t.status.failed(item.name, explain(item.problem, items.allowed)));
  if (item.state === "failed" && item.problem.code === "unauthorized") unlock(item);
  if (shown?.item !== item) batch();
  else if (item.state === "sending" || item.state === "judging" || item.state === "retrying") refresh(item);
  else show(item, { focus: byId("result").contains(document.activeElement) });
});
items.addEventListener("removed", ({ detail: item }) => {
  table.forget(item);
  const next = shown?.item === item ? (items.all.at(-1) ?? null) : (shown?.item ?? null);
  show(next);
  (items.all.length > 1 ? byId("batch-title") : (byId("verdict") ?? byId("main"))).focus();
});

// From one busy state to another the view stays; from a failure it is made anew.
function refresh(item) {
  if (shown.state === "failed" || shown.state === "done") show(item);
  shown.state = item.state;
  shown.view.update();
  batch();
}

function add(files) {
  notice("");
  if (files.length) items.add(files);
  else notice(t.intake.nothing);
}

// The microphone for one of its two uses; both give their buttons back at the end.
async function withMicrophone(use) {
  const place = byId("microphone");
  const opener = document.activeElement;
  notice("");
  byId("drop").hidden = true;
  document.body.classList.add("used");
  try {
    await use(place);
  } catch (error) {
    if (!(error instanceof MicrophoneError)) throw error;
    notice(error.message);
  } finally {
    byId("drop").hidden = false;
    if (opener instanceof HTMLElement) opener.focus();
  }
}

async function meet() {
  for (let wrong = false; ; wrong = true) {
    try {
      model = await askModel();
      break;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (problem.code !== "unauthorized") {
        byId("about-body").replaceChildren(el("p", { class: "note" }, t.errors.noModel));
        notice(problem.code === "offline" ? t.errors.offline : explain(problem, null));
        return;
      }
      await askKey(wrong);
    }
  }
  items.allowed = model.allowed;
  offer(byId("points"), model);
  byId("allowed").textContent = t.intake.allowed(megabytes(model.allowed.max_upload), length(model.allowed.max_duration));
  byId("about-body").replaceChildren(...about(model));
  if (shown?.item.state === "done") show(shown.item); // judged before its model was known
}

async function unlock(item) {
  await askKey(true);
  await meet();
  items.again(item);
}

fill();
document.title = t.title("");
if (matchMedia("(hover: none)").matches) byId("drop-title").textContent = t.intake.touch; // nothing drops on a phone
themeButton(byId("theme"));
const local = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
byId("privacy").textContent = local ? t.privacy.local : t.privacy.remote(address(".").host);
byId("batch-actions").append(
  button(t.report.allJson, () => saveJson(items.all)),
  button(t.report.allCsv, () => saveCsv(items.all)),
  button(t.batch.clear, () => [...items.all].forEach((item) => items.remove(item)), { class: "quiet" }),
);
byId("files").addEventListener("change", ({ target }) => {
  add([...target.files]);
  target.value = ""; // the same file can be chosen again
});
takeDrops(byId("drop"), async (transfer) => add(await dropped(transfer)));
byId("record").addEventListener("click", () =>
  withMicrophone(async (place) => {
    const { file, full } = await record(place, items.allowed);
    if (file) add([file]);
    if (full) notice(t.microphone.full);
  }),
);
byId("live").addEventListener("click", () => withMicrophone((place) => listen(place, items.allowed, (file) => add([file]))));
await meet();
