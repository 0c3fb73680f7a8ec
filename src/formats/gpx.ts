import type { Fix } from "../record/geo.ts";
import { version } from "../version.ts";
import type { Format, RenderOptions } from "./format.ts";
import { tracks } from "./tracks.ts";
import { dateTime, decimal } from "./xml.ts";

/** GPX 1.1: one track per user, split into segments at gaps, but not at 180°. Nothing is kept in memory. */
export function gpx(options: RenderOptions): Format {
  return tracks(options, {
    head: '<?xml version="1.0" encoding="UTF-8"?>\n' +
      `<gpx version="1.1" creator="routes ${version}" xmlns="http://www.topografix.com/GPX/1/1">\n`,
    user: (userID) => `<trk><name>user ${userID}</name>\n`,
    segment: () => "<trkseg>\n",
    fixes: (run) => run.map(trackPoint).join(""),
    endSegment: () => "</trkseg>\n",
    endUser: () => "</trk>\n",
    tail: () => "</gpx>\n",
  });
}

function trackPoint({ timestamp, latitude, longitude }: Fix): string {
  // The schema excludes 180, which is the same as -180.
  const east = longitude === 180 ? -180 : longitude;
  const time = dateTime(timestamp);
  const element = time === null ? "" : `<time>${time}</time>`;
  return `<trkpt lat="${decimal(latitude)}" lon="${decimal(east)}">${element}</trkpt>\n`;
}
