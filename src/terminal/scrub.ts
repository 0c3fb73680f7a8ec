// Everything from outside passes through scrub() before a person sees it: what servers answer, stored data, settings and
// file names. So no text can move the cursor, change the direction of the writing, or look like another line.

/** A longer line is cut. */
const LINE_MAX = 4_000;
/** Secrets are looked for in this much text. */
const TEXT_MAX = 64_000;

const BREAKS = /[\r\n\v\f\x85\u2028\u2029]+[ \t]*/g;
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]/gu;

/** A text from anywhere as one safe line: secrets become ***, breaks spaces, and invisible characters are escaped. */
export function scrub(text: string, secrets: string[]): string {
  const line = hideSecrets(text.slice(0, TEXT_MAX), secrets).replace(BREAKS, " ");
  const cut = line.length > LINE_MAX ? `${line.slice(0, LINE_MAX)}…` : line;
  return escapeInvisible(cut.replaceAll("\t", " "));
}

/** The same for what a server answered: it must not look like advice of this program. */
export function scrubAnswer(text: string, secrets: string[]): string {
  const line = scrub(text, secrets);
  return /^\s*fix:/i.test(line) ? `"${line}"` : line;
}

/** Escapes control characters, marks of direction and characters of no width, as JSON does. */
export function escapeInvisible(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  return text.replace(INVISIBLE, escapeChar);
}

/** The same for a text of several lines. */
export function escapeLines(text: string): string {
  if (/^[\x20-\x7e\n]*$/.test(text)) return text;
  return text.replace(INVISIBLE, (char) => char === "\n" ? char : escapeChar(char));
}

const NAMES: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function escapeChar(char: string): string {
  return NAMES[char] ??
    char.replace(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Replaces secrets by ***: the given ones, and passwords in addresses. */
function hideSecrets(text: string, secrets: string[]): string {
  const spellings = secrets.filter((secret) => secret.length > 0)
    .flatMap((secret) => [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]);
  // The longest first: a secret that begins like another must not leave its end behind. Addresses last: they may contain
  // only a part of a password.
  return spellings.sort((a, b) => b.length - a.length)
    .reduce((clean, secret) => clean.replaceAll(asPattern(secret), "***"), text)
    .replace(/\S+/g, hidePassword);
}

/** A short secret matches whole words only: "postgres" in "[postgresql]" is not one, and a hint must stay readable. */
function asPattern(secret: string): string | RegExp {
  return /^\w{1,8}$/.test(secret) ? new RegExp(`(?<!\\w)${secret}(?!\\w)`, "g") : secret;
}

/** Up to the last @, because a password may contain others. In linear time: only the first match is tried in full. */
function hidePassword(word: string): string {
  const end = word.lastIndexOf("@");
  if (end === -1 || !word.includes("://")) return word;
  return word.slice(0, end).replace(/(:\/\/[^:@/]*:).+$/s, "$1***") + word.slice(end);
}
