import type { Fix } from "../record/geo.ts";
import type { Format, RenderOptions } from "./format.ts";
import controls from "./page/controls.js" with { type: "text" };
import frame from "./page/page.html" with { type: "text" };
import script from "./page/page.js" with { type: "text" };
import style from "./page/page.css" with { type: "text" };
import { PALETTE } from "./palette.ts";
import { tracks } from "./tracks.ts";

const [above, between, below] = frame.split(/<!-- (?:style|program) -->/) as [
  string,
  string,
  string,
];
// The sources are modules, but the page has one script: browsers load no modules from file: URLs.
const program = script.replace(/^export /gm, "") + controls.replace(/^import .*?;\n/gms, "");

/** A self-contained page: calls that collect the tracks, then the program that draws them. Nothing is kept in memory. */
export function html(options: RenderOptions): Format {
  return tracks(options, {
    head: `${above}<style>
${style}</style>${between}<script>
const palette = ${JSON.stringify(PALETTE)};
const data = [];
const user = (user) => data.push({ user, segments: [] });
const segment = () => data.at(-1).segments.push([]);
const fixes = (run) => data.at(-1).segments.at(-1).push(run);
`,
    user: (userID) => `user(${userID});\n`,
    segment: () => "segment();\n",
    fixes: (run) => `fixes([${differences(run)}]);\n`,
    endSegment: () => "",
    endUser: () => "",
    tail: () => `</script>\n<script>\n${program}</script>${below}`,
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
