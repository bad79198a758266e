// Picks the language. To add one: copy strings.en.js to strings.CODE.js, translate the right-hand sides, add the code here.
const LANGUAGES = ["en"];

const codes = (navigator.languages ?? []).map((tag) => tag.toLowerCase().split("-")[0]);
const code = codes.find((one) => LANGUAGES.includes(one)) ?? LANGUAGES[0];
const { default: t } = await import(`./strings.${code}.js`);
document.documentElement.lang = code;

export default t;

// Fills every element that names its text: data-t its content, data-t-label its aria-label.
export function fill(root = document) {
  for (const node of root.querySelectorAll("[data-t]")) node.textContent = find(node.dataset.t);
  for (const node of root.querySelectorAll("[data-t-label]")) node.setAttribute("aria-label", find(node.dataset.tLabel));
}

function find(path) {
  return path.split(".").reduce((at, name) => at[name], t);
}
