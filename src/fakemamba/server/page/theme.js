// Not a module: it runs before the first paint, so that the chosen theme never flashes.
(() => {
  const root = document.documentElement;
  try {
    const chosen = localStorage.getItem("theme");
    if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
  } catch {
    // Storage can be forbidden; then the system's theme stays.
  }
})();
