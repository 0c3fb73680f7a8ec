/** Depth of brackets past which a text is not parsed at all. */
export const DEPTH_MAX = 64;

/**
 * Whether brackets outside of strings nest deeper than DEPTH_MAX. Looks at bytes, a quarter of the cost of looking at the
 * text: in UTF-8 no byte of a longer character looks like a bracket, a quote or a backslash.
 */
export function isTooDeep(utf8: Uint8Array): boolean {
  if (utf8.length <= DEPTH_MAX) return false;
  let depth = 0;
  let isQuoted = false;
  for (let at = 0; at < utf8.length; at++) {
    const byte = utf8[at]!;
    if (byte === QUOTE) isQuoted = !isQuoted;
    else if (isQuoted) at += byte === BACKSLASH ? 1 : 0;
    // "[" and "{" differ in one bit, and so do "]" and "}".
    else if ((byte & ~0x20) === 0x5b) depth++;
    else if ((byte & ~0x20) === 0x5d) depth--;
    if (depth > DEPTH_MAX) return true;
  }
  return false;
}

/** JSON with each number as it is written, for quoting: `JSON.stringify()` of any part of it gives back `1e400` or `-0.0`. */
export function parseAsWritten(text: string): unknown {
  return parseWithSource(
    text,
    (_key, value, { source }) => typeof value === "number" ? rawJson(source!) : value,
  );
}

// TypeScript does not know ES2026's source text access yet.
const parseWithSource = JSON.parse as (
  text: string,
  reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
) => unknown;
const { rawJSON: rawJson } = JSON as unknown as { rawJSON(text: string): object };

/**
 * Where a text stops being JSON (RFC 8259) and what is there, or null when it is JSON. JSON.parse() does not always say,
 * and words it differently in every engine. It recurses, so ask isTooDeep() first.
 *
 * Positions count characters (UTF-16) from 0.
 */
export function findSyntaxFault(text: string): string | null {
  const reader = new Reader(text);
  const expected = reader.value() ?? reader.end();
  return expected === null
    ? null
    : `expected ${expected} at position ${reader.at}, found ${reader.found()}`;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Steps over JSON. Each step gives null, or what was expected at the place where it stopped. */
class Reader {
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
