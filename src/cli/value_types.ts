import { UsageError } from "../errors.ts";
import { isRejectCode, REJECT_CODES } from "../record/reject_codes.ts";
import { suggest } from "../suggest.ts";

/** How the value of a flag is written and read. */
export interface ValueType<T> {
  /** Stands for the value in the help. */
  placeholder: string;
  /** Values that a shell offers. */
  words?: readonly string[];
  /** Whether it is several of the words, between commas. */
  many?: true;
  /** Throws a UsageError that says what is expected. */
  parse(text: string, context: ParseContext): T;
}

/** What a value is read with. */
export interface ParseContext {
  flag: string;
  /** Milliseconds since 1970. */
  now: number;
  /** The time zone of times without one of their own. */
  zone: string;
  /** The text of each occurrence of a repeatable flag; `text` joins them with commas. */
  texts: string[];
}

/** Throws the error about a value; `instead`: values that the user may have meant. */
export function refuse(
  text: string,
  { flag }: Pick<ParseContext, "flag">,
  expected: string,
  instead: string[] = [],
): never {
  const fix = instead.map((value) => `--${flag} ${quoted(value)}`).join(", or ");
  throw new UsageError(`--${flag} is "${text}": expected ${expected}`, fix || undefined);
}

/** In the quotes that every shell knows, if it needs them. */
export function quoted(value: string): string {
  return value.includes(" ") ? `"${value}"` : value;
}

/** A type whose values are refused where `parse` returns null; `meant` gives values to type instead, if it knows any. */
export function valueType<T>(
  placeholder: string,
  expected: string,
  parse: (text: string, context: ParseContext) => T | null,
  { words, meant = () => [] }: {
    words?: readonly string[];
    meant?: (text: string, context: ParseContext) => string[];
  } = {},
): ValueType<T> {
  const isValue = (text: string, context: ParseContext) => parse(text, context) !== null;
  return {
    placeholder,
    ...words && { words },
    parse: (text, context) => {
      const value = parse(text, context);
      if (value !== null) return value;
      const instead = meant(text, context);
      // In capital letters, or with spaces where commas belong.
      const small = text.trim().toLowerCase();
      const tidy = [small, small.split(/[\s,;]+/).filter(Boolean).join(",")]
        .find((text) => isValue(text, context));
      if (instead.length === 0 && tidy !== undefined) instead.push(tidy);
      return refuse(text, context, expected, instead);
    },
  };
}

/** The number; null if the text is not a plain decimal number. */
export function toNumber(text: string): number | null {
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : null;
}

/** A whole number from `min` to `max`; `forZero`: the flag that does what 0 does elsewhere. */
export function whole(
  min: number,
  max = Number.MAX_SAFE_INTEGER,
  forZero?: string,
): ValueType<number> {
  const range = `a whole number from ${min} to ${max}`;
  const isOpen = max === Number.MAX_SAFE_INTEGER;
  const expected = isOpen ? `a whole number of at least ${min}` : range;
  const read = (text: string) => /^\d+$/.test(text) ? Number(text) : NaN;
  return valueType("N", expected, (text, context) => {
    const value = read(text);
    if (value === 0 && forZero) {
      const message = `--${context.flag} is "${text}": expected ${expected}`;
      throw new UsageError(message, `${forZero} instead of --${context.flag}`);
    }
    if (value > max) refuse(text, context, range);
    return value >= min ? value : null;
  }, {
    meant: (text) => {
      const value = /^\d{1,3}([ ,_]\d{3})+$/.test(text) ? read(text.replace(/\D/g, "")) : NaN;
      return value >= min && value <= max ? [String(value)] : [];
    },
  });
}

/** A number above 0, up to `max`. */
export function positive(max = 1e9): ValueType<number> {
  return valueType("N", `a number above 0, up to ${max}`, (text) => {
    const value = toNumber(text);
    return value !== null && value > 0 && value <= max ? value : null;
  });
}

/** A number from 0 to 100. */
export const percent = valueType("PCT", "a share from 0 to 100 %", (text) => {
  const value = toNumber(text.replace(/%$/, ""));
  return value !== null && value >= 0 && value <= 100 ? value : null;
});

/** One of some words. */
export function choice<T extends string>(placeholder: string, ...words: T[]): ValueType<T> {
  const parse = (text: string, { flag }: ParseContext) => {
    const word = words.find((word) => word === text);
    if (word !== undefined) return word;
    const nearest = suggest(text, words);
    throw new UsageError(
      `--${flag} is "${text}": expected ${words.join(", ")}`,
      nearest ? `--${flag} ${nearest}` : undefined,
    );
  };
  return { placeholder, words, parse };
}

/** Inclusive ranges: `7`, `1,2,5-9`. */
export const users = valueType("LIST", "users such as 7 or 1,2,5-9", (text, context) => {
  const ranges = text.split(",").map((part): [from: number, to: number] | null => {
    const match = /^\s*(-?\d+)(?:-(-?\d+))?\s*$/.exec(part);
    const [from, to] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
    if (Math.min(from, to) < -2_147_483_648 || Math.max(from, to) > 2_147_483_647) {
      refuse(text, context, "users from -2147483648 to 2147483647");
    }
    return match && [from, to];
  });
  if (!ranges.every((range) => range !== null)) return null;
  if (ranges.every(([from, to]) => from <= to)) return ranges;
  const sorted = ranges.map((range) => [...new Set(range.toSorted((a, b) => a - b))].join("-"));
  return refuse(text, context, "the lower user of a range first", [sorted.join()]);
});

/** Words between commas. */
export const list = valueType("LIST", "names between commas", (text) => {
  const words = text.split(",").map((word) => word.trim());
  return words.includes("") ? null : words;
});

/** Words between commas, some of which a shell offers. */
export function listOf(words: readonly string[]): ValueType<string[]> {
  return { ...list, words, many: true };
}

/** Codes of rejects between commas. */
export const rejectCodes: ValueType<string[]> = {
  ...listOf(REJECT_CODES),
  parse: (text, context) => {
    const codes = list.parse(text, context);
    if (codes.every(isRejectCode)) return codes;
    const meant = codes.map((code) => isRejectCode(code) ? code : suggest(code, [...REJECT_CODES]));
    const expected = `${REJECT_CODES.join(", ")} or db_ and an SQLSTATE`;
    return refuse(text, context, expected, meant.includes(null) ? [] : [meant.join()]);
  },
};

/** `127.0.0.1:9187`, `[::1]:9187`, `localhost:0`; a port alone is one of this machine. */
export const address = valueType(
  "[HOST:]PORT",
  "[HOST:]PORT, such as 127.0.0.1:9187, or port 0 for any free one",
  (text, context) => {
    const match = /^(?:(?:\[([0-9a-fA-F:.]+)\]|([^:\s[\]]+)):)?(\d{1,5})$/.exec(text);
    const port = Number(match?.[3]);
    if (port > 65_535) refuse(text, context, "a port from 0 to 65535");
    return match && { host: match[1] ?? match[2] ?? "127.0.0.1", port };
  },
);

/** Any text. */
export function anyText(placeholder: string): ValueType<string> {
  return { placeholder, parse: (text) => text };
}

/** Every text that a repeatable flag is given, unchanged. */
export function anyTexts(placeholder: string, words: readonly string[]): ValueType<string[]> {
  return { placeholder, words, parse: (_text, { texts }) => texts };
}

/** A file; shells offer the existing ones. */
export const path = anyText("PATH");
