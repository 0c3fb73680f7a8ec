import type { Fix } from "../record/geo.ts";
import type { Format, RenderOptions } from "./format.ts";
import { PALETTE } from "./palette.ts";
import { tracks } from "./tracks.ts";
import { dateTime, decimal } from "./xml.ts";

const HEAD = `<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2" xmlns:gx="http://www.google.com/kml/ext/2.2">
<Document><name>routes</name>
${PALETTE.map(({ light }, i) => style(i, light)).join("\n")}
`;

/** KML 2.2 with Google's gx:Track, one per segment. At most one segment is in memory, because its times come first. */
export function kml(options: RenderOptions): Format {
  let users = 0;
  let segment: Fix[] = [];
  return tracks(options, {
    head: HEAD,
    user: (userID) =>
      `<Placemark><name>user ${userID}</name><styleUrl>#c${users++ % PALETTE.length}</styleUrl>\n` +
      "<gx:MultiTrack>\n",
    segment: () => {
      segment = [];
      return "";
    },
    fixes: (run) => {
      for (const fix of run) segment.push(fix);
      return "";
    },
    endSegment: () =>
      `<gx:Track>\n${segment.map(when).join("")}${segment.map(where).join("")}` +
      "</gx:Track>\n",
    endUser: () => "</gx:MultiTrack></Placemark>\n",
    tail: () => "</Document>\n</kml>\n",
  });
}

function when({ timestamp }: Fix): string {
  return `<when>${dateTime(timestamp) ?? ""}</when>\n`;
}

function where({ latitude, longitude }: Fix): string {
  return `<gx:coord>${decimal(longitude)} ${decimal(latitude)} 0</gx:coord>\n`;
}

/** KML writes colours in the order alpha, blue, green, red. */
function style(i: number, color: string): string {
  const [, red, green, blue] = /#(..)(..)(..)/.exec(color)!;
  return `<Style id="c${i}"><LineStyle><color>ff${blue}${green}${red}</color>` +
    "<width>3</width></LineStyle></Style>";
}
