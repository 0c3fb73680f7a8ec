// The coastlines of maps: Natural Earth, 1:50 million (naturalearthdata.com, public domain), simplified.
//   deno task coastlines > src/formats/coastlines.txt

/** Land as TopoJSON: arcs of differences, in units of `scale`. */
interface Land {
  arcs: [number, number][][];
  transform: { scale: [number, number]; translate: [number, number] };
}

type Spot = [x: number, y: number];

/** Steps of the output in a degree, about 4 km each. */
const STEPS = 25;
/** How far a line may be from the coast, in degrees. */
const TOLERANCE = 0.1;
/** Smaller islands are left out. */
const SPOTS_MIN = 4;

// Not a static import: no other code uses this package.
const source = "npm:world-atlas@2.0.2/land-50m.json";
const { default: { arcs, transform } }: { default: Land } = await import(source, {
  with: { type: "json" },
});

/** A line in steps: the first place, then differences. */
function written(line: Spot[]): string {
  let [x, y] = [0, 0];
  const steps = line.flatMap(([longitude, latitude]) => {
    const [toX, toY] = [Math.round(longitude * STEPS), Math.round(latitude * STEPS)];
    const step = [toX - x, toY - y];
    [x, y] = [toX, toY];
    return step;
  });
  // A minus sign separates numbers too.
  return steps.join(" ").replaceAll(" -", "-");
}

function spots(arc: [number, number][]): Spot[] {
  const { scale: [scaleX, scaleY], translate: [originX, originY] } = transform;
  let [x, y] = [0, 0];
  return arc.map(([dx, dy]) => {
    [x, y] = [x + dx, y + dy];
    return [x * scaleX + originX, y * scaleY + originY];
  });
}

/** The parts of a line that are coasts: others lie on the edge of the map, at 180° or at the pole. */
function coasts(line: Spot[]): Spot[][] {
  const parts: Spot[][] = [[]];
  for (const spot of line) {
    if (Math.abs(spot[0]) > 179.99 || spot[1] < -89.9) parts.push([]);
    else parts.at(-1)!.push(spot);
  }
  return parts;
}

/** Douglas and Peucker's algorithm. */
function simplify(line: Spot[]): Spot[] {
  const [first, last] = [line[0]!, line.at(-1)!];
  let [farthest, at] = [0, 0];
  line.forEach((spot, i) => {
    const away = distance(spot, first, last);
    if (away > farthest) [farthest, at] = [away, i];
  });
  if (farthest <= TOLERANCE) return [first, last];
  return [...simplify(line.slice(0, at + 1)).slice(0, -1), ...simplify(line.slice(at))];
}

/** From a place to a line, in degrees of latitude. */
function distance([x, y]: Spot, [fromX, fromY]: Spot, [toX, toY]: Spot): number {
  const ratio = Math.cos(fromY * Math.PI / 180);
  const [lineX, lineY] = [(toX - fromX) * ratio, toY - fromY];
  const [spotX, spotY] = [(x - fromX) * ratio, y - fromY];
  const length = lineX ** 2 + lineY ** 2;
  const share = length && Math.min(Math.max((spotX * lineX + spotY * lineY) / length, 0), 1);
  return Math.hypot(spotX - share * lineX, spotY - share * lineY);
}

const lines = arcs.map(spots).flatMap(coasts).filter(({ length }) => length > 1).map(simplify);
const text = lines.filter(({ length }) => length >= SPOTS_MIN).map(written).join("\n");
Deno.stdout.writeSync(new TextEncoder().encode(text + "\n"));
