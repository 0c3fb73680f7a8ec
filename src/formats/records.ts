import { encodePoint } from "../record/point.ts";
import type { Format } from "./format.ts";

/** Fixes as exact records of the topic, one per line; columns: user, time, latitude, longitude, … */
export function records(): Format {
  return {
    head: "",
    rows: (batch) => {
      let text = "";
      for (const [userID, timestamp, latitude, longitude] of batch as number[][]) {
        text += encodePoint({
          userID: userID!,
          timestamp: timestamp!,
          coordinates: [latitude!, longitude!],
        }) + "\n";
      }
      return text;
    },
    tail: () => "",
  };
}
