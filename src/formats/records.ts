import { encodePoint, type UserField } from "../record/point.ts";
import type { Format } from "./format.ts";

/** Fixes as exact records of the topic, one per line; columns: user, time, latitude, longitude, … */
export function records(userField: UserField = "userID"): Format {
  return {
    head: "",
    rows: (batch) => {
      let text = "";
      for (const [userID, timestamp, latitude, longitude] of batch as number[][]) {
        text += encodePoint({
          userID: userID!,
          timestamp: timestamp!,
          coordinates: [latitude!, longitude!],
        }, userField) + "\n";
      }
      return text;
    },
    tail: () => "",
  };
}
