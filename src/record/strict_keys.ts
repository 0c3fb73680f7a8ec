const KNOWN = ["userID", "userId", "timestamp", "coordinates"];

/** What only `--strict` minds in a record that is good otherwise. */
export interface StrictFault {
  code: "unknown_key" | "duplicate_key";
  /** The key. */
  path: string;
  reason: string;
}

const NAME_MAX = 100;

/** The first key that stands twice, or that nobody knows, in a text that JSON.parse() takes for an object. */
export function findStrictFault(text: string): StrictFault | null {
  const seen = new Set<string>();
  for (const key of keysOf(text)) {
    // A key may be as long as the record; and half a pair of surrogates is no text that a database takes.
    const path = key.slice(0, NAME_MAX).toWellFormed();
    if (seen.has(key)) {
      return { code: "duplicate_key", path, reason: "expected it once, found it twice" };
    }
    if (!KNOWN.includes(key)) {
      return { code: "unknown_key", path, reason: `expected no key but ${KNOWN.join(", ")}` };
    }
    seen.add(key);
  }
  return null;
}

/** The keys of the outermost object. JSON.parse() keeps the last of two that are the same. */
function* keysOf(text: string): Generator<string> {
  let depth = 0;
  for (const [token, key] of text.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[[\]{}]/g)) {
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    else if (key !== undefined && depth === 1) yield JSON.parse(key);
  }
}
