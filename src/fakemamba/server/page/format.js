// Numbers as people read them; the same rules as fakemamba.report.document, so that page and report agree.
import t from "./strings.js";

// 4.18 -> "0:04.2", 3725 -> "1:02:05.0"
export function clock(seconds) {
  const tenths = Math.round(seconds * 10);
  const hours = Math.floor(tenths / 36000);
  const minutes = Math.floor(tenths / 600) % 60;
  const rest = `${String(Math.floor(tenths / 10) % 60).padStart(2, "0")}.${tenths % 10}`;
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

// Three decimals, but never a 0 or a 1 that no evidence supports.
export function probability(p) {
  if (p === null || p === undefined) return "–";
  if (p < 0.001) return "< 0.001";
  return p > 0.999 ? "> 0.999" : p.toFixed(3);
}

export function signed(value, digits = 3) {
  if (value === null || value === undefined) return "–";
  return `${value < 0 ? "" : "+"}${value.toFixed(digits)}`;
}

export const pFake = (llr) => 1 / (1 + Math.exp(llr));

export const megabytes = (bytes) => t.units.mb(String(Math.round(bytes / 1e5) / 10));

export function length(seconds) {
  const short = (value) => String(Math.round(value * 10) / 10);
  if (seconds >= 3600) return t.units.hours(short(seconds / 3600));
  return seconds >= 60 ? t.units.minutes(short(seconds / 60)) : t.units.seconds(short(seconds));
}

const CERTAINTY = [[0.99, "certain"], [0.9, "very"], [0.7, "likely"], [0.5, "slightly"]];

// Which sentence says how sure a verdict is.
function certainty(result) {
  if (result.p_fake === null) return "plain";
  const p = result.verdict === "fake" ? result.p_fake : 1 - result.p_fake;
  // A moved threshold can call real what is more likely fake: then the words would contradict the verdict.
  return CERTAINTY.find(([least]) => p >= least)?.[1] ?? "threshold";
}

// The verdict in one plain sentence.
export function sentence(result) {
  if (result.verdict !== "unsure") return t.verdict[result.verdict][certainty(result)];
  if (result.score === null) return t.verdict.unsure.nothing;
  return result.segments.some((one) => one.verdict === "fake") ? t.verdict.unsure.spliced : t.verdict.unsure.evidence;
}

// What p_fake means, in numbers of recordings.
export function odds(p) {
  const fakes = Math.round(p * 100);
  if (fakes < 1) return t.verdict.oddsFew;
  return fakes > 99 ? t.verdict.oddsMost : t.verdict.odds(fakes);
}

// "it is silent" -> "It is silent."
export function asSentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1) + (text.endsWith(".") ? "" : ".");
}

// Local time in a form that file names allow.
export function stamp(date = new Date()) {
  const two = (n) => String(n).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}-${two(date.getMinutes())}-${two(date.getSeconds())}`;
}
