import { cutAt180, type Fix } from "../record/geo.ts";
import { jsonOf } from "./cell.ts";
import type { Format, RenderOptions } from "./format.ts";
import { tracks } from "./tracks.ts";

/** RFC 7946: a collection with the features of each user. */
export function geojson(look: RenderOptions): Format {
  let any = false;
  const format = featuresOf(look, (feature) => {
    const text = (any ? ",\n" : "\n") + feature;
    any = true;
    return text;
  });
  const head = '{"type":"FeatureCollection","features":[';
  return { ...format, head, tail: () => format.tail() + (any ? "\n]}\n" : "]}\n") };
}

/** RFC 8142: each feature behind a record separator, so that a reader need not wait for the end. */
export function geojsonseq(look: RenderOptions): Format {
  return featuresOf(look, (feature) => `\x1e${feature}\n`);
}

/**
 * A line a user, in parts across gaps and 180°, and its times in `coordTimes` in the shape of its coordinates. Fixes with a
 * gap on both sides make no line: they are points of a second feature. At most the track of one user is held.
 */
function featuresOf(look: RenderOptions, write: (feature: string) => string): Format {
  const timeJson = jsonOf({ name: "time", kind: "time" }, look.time);
  let user = 0;
  let segments: Fix[][] = [];
  const place = ({ latitude, longitude }: Fix) => `[${longitude},${latitude}]`;
  const time = ({ timestamp }: Fix) => timeJson(timestamp);
  const all = (part: Fix[], of: (fix: Fix) => string) => `[${part.map(of)}]`;

  function feature(type: string, coordinates: string, times: string): string {
    return write(
      `{"type":"Feature","properties":{"user":${user},"coordTimes":${times}},` +
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

  return tracks(look, {
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
