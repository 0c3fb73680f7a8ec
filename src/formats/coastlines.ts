import text from "./coastlines.txt" with { type: "text" };
import { type Box, type Fix, wrap } from "../record/geo.ts";

/** Steps of the text in a degree: see tests/support/coastlines.ts, which makes it. */
const STEPS = 25;
/** A coast that is accurate to 10 km says little about a smaller view. */
const WIDE_M = 200_000;
/** How far outside the view a line continues, in widths of the view: the simplified lines have long steps. */
const AROUND = 0.5;

/** The coastlines as the pages read them: page/coasts.js. */
export const COASTLINES = { text, steps: STEPS, wideM: WIDE_M };

/** Whether a view of so many metres shows coastlines. */
export function hasCoastlines(metres: number): boolean {
  return metres > WIDE_M;
}

/** The coastlines in a view, as lines of at least two places without a time; longitudes of the view can exceed 180°. */
export function* coastlinesIn({ west, east, south, north }: Box): Generator<Fix[]> {
  const [middle, reach] = [(west + east) / 2, (east - west) * (0.5 + AROUND)];
  const up = (north - south) * AROUND;
  const isNear = ({ longitude, latitude }: Fix) =>
    Math.abs(wrap(longitude - middle)) <= reach && latitude >= south - up && latitude <= north + up;
  for (const line of text.trimEnd().split("\n")) {
    let part: Fix[] = [];
    for (const spot of spotsOf(line)) {
      if (isNear(spot)) part.push(spot);
      else {
        if (part.length > 1) yield part;
        part = [];
      }
    }
    if (part.length > 1) yield part;
  }
}

function spotsOf(line: string): Fix[] {
  const steps = line.match(/-?\d+/g)!.map(Number);
  let [x, y] = [0, 0];
  return Array.from({ length: steps.length / 2 }, (_, i) => {
    [x, y] = [x + steps[2 * i]!, y + steps[2 * i + 1]!];
    return { timestamp: 0, longitude: x / STEPS, latitude: y / STEPS };
  });
}
