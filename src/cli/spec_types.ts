import { UsageError } from "../errors.ts";
import type { Spec, StartSpec } from "../record/offsets.ts";
import { parseTime } from "../units.ts";
import { type ParseContext, quoted, type ValueType } from "./value_types.ts";

/** `earliest`, `latest`, an offset, `@TIME`, `-N` for the last N. */
export const spec = specType<Spec>(
  "earliest, latest, an offset, @TIME or -N for the last N records",
  readSpec,
);

/** The same, or `group:NAME` for the offsets that a consumer group has committed. */
export const startSpec = specType<StartSpec>(
  "earliest, latest, an offset, @TIME, -N for the last N records or group:NAME",
  (text, now) => {
    const [, group] = /^group:(.+)$/s.exec(text) ?? [];
    return group ? { at: "group", group } : readSpec(text, now);
  },
);

function specType<T>(
  expected: string,
  read: (text: string, now: number) => T | null,
): ValueType<T> {
  const parse = (text: string, { flag, now }: ParseContext) => {
    const found = read(text, now);
    if (found !== null) return found;
    const meant = meantBy(text, now);
    throw new UsageError(
      `--${flag} is "${text}": expected ${expected}`,
      meant ? `--${flag} ${quoted(meant)}` : undefined,
    );
  };
  return { placeholder: "SPEC", words: ["earliest", "latest"], parse };
}

/** What other programs call the ends of a topic. */
const ENDS: Record<string, string> = {
  beginning: "earliest",
  start: "earliest",
  oldest: "earliest",
  end: "latest",
  newest: "latest",
};

/** A spec for a text that is none: the other name of an end, or a time without its sign. */
function meantBy(text: string, now: number): string | null {
  const time = text.replace(/^-/, "");
  // A number with a point is rather a mistake in an offset.
  const isTime = !/^[\d.]+$/.test(time) && parseTime(time, now) !== null;
  return ENDS[text] ?? (isTime ? `@${time}` : null);
}

function readSpec(text: string, now: number): Spec | null {
  if (text === "earliest" || text === "latest") return { at: text };
  if (/^\d{1,15}$/.test(text)) return { at: "offset", offset: Number(text) };
  if (/^-\d{1,15}$/.test(text)) return { at: "last", count: -Number(text) };
  if (!text.startsWith("@")) return null;
  const ms = parseTime(text, now) ?? parseTime(text.slice(1), now);
  return ms === null ? null : { at: "time", ms: Math.ceil(ms) };
}
