// How to decide: one of the model's operating points, or the server's own decision.
import { el } from "./dom.js";
import t from "./strings.js";

let chosen = "";

// The name to ask the server for; empty for its own decision.
export const point = () => chosen;

// Shows the choice in `place` where the model has one.
export function offer(place, model) {
  const own = model.operating_point;
  place.hidden = model.operating_points.length < 2;
  chosen = "";
  if (place.hidden) return;
  const option = (value, text, selected) => el("option", { value, selected }, text);
  const select = el(
    "select",
    { id: "point" },
    own ? null : option("", t.points.server, true),
    model.operating_points.map(({ name, purpose }) => {
      const value = name === own ? "" : name;
      return option(value, t.points.names[name] ?? `${name}: ${purpose}`, name === own);
    }),
  );
  select.addEventListener("change", () => {
    chosen = select.value;
  });
  place.replaceChildren(el("label", { for: "point" }, t.points.label), " ", select);
}
