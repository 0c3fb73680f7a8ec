import { cutAt180, type Fix } from "../record/geo.ts";
import { jsonOf } from "./cell.ts";
import type { Format, RenderOptions } from "./format.ts";
import { tracks } from "./tracks.ts";

/** RFC 7946: a collection with the features of each user. */
export function geojson(options: RenderOptions): Format {
  let isFirst = true;
  const format = featuresOf(options, (feature) => {
    const text = (isFirst ? "\n" : ",\n") + feature;
    isFirst = false;
    return text;
  });
  const head = '{"type":"FeatureCollection","features":[';
  return { ...format, head, tail: () => format.tail() + (isFirst ? "]}\n" : "\n]}\n") };
}

/** RFC 8142: each feature after a record separator, so that a reader need not wait for the end. */
export function geojsonseq(options: RenderOptions): Format {
  return featuresOf(options, (feature) => `\x1e${feature}\n`);
}

/**
 * One line per user, split at gaps and at 180°; `coordTimes` has the same structure as the coordinates. Fixes with a gap on
 * both sides are points of a second feature. At most the track of one user is in memory.
 */
function featuresOf(options: RenderOptions, write: (feature: string) => string): Format {
  const timeJson = jsonOf({ name: "time", kind: "time" }, options);
  let user = 0;
  let segments: Fix[][] = [];
  const place = ({ latitude, longitude }: Fix) => `[${longitude},${latitude}]`;
  const time = ({ timestamp }: Fix) => timeJson(timestamp);
  const all = (part: Fix[], of: (fix: Fix) => string) => `[${part.map(of)}]`;

  function feature(type: string, coordinates: string, times: string): string {
    return write(
      `{"type":"Feature","properties":{"user_id":${user},"coordTimes":${times}},` +
        `"geometry":{"type":"${type}","coordinates":${coordinates}}}`,
    );
  }

  function lines(parts: Fix[][]): string {
    const [places, times] = [place, time].map((of) => parts.map((part) => all(part, of)).join());
    return parts.length === 1
      ? feature("LineString", places!, times!)
      : feature("MultiLineString", `[${places}]`, `[${times}]`);
  }

  function points(fixes: Fix[]): string {
    return fixes.length === 1
      ? feature("Point", place(fixes[0]!), all(fixes, time))
      : feature("MultiPoint", all(fixes, place), all(fixes, time));
  }

  return tracks(options, {
    head: "",
    user: (userID) => {
      user = userID;
      segments = [];
      return "";
    },
    segment: () => {
      segments.push([]);
      return "";
    },
    fixes: (run) => {
      for (const fix of run) segments.at(-1)!.push(fix);
      return "";
    },
    endSegment: () => "",
    endUser: () => {
      const parts = segments.filter(({ length }) => length > 1).flatMap(cutAt180);
      const alone = segments.filter(({ length }) => length === 1).flat();
      return (parts.length > 0 ? lines(parts) : "") + (alone.length > 0 ? points(alone) : "");
    },
    tail: () => "",
  });
}
