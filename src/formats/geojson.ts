import { cutAt180, type Fix } from "../geo.ts";
import { jsonOf } from "./cell.ts";
import type { Format, Look } from "./format.ts";

/**
 * RFC 7946: a feature a user, its times in `coordTimes` in the shape of its coordinates. Fixes must come user by user,
 * as columns user, time, latitude, longitude, …; at most the track of one user is held.
 */
export function geojson({ time }: Look): Format {
  const timeJson = jsonOf({ name: "time", kind: "time" }, time);
  let user: number | null = null;
  let track: Fix[] = [];
  let any = false;

  function finish(): string {
    if (user === null || track.length === 0) return "";
    const text = (any ? ",\n" : "\n") + feature(user, track, timeJson);
    any = true;
    track = [];
    return text;
  }

  return {
    head: '{"type":"FeatureCollection","features":[',
    rows: (batch) => {
      let text = "";
      for (const [userID, timestamp, latitude, longitude] of batch as number[][]) {
        if (userID !== user) text += finish();
        user = userID!;
        // Other programs may have stored a NaN, which has no place on a map.
        if (!Number.isFinite(latitude! + longitude!)) continue;
        track.push({ timestamp: timestamp!, latitude: latitude!, longitude: longitude! });
      }
      return text;
    },
    tail: () => finish() + (any ? "\n]}\n" : "]}\n"),
  };
}

function feature(user: number, track: Fix[], timeJson: (seconds: number) => string): string {
  const parts = cutAt180(track).map((part) => ({
    places: part.map(({ latitude, longitude }) => `[${longitude},${latitude}]`),
    times: part.map(({ timestamp }) => timeJson(timestamp)),
  }));
  const lists = (of: (part: typeof parts[0]) => string[]) =>
    parts.map((part) => `[${of(part)}]`).join();
  let [type, coordinates, times] = ["LineString", lists((p) => p.places), lists((p) => p.times)];
  if (track.length === 1) [type, coordinates] = ["Point", parts[0]!.places[0]!];
  else if (parts.length > 1) {
    [type, coordinates, times] = ["MultiLineString", `[${coordinates}]`, `[${times}]`];
  }
  return `{"type":"Feature","properties":{"user":${user},"coordTimes":${times}},` +
    `"geometry":{"type":"${type}","coordinates":${coordinates}}}`;
}
