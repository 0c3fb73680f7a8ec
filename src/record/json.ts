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
 * The position and description of the first JSON syntax error (RFC 8259); null when the text is JSON. JSON.parse() does not
 * always name the position, and its messages differ between engines. Recursive, so check isTooDeep() first.
 *
 * Positions count characters (UTF-16) from 0.
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
    const char = this.#text[this.at];
    if (char === "{") return this.#list("}", () => this.#member());
    if (char === "[") return this.#list("]", () => this.value());
    if (char === '"') return this.#string();
    if (char === "-" || this.#isDigit()) return this.#number();
    return ["true", "false", "null"].some((word) => this.#take(word)) ? null : "a value";
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
    this.at++;
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
    if (this.#text[this.at] !== '"') return "a key in double quotes";
    const expected = this.#string();
    if (expected !== null) return expected;
    this.#space();
    return this.#take(":") ? this.value() : '":"';
  }

  #string(): string | null {
    for (this.at++; this.at < this.#text.length; this.at++) {
      const char = this.#text.charCodeAt(this.at);
      if (char === QUOTE) {
        this.at++;
        return null;
      }
      if (char < 0x20) return "no bare control character";
      if (char === BACKSLASH) {
        this.at++;
        const escape = this.#text.slice(this.at, this.at + 5);
        if (/^u[0-9a-fA-F]{4}/.test(escape)) this.at += 4;
        else if (!/^["\\/bfnrt]/.test(escape)) return "an escape";
      }
    }
    return "a closing quote";
  }

  #number(): string | null {
    this.#take("-");
    if (!this.#take("0") && !this.#digits()) return "a digit";
    if (this.#take(".") && !this.#digits()) return "a digit";
    if (this.#take("e") || this.#take("E")) {
      if (!this.#take("+")) this.#take("-");
      if (!this.#digits()) return "a digit";
    }
    return null;
  }

  #digits(): boolean {
    const start = this.at;
    while (this.#isDigit()) this.at++;
    return this.at > start;
  }

  #isDigit(): boolean {
    const char = this.#text.charCodeAt(this.at);
    return char >= 0x30 && char <= 0x39;
  }

  #space(): void {
    while (this.at < this.#text.length && " \t\n\r".includes(this.#text[this.at]!)) this.at++;
  }

  #take(word: string): boolean {
    const found = this.#text.startsWith(word, this.at);
    if (found) this.at += word.length;
    return found;
  }
}
