// What is said when something goes wrong: plain words for what a person can mend, the server's own line for the rest.
import { length, megabytes } from "./format.js";
import t from "./strings.js";

// Worth trying again without a word from the user.
const PASSING = new Set(["busy", "too_many_at_once", "too_many_requests"]);

export const passes = (problem) => PASSING.has(problem.code);

// What is wrong with the file itself, and stays so however often it is sent.
const LASTING = new Set(["not_audio", "unsupported_format", "unreadable_audio", "no_audio", "too_large", "too_long"]);

export const mends = (problem) => !LASTING.has(problem.code);

export function explain(problem, allowed) {
  const words = t.errors;
  switch (problem.code) {
    case "too_large":
      return words.too_large(allowed ? megabytes(allowed.max_upload) : "–");
    case "too_long":
      return words.too_long(allowed ? length(allowed.max_duration) : "–");
    case "too_many_at_once":
    case "too_many_requests":
      return words.too_many;
    case "no_audio":
      return words.empty;
    case "cancelled":
      return t.busy.cancelled;
    default:
      return typeof words[problem.code] === "string" ? words[problem.code] : words.other;
  }
}

// The server's own sentence, where it says more than the plain words.
export function detail(problem) {
  const helpful = !["cancelled", "offline", "cut_off", "too_large", "too_long", "busy"].includes(problem.code);
  return helpful && problem.message ? t.errors.server(problem.message) : "";
}
