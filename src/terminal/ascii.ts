/** The signs in the messages of this program that are not ASCII. */
const SIGNS: Record<string, string> = {
  "·": "|",
  "…": "...",
  "−": "-",
  "×": "x",
  "°": "deg",
  "±": "+-",
  "✓": "ok",
  "✗": "x",
};
const ANY = new RegExp(`[${Object.keys(SIGNS).join("")}]`, "g");

/** Text without signs that a terminal whose locale is `C` cannot show; stored text keeps its characters. */
export function asciiSigns(text: string): string {
  return text.replaceAll(ANY, (sign) => SIGNS[sign]!);
}
