/** Functions that add colours to text, or return it unchanged. */
export interface Colors {
  bold(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
}

/** The colours of ANSI terminals if enabled, else none. */
export function openColors(enabled: boolean): Colors {
  const sgr = (begin: number, end: number) => (text: string) =>
    enabled ? `\x1b[${begin}m${text}\x1b[${end}m` : text;
  return { bold: sgr(1, 22), red: sgr(31, 39), green: sgr(32, 39), yellow: sgr(33, 39) };
}

/** Whether to colour a stream: by the flag, else by FORCE_COLOR, NO_COLOR, TERM and whether it is a terminal. */
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
