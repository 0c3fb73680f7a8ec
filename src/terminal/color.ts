/** Colours of text on a terminal; where they are not wanted, text as it is. */
export interface Colors {
  bold(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
}

/** The palette, or none. */
export function openColors(wanted: boolean): Colors {
  const sgr = (begin: number, end: number) => (text: string) =>
    wanted ? `\x1b[${begin}m${text}\x1b[${end}m` : text;
  return { bold: sgr(1, 22), red: sgr(31, 39), green: sgr(32, 39), yellow: sgr(33, 39) };
}

/** Whether a stream is coloured: the flag decides, else FORCE_COLOR, NO_COLOR, TERM, and whether it is a terminal. */
export function wantsColor(
  flag: "auto" | "always" | "never" | null,
  env: (name: string) => string | undefined,
  isTerminal: boolean,
): boolean {
  if (flag === "always" || flag === "never") return flag === "always";
  const force = env("FORCE_COLOR");
  if (force) return force !== "0";
  return !env("NO_COLOR") && env("TERM") !== "dumb" && isTerminal;
}
