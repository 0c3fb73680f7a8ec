// Coastlines behind the data, in a wide view. `coastlines` comes with the page: see ../coastlines.ts; without text where no
// view is wide.

import { context, metresPerPixel, origin, size, wrap, x, y } from "./view.js";

/** Longitudes and latitudes in turns, one list for each line. */
const coasts = coastlines.text.trim().split("\n").filter(Boolean).map((line) => {
  const steps = line.match(/-?\d+/g).map(Number);
  for (let i = 2; i < steps.length; i++) steps[i] += steps[i - 2];
  return steps.map((step) => step / coastlines.steps);
});

export function drawCoasts() {
  if (size.width * metresPerPixel() < coastlines.wideM) return;
  context.beginPath();
  for (const line of coasts) {
    let before = null;
    for (let i = 0; i < line.length; i += 2) {
      const easting = wrap(line[i] - origin.longitude);
      // A line that leaves on the far side of the Earth continues on the other side.
      const isCut = before === null || Math.abs(easting - before) > 180;
      context[isCut ? "moveTo" : "lineTo"](x(easting), y(line[i + 1]));
      before = easting;
    }
  }
  context.stroke();
}
