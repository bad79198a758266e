// The button that goes round: as the system has it, light, dark.
import t from "./strings.js";

const ROUND = ["system", "light", "dark"];

export function themeButton(node) {
  const root = document.documentElement;
  const now = () => root.dataset.theme ?? "system";
  const show = () => {
    node.textContent = t.theme[now()];
    dispatchEvent(new Event("themechange")); // the drawings take their colours anew
  };
  node.addEventListener("click", () => {
    const next = ROUND[(ROUND.indexOf(now()) + 1) % ROUND.length];
    if (next === "system") delete root.dataset.theme;
    else root.dataset.theme = next;
    remember(next);
    show();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
  show();
}

function remember(theme) {
  try {
    localStorage.setItem("theme", theme);
  } catch {
    // Storage can be forbidden; then the choice lasts until the page is left.
  }
}
