// The recordings of this session in one table; its headings sort, its names open the answer.
import { progress } from "./busy.js";
import { button, el } from "./dom.js";
import { clock, probability } from "./format.js";
import t from "./strings.js";

const ORDER = { fake: 0, unsure: 1, real: 2 };
// What a column sorts by; null always comes last.
const COLUMNS = {
  name: (item) => item.name.toLowerCase(),
  verdict: (item) => ORDER[item.result?.verdict] ?? null,
  p: (item) => item.result?.p_fake ?? null,
  duration: (item) => item.result?.duration ?? null,
  where: (item) => (item.result ? fakeSeconds(item.result) : null),
};

export class Table {
  constructor(node, items, onShow) {
    Object.assign(this, { node, items, onShow });
    this.column = null; // null: in the order in which they came
    this.down = false;
    this.rows = new Map();
    this.body = el("tbody");
    this.heads = Object.keys(COLUMNS).map((name) => this.head(name));
    const last = el("th", { scope: "col" }, el("span", { class: "unseen" }, t.batch.actions));
    node.replaceChildren(
      el("caption", { class: "unseen" }, t.batch.caption),
      el("thead", {}, el("tr", {}, this.heads, last)),
      this.body,
    );
  }

  head(name) {
    const cell = el("th", { scope: "col", "data-column": name }, button(t.batch[name], () => this.sort(name)));
    return cell;
  }

  sort(name) {
    this.down = this.column === name ? !this.down : false;
    this.column = name;
    for (const head of this.heads) {
      if (head.dataset.column !== name) head.removeAttribute("aria-sort");
      else head.setAttribute("aria-sort", this.down ? "descending" : "ascending");
    }
    this.show();
  }

  // Everything anew, in order; rows keep their nodes, and with them the focus.
  show(chosen = this.chosen) {
    this.chosen = chosen;
    const ordered = this.ordered();
    for (const item of ordered) this.update(item);
    const nodes = ordered.map((item) => this.rows.get(item.id));
    const held = document.activeElement;
    if (nodes.length !== this.body.children.length || nodes.some((node, k) => node !== this.body.children[k])) {
      this.body.replaceChildren(...nodes);
      if (this.body.contains(held)) held.focus();
    }
  }

  ordered() {
    const all = [...this.items.all];
    if (!this.column) return all;
    const value = COLUMNS[this.column];
    const sign = this.down ? -1 : 1;
    return all.sort((a, b) => {
      const [left, right] = [value(a), value(b)];
      if (left === null || right === null) return (left === null) - (right === null);
      return left < right ? -sign : left > right ? sign : a.id - b.id;
    });
  }

  update(item) {
    let row = this.rows.get(item.id);
    if (!row) {
      row = el("tr");
      row.append(
        el("th", { scope: "row" }, button(item.name, () => this.onShow(item), { class: "link", "aria-label": t.batch.show(item.name) })),
        ...Array.from({ length: 4 }, () => el("td")),
        el("td", {}, button(t.batch.remove, () => this.items.remove(item), { class: "quiet", "aria-label": t.batch.removeOf(item.name) })),
      );
      this.rows.set(item.id, row);
    }
    const texts = cells(item);
    texts.forEach((text, k) => {
      if (row.children[k + 1].textContent !== text) row.children[k + 1].textContent = text;
    });
    row.children[1].classList.toggle("tone", Boolean(item.result));
    row.className = item.state === "done" ? item.result.verdict : item.state;
    if (item === this.chosen) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }

  forget(item) {
    this.rows.delete(item.id);
  }
}

function cells(item) {
  const { result } = item;
  if (item.state === "failed") return [t.verdict.words.failed, "–", "–", "–"];
  if (!result || item.state !== "done") return [progress(item)[0], "", "", ""];
  const seconds = fakeSeconds(result);
  const nowhere = result.score === null ? "–" : t.batch.nowhere; // nothing was judged
  const where = seconds ? t.units.seconds(seconds.toFixed(1)) : nowhere;
  return [t.verdict.words[result.verdict], probability(result.p_fake), clock(result.duration), where];
}

function fakeSeconds(result) {
  return result.segments.reduce((sum, one) => sum + (one.verdict === "fake" ? one.end - one.start : 0), 0);
}
