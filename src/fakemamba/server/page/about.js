// What the verdicts can and cannot say, how often the model errs as far as is known, and what judges.
import { code, el, facts } from "./dom.js";
import { pFake, probability } from "./format.js";
import t from "./strings.js";

const RATES = ["eer", "unsure", "wrong", "genuine_called_fake", "fakes_called_real"];

export function about(model) {
  const limits = t.about.limits ?? model.limits;
  return [
    el("ul", { class: "limits" }, limits.map((limit) => el("li", {}, limit))),
    el("h3", {}, t.about.errors),
    ...errors(model.error_rates),
    el("h3", {}, t.about.model),
    facts(rows(model)),
  ];
}

function errors(rates) {
  const sets = Array.isArray(rates.sets) ? rates.sets.filter((one) => one && typeof one === "object") : [];
  if (!sets.length) return [el("p", { class: "note" }, t.about.errorsNone)];
  const heads = [t.about.set, t.about.clips, ...RATES.map((name) => t.about[name])];
  const row = (one) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, String(one.name ?? "–")),
      el("td", {}, `${one.genuine ?? "–"} / ${one.fake ?? "–"}`),
      RATES.map((name) => el("td", {}, typeof one[name] === "number" ? `${one[name].toFixed(1)} %` : "–")),
    );
  return [
    el("p", {}, t.about.errorsFine),
    el(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": t.about.errors },
      el(
        "table",
        { class: "rates" },
        el("thead", {}, el("tr", {}, heads.map((name) => el("th", { scope: "col" }, name)))),
        el("tbody", {}, sets.map(row)),
      ),
    ),
    typeof rates.source === "string" ? el("p", { class: "fine" }, t.about.errorsMore(rates.source)) : "",
  ];
}

function rows(model) {
  const words = t.about;
  const found = [
    [words.name, model.name],
    [words.hash, code(model.sha256)],
    [words.version, `fakemamba ${model.version}`],
    [words.licence, model.licence],
    [words.origin, model.origin],
    [words.window, words.windows(String(model.window), String(model.hop))],
  ];
  if (model.decision && model.calibrated) {
    const { unsure_above: above, unsure_below: below } = model.decision;
    found.push([words.unsureBetween, words.between(probability(pFake(above)), probability(pFake(below)))]);
  }
  return found.filter(([, value]) => value);
}
