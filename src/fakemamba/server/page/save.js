// Files for the user's disk, made here.
import { clock } from "./format.js";
import t from "./strings.js";

export function save(text, type, name) {
  const address = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  // The browser may still be asking where to put it.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

// All case documents as they are, and what could not be judged.
export function saveJson(items) {
  const recordings = items.filter((one) => one.state === "done").map((one) => one.report.json);
  const errors = items
    .filter((one) => one.state === "failed")
    .map((one) => ({ source: one.name, error: one.problem.message || one.problem.code }));
  save(`${JSON.stringify({ recordings, errors }, null, 2)}\n`, "application/json", `${t.report.allName}.json`);
}

const COLUMNS = ["source", "verdict", "p_fake", "llr", "score", "duration", "reason", "segments", "source_sha256", "error"];

// One row a recording, as `fakemamba detect --csv` names its columns.
export function saveCsv(items) {
  const rows = items.flatMap((item) => {
    if (item.state === "failed") return [{ source: item.name, error: item.problem.message || item.problem.code }];
    if (item.state !== "done") return [];
    const parts = item.result.segments.map((one) => `${clock(one.start)}-${clock(one.end)} ${one.verdict}`);
    return [{ ...item.result, segments: parts.join("; ") }];
  });
  const lines = [COLUMNS, ...rows.map((row) => COLUMNS.map((name) => row[name] ?? ""))];
  save(`${lines.map((line) => line.map(cell).join(",")).join("\r\n")}\r\n`, "text/csv", `${t.report.allName}.csv`);
}

function cell(value) {
  // A text that a spreadsheet would run as a formula gets an apostrophe in front.
  const text = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
