import { escapeInvisible } from "../terminal/scrub.ts";

/** Clips text to `max` characters and escapes invisible ones, so that stored text cannot control the terminal. */
export function terminalText(text: string, max: number, ending = "…"): string {
  const clipped = text.length > max
    ? text.slice(0, max).replace(/[\ud800-\udbff]$/, "") + ending
    : text;
  return escapeInvisible(clipped);
}

const COMBINING = /\p{Mn}|\p{Me}/gu;
// East Asian wide and full-width characters, and emoji (Unicode's EastAsianWidth.txt, blocks rounded up).
const WIDE =
  /[\u{1100}-\u{115f}\u{2e80}-\u{303e}\u{3041}-\u{a4cf}\u{ac00}-\u{d7a3}\u{f900}-\u{faff}\u{fe30}-\u{fe6f}\u{ff00}-\u{ff60}\u{ffe0}-\u{ffe6}\u{20000}-\u{3fffd}\p{Emoji_Presentation}]/gu;

/** The number of terminal cells that the text needs. */
export function widthOf(text: string): number {
  if (isPlain(text)) return text.length;
  const base = text.replace(COMBINING, "");
  return [...base].length + (base.match(WIDE)?.length ?? 0);
}

function isPlain(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text);
}
