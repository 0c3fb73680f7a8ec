const KNOWN = ["userID", "userId", "timestamp", "coordinates"];

/** Why `--strict` rejects a record that is otherwise valid. */
export interface StrictIssue {
  code: "unknown_key" | "duplicate_key";
  /** The key. */
  path: string;
  reason: string;
}

const NAME_MAX = 100;

/** The first duplicate or unknown key in the text of a JSON object. */
export function findStrictIssue(text: string): StrictIssue | null {
  const seen = new Set<string>();
  for (const key of keysOf(text)) {
    // A key can be as long as the record, and PostgreSQL refuses text with an unpaired surrogate.
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

/** The keys of the outermost object, duplicates included: JSON.parse() keeps only the last. */
function* keysOf(text: string): Generator<string> {
  let depth = 0;
  for (const [token, key] of text.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[[\]{}]/g)) {
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    else if (key !== undefined && depth === 1) yield JSON.parse(key);
  }
}
