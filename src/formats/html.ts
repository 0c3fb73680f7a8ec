import type { Fix } from "../record/geo.ts";
import type { Format, RenderOptions } from "./format.ts";
import { COASTLINES, hasCoastlines } from "./coastlines.ts";
import coasts from "./page/coasts.js" with { type: "text" };
import controls from "./page/controls.js" with { type: "text" };
import gestures from "./page/gestures.js" with { type: "text" };
import frame from "./page/page.html" with { type: "text" };
import script from "./page/page.js" with { type: "text" };
import style from "./page/page.css" with { type: "text" };
import tileScript from "./page/tiles.js" with { type: "text" };
import view from "./page/view.js" with { type: "text" };
import { joined, partsOf } from "./page/script.ts";
import { reachOf } from "./frame.ts";
import { PALETTE } from "./palette.ts";
import { zoneName } from "../units.ts";
import { imageSources } from "./tiles.ts";
import { tracks } from "./tracks.ts";

const [above, between, below] = partsOf(frame);
const program = joined(view, coasts, tileScript, script, gestures, controls);

/** A self-contained page: calls that collect the tracks, then the program that draws them. Nothing is kept in memory. */
export function html(options: RenderOptions): Format {
  let [west, east, south, north] = [180, -180, 90, -90];
  const include = ({ longitude, latitude }: Fix) => {
    west = Math.min(west, longitude);
    east = Math.max(east, longitude);
    south = Math.min(south, latitude);
    north = Math.max(north, latitude);
  };
  // The coasts are as large as thousands of fixes, and a small area has no use for them.
  const coastlines = () =>
    hasCoastlines(reachOf({ west, east, south, north })) ? COASTLINES : { ...COASTLINES, text: "" };
  return tracks(options, {
    head: `${above.replace("img-src data:", `img-src ${imageSources(options.tiles)}`)}<style>
${style}</style>${between}<script>
const palette = ${JSON.stringify(PALETTE)};
const tiles = ${JSON.stringify(options.tiles)};
const zone = ${JSON.stringify(zoneName(options.tz))};
const data = [];
const user = (user) => data.push({ user, segments: [] });
const segment = () => data.at(-1).segments.push([]);
const fixes = (run) => data.at(-1).segments.at(-1).push(run);
`,
    user: (userID) => `user(${userID});\n`,
    segment: () => "segment();\n",
    fixes: (run) => {
      run.forEach(include);
      return `fixes([${differences(run)}]);\n`;
    },
    endSegment: () => "",
    endUser: () => "",
    tail: () =>
      `const coastlines = ${JSON.stringify(coastlines())};\n` +
      `</script>\n<script>\n${program}</script>${below}`,
  });
}

/** Milliseconds and ten-millionths of a degree (about a centimetre), as differences to the previous fix: half the size. */
function differences(run: Fix[]): number[] {
  let [time, latitude, longitude] = [0, 0, 0];
  return run.flatMap((fix) => {
    const now = Math.round(fix.timestamp * 1000);
    const [north, east] = [Math.round(fix.latitude * 1e7), Math.round(fix.longitude * 1e7)];
    const steps = [now - time, north - latitude, east - longitude];
    [time, latitude, longitude] = [now, north, east];
    return steps;
  });
}
