// One recording's answer: the verdict in words, where, the numbers, and the report to take away.
import { button, code, el, facts } from "./dom.js";
import { Figure } from "./figure.js";
import { asSentence, clock, odds, pFake, probability, sentence, signed } from "./format.js";
import { detail, explain, mends } from "./problems.js";
import { save } from "./save.js";
import t from "./strings.js";

// A view of a finished item; close() gives back what its sound and drawings hold.
export function resultView(item, model) {
  const { result } = item;
  const decision =
    model?.operating_points?.find((one) => one.name === result.operating_point) ?? model?.decision ?? null;
  const figure = new Figure(item.file, result, decision);
  const node = el(
    "article",
    { class: `card result ${result.verdict}`, "aria-labelledby": "verdict" },
    el("p", { class: "eyebrow" }, el("span", {}, item.name), el("span", {}, clock(result.duration))),
    verdict(result),
    gauge(result, decision),
    figure.node,
    segments(result, figure),
    downloads(item),
    record(item),
  );
  figure.start();
  return { node, update() {}, close: () => figure.close() };
}

// A view of an item that could not be judged.
export function failureView(item, items) {
  const node = el(
    "article",
    { class: "card result failed", "aria-labelledby": "verdict" },
    el("p", { class: "eyebrow" }, item.name),
    heading("failed", explain(item.problem, items.allowed)),
    detail(item.problem) ? el("p", { class: "fine" }, detail(item.problem)) : null,
    mends(item.problem)
      ? el("div", { class: "actions" }, button(t.errors.again, () => items.again(item), { class: "primary" }))
      : null,
  );
  return { node, update() {}, close() {} };
}

function heading(verdict, text) {
  return el(
    "h2",
    { class: "verdict", id: "verdict", tabindex: "-1" },
    el("span", { class: "badge" }, t.verdict.words[verdict]),
    el("span", { class: "sentence" }, text),
  );
}

function verdict(result) {
  const explained =
    result.p_fake !== null
      ? odds(result.p_fake)
      : result.score !== null
        ? t.verdict.uncalibrated(signed(result.score))
        : null;
  const notes = [
    ...(result.reason ? [[t.verdict.why, result.reason]] : []),
    ...result.warnings.map((warning) => [t.verdict.note, warning]),
  ];
  return el(
    "div",
    { class: "answer" },
    heading(result.verdict, sentence(result)),
    explained ? el("p", { class: "explain" }, explained) : null,
    notes.map(([name, text]) => el("p", { class: "note" }, el("b", {}, name), " ", asSentence(text))),
    result.verdict === "unsure"
      ? null
      : el("p", { class: "fine" }, `${t.verdict.caution} `, el("a", { href: "#about" }, t.verdict.cautionMore)),
  );
}

// Where the evidence lies between real and fake, with the band where the model is unsure.
function gauge(result, decision) {
  if (result.p_fake === null || !decision) return null;
  const zone = (name, from, to) => {
    const part = el("div", { class: `zone ${name}` });
    part.style.left = `${100 * from}%`;
    part.style.width = `${100 * (to - from)}%`;
    return part;
  };
  // The band of its operating point, or the server's own, moved with the threshold that this result was judged by.
  const shift = (result.threshold ?? decision.threshold) - decision.threshold;
  const [left, right] = [pFake(decision.unsure_above + shift), pFake(decision.unsure_below + shift)];
  const mark = el("div", { class: "mark" }, el("span", {}, probability(result.p_fake)));
  mark.style.left = `${100 * result.p_fake}%`;
  if (result.p_fake > 0.85) mark.classList.add("right");
  if (result.p_fake < 0.15) mark.classList.add("left");
  const middle = el("span", { class: "gauge-middle" }, t.verdict.gaugeUnsure);
  middle.style.left = `${50 * (left + right)}%`;
  return el(
    "div",
    { class: "gauge", role: "img", "aria-label": t.verdict.gauge(probability(result.p_fake)) },
    el("div", { class: "bar" }, zone("real", 0, left), zone("unsure", left, right), zone("fake", right, 1), mark),
    el("p", { class: "gauge-ends" }, el("span", {}, t.verdict.gaugeReal), middle, el("span", {}, t.verdict.gaugeFake)),
  );
}

function segments(result, figure) {
  if (!result.segments.length) return null;
  const row = (one) => {
    const span = `${clock(one.start)}–${clock(one.end)}`;
    const listen = button(span, () => figure.play(one.start, one.end), {
      class: "link",
      "aria-label": t.segments.play(span), // holds the visible text, for those who speak to their machine
    });
    return el(
      "tr",
      { class: one.verdict },
      el("td", {}, listen),
      el("td", { class: "tone" }, t.verdict.words[one.verdict], one.near ? ` ${t.segments.near}` : ""),
      el("td", {}, probability(one.p_fake)),
      el("td", {}, signed(one.score)),
    );
  };
  const heads = [t.segments.time, t.segments.verdict, t.segments.p, t.segments.score];
  return el(
    "details",
    { class: "parts", open: result.segments.length <= 12 },
    el("summary", {}, `${t.segments.title} (${result.segments.length})`),
    el(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": t.segments.title },
      el(
        "table",
        {},
        el("thead", {}, el("tr", {}, heads.map((name) => el("th", { scope: "col" }, name)))),
        el("tbody", {}, result.segments.map(row)),
      ),
    ),
  );
}

function downloads(item) {
  const base = t.report.name(item.name.replace(/\.[^.]+$/, ""));
  const json = () => save(`${JSON.stringify(item.report.json, null, 2)}\n`, "application/json", `${base}.json`);
  return el(
    "div",
    { class: "downloads" },
    el(
      "div",
      { class: "actions" },
      button(t.report.html, () => save(item.report.html, "text/html", `${base}.html`), { class: "primary" }),
      button(t.report.json, json),
    ),
    el("p", { class: "fine" }, t.report.fine),
  );
}

function record({ result, report }) {
  const words = t.facts;
  const rows = [[words.speech, words.speechOf(result.speech.toFixed(1), result.duration.toFixed(1))]];
  if (result.llr !== null) {
    rows.push([words.evidence, words.evidenceIs(signed(result.llr), signed(result.threshold))]);
  }
  if (result.operating_point) rows.push([words.point, t.points.names[result.operating_point] ?? result.operating_point]);
  rows.push(
    [words.file, code(result.source_sha256)],
    [words.model, result.model],
    [words.modelHash, code(result.model_sha256)],
    [words.software, `fakemamba ${result.version}`],
    [words.analysed, report.json.created.replace("T", " ").replace("+00:00", " UTC")],
  );
  return el("details", { class: "record" }, el("summary", {}, words.title), facts(rows));
}
