// The recordings of this session and the queue that judges them, two at a time.
import { Problem, detect } from "./api.js";
import { passes } from "./problems.js";

const AT_ONCE = 2;
const MOST_TRIES = 6;

// An item is {id, name, file, state, share, done, total, result, report, problem, waitUntil};
// its state: waiting, sending, judging, retrying, done, failed.
export class Items extends EventTarget {
  constructor() {
    super();
    this.all = [];
    this.allowed = null; // what the server takes, once known
    this.count = 0;
  }

  add(files) {
    const fresh = files.map((file) => ({ id: ++this.count, name: file.name || "recording", file, state: "waiting" }));
    this.all.push(...fresh);
    this.tell("added", fresh);
    this.next();
    return fresh;
  }

  remove(item) {
    this.cancel(item);
    this.all = this.all.filter((one) => one !== item);
    this.tell("removed", item);
    this.next();
  }

  again(item) {
    clearTimeout(item.timer);
    this.change(item, { state: "waiting", problem: null, waitUntil: null });
    this.next();
  }

  cancel(item) {
    clearTimeout(item.timer);
    item.abort?.abort();
    if (item.state === "waiting" || item.state === "retrying") this.fail(item, new Problem("cancelled"));
  }

  get running() {
    return this.all.filter((one) => one.state === "sending" || one.state === "judging").length;
  }

  next() {
    const most = Math.min(AT_ONCE, this.allowed?.requests_at_once ?? AT_ONCE);
    while (this.running < most) {
      const item = this.all.find((one) => one.state === "waiting");
      if (!item) return;
      this.judge(item);
    }
  }

  async judge(item) {
    item.abort = new AbortController();
    item.tries = (item.tries ?? 0) + 1;
    this.change(item, { state: "sending", share: 0, done: 0, total: null });
    try {
      await this.check(item.file);
      const answer = await detect(item.file, item.name, {
        signal: item.abort.signal,
        onUpload: (share) => this.change(item, { share, state: share < 1 ? "sending" : "judging" }),
        onProgress: (done, total) => this.change(item, { state: "judging", done, total }),
      });
      this.change(item, { state: "done", ...answer, tries: 0 });
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.recover(item, problem);
    }
    this.next();
  }

  // What can be known without sending: nothing in it, too much, or a folder that looks like a file.
  async check(file) {
    if (file.size === 0) throw new Problem("no_audio");
    if (this.allowed && file.size > this.allowed.max_upload) throw new Problem("too_large");
    try {
      await file.slice(0, 1).arrayBuffer();
    } catch {
      throw new Problem("unreadable_here");
    }
  }

  recover(item, problem) {
    if (!passes(problem) || item.tries >= MOST_TRIES) {
      item.tries = 0;
      this.fail(item, problem);
      return;
    }
    const seconds = Math.max(problem.retryAfter ?? 1, 2 ** (item.tries - 1));
    item.timer = setTimeout(() => this.again(item), seconds * 1000);
    this.change(item, { state: "retrying", problem, waitUntil: Date.now() + seconds * 1000 });
  }

  fail(item, problem) {
    this.change(item, { state: "failed", problem });
  }

  change(item, values) {
    const before = item.state;
    Object.assign(item, values);
    if (this.all.includes(item)) this.tell(before === item.state ? "moved" : "changed", item);
  }

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
