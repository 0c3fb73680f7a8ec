import { encodePoint } from "../../record/point.ts";
import type { Points } from "../../record/validate.ts";

/** Points as they are in the topic, one per line. */
export function ndjson({ userIDs, timestamps, latitudes, longitudes }: Points): string {
  return userIDs.map((userID, i) =>
    encodePoint({
      userID,
      timestamp: timestamps[i]!,
      coordinates: [latitudes[i]!, longitudes[i]!],
    }) + "\n"
  ).join("");
}
