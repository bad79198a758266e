// Making elements without markup in strings: what comes from outside can only ever become text.

// el("p", {class: "note"}, "text", child): null and false children are left out; on* are listeners.
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const byId = (id) => document.getElementById(id);

export function button(label, onclick, attributes = {}) {
  return el("button", { type: "button", onclick, ...attributes }, label);
}

// For screen readers: said once, politely; the same text twice is said twice.
export function say(text) {
  const status = byId("status");
  status.textContent = "";
  requestAnimationFrame(() => {
    status.textContent = text;
  });
}

// A problem of the whole page, above everything; empty to take it away.
export function notice(text) {
  byId("notice").replaceChildren(...(text ? [el("p", { class: "notice" }, text)] : []));
}

// A table of names and values.
export function facts(rows) {
  return el(
    "table",
    { class: "facts" },
    el("tbody", {}, rows.map(([name, value]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, value)))),
  );
}

export const code = (text) => el("code", {}, text);
