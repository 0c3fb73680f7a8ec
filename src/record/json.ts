/** Maximum nesting depth; a deeper text is not parsed. */
export const DEPTH_MAX = 64;

/**
 * Whether brackets outside of strings nest deeper than DEPTH_MAX. Scans bytes, at a quarter of the cost of scanning text:
 * in UTF-8 no byte of a multi-byte character equals a bracket, a quote or a backslash.
 */
export function isTooDeep(utf8: Uint8Array): boolean {
  if (utf8.length <= DEPTH_MAX) return false;
  let depth = 0;
  let isQuoted = false;
  for (let at = 0; at < utf8.length; at++) {
    const byte = utf8[at]!;
    if (byte === QUOTE) isQuoted = !isQuoted;
    else if (isQuoted) at += byte === BACKSLASH ? 1 : 0;
    // "[" and "{" differ in one bit (0x20), and so do "]" and "}".
    else if ((byte & ~0x20) === 0x5b) depth++;
    else if ((byte & ~0x20) === 0x5d) depth--;
    if (depth > DEPTH_MAX) return true;
  }
  return false;
}

/** Parses JSON and keeps the source text of each number: `JSON.stringify()` of a part returns `1e400` or `-0.0`. */
export function parseAsWritten(text: string): unknown {
  return parseWithSource(
    text,
    (_key, value, { source }) => typeof value === "number" ? rawJson(source!) : value,
  );
}

// TypeScript has no types yet for JSON source text access (ES2026).
const parseWithSource = JSON.parse as (
  text: string,
  reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
) => unknown;
const { rawJSON: rawJson } = JSON as unknown as { rawJSON(text: string): object };

/**
 * The position and description of the first JSON syntax error (RFC 8259); null when the text is JSON. Positions count
 * UTF-16 characters from 0. JSON.parse() does not always name the position, and its messages differ between engines.
 * Recursive, so check isTooDeep() first.
 */
export function findSyntaxError(text: string): string | null {
  const scanner = new JsonScanner(text);
  const expected = scanner.value() ?? scanner.end();
  return expected === null
    ? null
    : `expected ${expected} at position ${scanner.at}, found ${scanner.found()}`;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Scans JSON. Each step returns null, or a description of what was expected at the position where it stopped. */
class JsonScanner {
  at = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  value(): string | null {
    this.#space();
    if (this.#take("{")) return this.#list("}", () => this.#member());
    if (this.#take("[")) return this.#list("]", () => this.value());
    if (this.#take('"')) return this.#restOfString();
    if (this.#match(/(?=[-0-9])/y)) return this.#number();
    return this.#match(/true|false|null/y) ? null : "a value";
  }

  end(): string | null {
    this.#space();
    return this.at === this.#text.length ? null : "the end";
  }

  found(): string {
    if (this.at >= this.#text.length) return "the end";
    const char = this.#text.codePointAt(this.at)!;
    return char >= 0x20 && char < 0x7f
      ? JSON.stringify(this.#text.slice(this.at, this.at + 20))
      : `U+${char.toString(16).toUpperCase().padStart(4, "0")}`;
  }

  #list(close: string, item: () => string | null): string | null {
    this.#space();
    if (this.#take(close)) return null;
    for (;;) {
      const expected = item();
      if (expected !== null) return expected;
      this.#space();
      if (this.#take(close)) return null;
      if (!this.#take(",")) return `"," or "${close}"`;
    }
  }

  #member(): string | null {
    this.#space();
    if (!this.#take('"')) return "a key in double quotes";
    const expected = this.#restOfString();
    if (expected !== null) return expected;
    this.#space();
    return this.#take(":") ? this.value() : '":"';
  }

  #restOfString(): string | null {
    for (;;) {
      // deno-lint-ignore no-control-regex
      this.#match(/[^"\\\0-\x1f]*/y);
      if (this.#take('"')) return null;
      if (this.at === this.#text.length) return "a closing quote";
      if (!this.#take("\\")) return "no bare control character";
      if (!this.#match(/["\\/bfnrt]|u[0-9a-fA-F]{4}/y)) return "an escape";
    }
  }

  #number(): string | null {
    this.#take("-");
    if (!this.#match(/0|[1-9][0-9]*/y)) return "a digit";
    if (this.#take(".") && !this.#match(/[0-9]+/y)) return "a digit";
    return this.#match(/[eE][-+]?/y) && !this.#match(/[0-9]+/y) ? "a digit" : null;
  }

  #space(): void {
    this.#match(/[ \t\n\r]*/y);
  }

  #take(word: string): boolean {
    const found = this.#text.startsWith(word, this.at);
    if (found) this.at += word.length;
    return found;
  }

  /** Moves past the text that a sticky pattern matches here. */
  #match(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    const matches = pattern.test(this.#text);
    if (matches) this.at = pattern.lastIndex;
    return matches;
  }
}
