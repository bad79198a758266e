// What all drawings share: sharp canvases of the size of their box, and the theme's colours.

// The drawing context, in CSS pixels, of a canvas that fills its box; null while it is not shown.
export function prepared(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  if (!width || !height) return null;
  const scale = Math.min(3, devicePixelRatio || 1);
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  return { context, width, height };
}

export function colours() {
  const style = getComputedStyle(document.documentElement);
  const names = ["ink", "soft", "line", "card", "well", "real", "fake", "unsure", "accent"];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

// "#12abef" -> [18, 171, 239]
export function rgb(hex) {
  return [1, 3, 5].map((place) => Number.parseInt(hex.slice(place, place + 2), 16));
}

const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];

// Times in seconds for a scale of `whole` seconds with at most `most` marks.
export function marks(whole, most) {
  const step = STEPS.find((one) => whole / one <= most) ?? STEPS.at(-1);
  return { step, times: Array.from({ length: Math.floor(whole / step + 1e-9) + 1 }, (_, k) => k * step) };
}
