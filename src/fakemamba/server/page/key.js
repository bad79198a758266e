// Asks for an API key where the server wants one; it lives in this tab's memory only.
import { setKey } from "./api.js";
import { button, byId, el } from "./dom.js";
import t from "./strings.js";

// Resolves once the user has given a key.
export function askKey(wrong) {
  return new Promise((resolve) => {
    const input = el("input", { type: "password", id: "api-key", autocomplete: "off", required: true, spellcheck: "false" });
    const form = el(
      "form",
      { class: "card key" },
      el("p", {}, wrong ? t.key.wrong : t.key.ask),
      el("label", { for: "api-key" }, t.key.label),
      el("div", { class: "actions" }, input, button(t.key.use, null, { type: "submit", class: "primary" })),
      el("p", { class: "fine" }, t.key.fine),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      setKey(input.value.trim());
      byId("notice").replaceChildren();
      resolve();
    });
    byId("notice").replaceChildren(form);
    input.focus();
  });
}
