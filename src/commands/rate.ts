import { formatCount } from "../units.ts";

/** `1 830/s`, `0.5/s`: a rate for people, in two digits where it is slow. */
export function formatRate(perSecond: number): string {
  const isSlow = perSecond > 0 && perSecond < 10;
  if (isSlow && perSecond < 0.001) return "below 0.001/s";
  return `${isSlow ? Number(perSecond.toPrecision(2)) : formatCount(Math.round(perSecond))}/s`;
}
