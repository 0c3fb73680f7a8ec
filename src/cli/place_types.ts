import { refuse, toNumber, valueType } from "./value_types.ts";

const METRES: Record<string, number> = { m: 1, km: 1_000, mi: 1_609.344 };

/** Metres. */
export const distance = valueType(
  "DIST",
  "a distance such as 500m, 2km or 3mi",
  (text, context) => {
    const [, number, unit] = /^(\d+(?:\.\d+)?)\s*(m|km|mi)$/.exec(text.trim()) ?? [];
    if (Number(number) === 0) refuse(text, context, "a distance above 0, such as 500m");
    return unit ? Number(number) * METRES[unit]! : null;
  },
  { meant: (text) => Number(toNumber(text)) > 0 ? [`${text}m`, `${text}km`] : [] },
);

/** Exactly `count` numbers between commas, otherwise null. */
function toNumbers(text: string, count: number): number[] | null {
  const numbers = text.split(",").map((part) => toNumber(part.trim()));
  return numbers.length === count && numbers.every((number) => number !== null) ? numbers : null;
}

const PLACE = "LATITUDE,LONGITUDE in degrees, such as 60.17,24.94";

/** Latitude and longitude in degrees. */
export const place = valueType<[number, number]>("LAT,LON", PLACE, (text, context) => {
  const [latitude, longitude] = toNumbers(text, 2) ?? [];
  if (latitude === undefined || longitude === undefined) return null;
  if (Math.abs(latitude) > 90) {
    const isSwapped = Math.abs(longitude) <= 90 && Math.abs(latitude) <= 180;
    const swapped = isSwapped ? [`${longitude},${latitude}`] : [];
    refuse(text, context, `${PLACE}: latitude comes first, from -90 to 90`, swapped);
  }
  if (Math.abs(longitude) > 180) refuse(text, context, `${PLACE}: longitude from -180 to 180`);
  return [latitude, longitude];
});

/** West, south, east, north in degrees; a box whose west is above its east crosses 180°. */
export const box = valueType(
  "W,S,E,N",
  "WEST,SOUTH,EAST,NORTH in degrees, such as -74.3,40.5,-73.7,40.9",
  (text, context) => {
    const numbers = toNumbers(text, 4);
    if (!numbers) return null;
    const [west, south, east, north] = numbers as [number, number, number, number];
    const order = "longitude comes first: WEST,SOUTH,EAST,NORTH";
    if (Math.abs(south) > 90 || Math.abs(north) > 90) {
      const isSwapped = [west, east].every((degrees) => Math.abs(degrees) <= 90) &&
        [south, north].every((degrees) => Math.abs(degrees) <= 180) && west <= east;
      const swapped = isSwapped ? [[south, west, north, east].join()] : [];
      refuse(text, context, `latitudes from -90 to 90; ${order}`, swapped);
    }
    if (Math.abs(west) > 180 || Math.abs(east) > 180) {
      refuse(text, context, "longitudes from -180 to 180");
    }
    if (south > north) {
      refuse(text, context, `south below north; ${order}`, [[west, north, east, south].join()]);
    }
    return { west, south, east, north };
  },
);
