// The server, as the page sees it. Addresses are relative to the page, so that a proxy may show it anywhere.
import { point } from "./points.js";

let key = "";

export const setKey = (value) => {
  key = value;
};
export const getKey = () => key;

export const address = (path) => new URL(path, document.baseURI);

export function streamAddress() {
  const url = address("v1/stream");
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url;
}

// What went wrong, as the server or the line says it: a code for the page, a message for people.
export class Problem extends Error {
  constructor(code, message = "", { status = 0, retryAfter = null } = {}) {
    super(message);
    Object.assign(this, { code, status, retryAfter });
  }
}

// GET /v1/model: the model, its thresholds and error rates, and what the server takes.
export async function model() {
  let answer;
  try {
    answer = await fetch(address("v1/model"), { headers: authorization(), cache: "no-store" });
  } catch {
    throw new Problem("offline");
  }
  const body = await answer.json().catch(() => null);
  if (!answer.ok) throw told(answer.status, body, null);
  return body;
}

// Judges one file; resolves to {result, report: {json, html}}, rejects with a Problem.
// onUpload(share 0..1), onProgress(seconds done, seconds in all or null); signal cancels.
// XMLHttpRequest, since fetch cannot tell how much of an upload has gone.
export function detect(file, name, { onUpload, onProgress, signal }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const lines = new Lines(onProgress);
    // The name travels in the form: addresses are what proxies log.
    const form = new FormData();
    form.append("file", file, name);
    if (point()) form.append("operating_point", point());
    request.open("POST", address("v1/detect?report=both&progress=true"));
    for (const [header, value] of Object.entries(authorization())) request.setRequestHeader(header, value);
    request.upload.onprogress = (event) => event.lengthComputable && onUpload(event.loaded / event.total);
    request.upload.onload = () => onUpload(1);
    request.onprogress = () => request.status === 200 && lines.read(request.responseText);
    request.onload = () => finish(request, lines).then(resolve, reject);
    request.onerror = () => reject(new Problem(request.status ? "cut_off" : "offline"));
    request.onabort = () => reject(new Problem("cancelled"));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(form);
  });
}

async function finish(request, lines) {
  if (request.status !== 200) {
    throw told(request.status, parse(request.responseText), request.getResponseHeader("Retry-After"));
  }
  const last = lines.read(request.responseText);
  if (last?.type === "error") throw told(last.status, last, null);
  if (last?.type !== "result") throw new Problem("cut_off");
  return { result: last.result, report: last.report };
}

// Reads lines of JSON while they come; remembers the last.
class Lines {
  constructor(onProgress) {
    this.onProgress = onProgress;
    this.place = 0;
    this.last = null;
  }

  read(text) {
    for (let end = text.indexOf("\n", this.place); end >= 0; end = text.indexOf("\n", this.place)) {
      this.last = parse(text.slice(this.place, end));
      this.place = end + 1;
      if (this.last?.type === "progress") this.onProgress(this.last.done, this.last.total);
    }
    return this.last;
  }
}

const authorization = () => (key ? { Authorization: `Bearer ${key}` } : {});

// What a proxy says in the server's place comes without the server's words.
const BY_STATUS = { 401: "unauthorized", 413: "too_large", 429: "too_many_requests", 502: "offline", 503: "busy", 504: "offline" };

function told(status, body, retryAfter) {
  const error = body?.error ?? { code: BY_STATUS[status] ?? (status >= 500 ? "internal" : "other"), message: "" };
  const seconds = Number(retryAfter ?? NaN); // a date, as proxies may send, is no number
  return new Problem(error.code, error.message, { status, retryAfter: Number.isFinite(seconds) ? seconds : null });
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
