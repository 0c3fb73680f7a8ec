// The picture in README: the output of a real run in a terminal, as SVG on stdout.
//   deno task picture > tests/support/picture.svg

import { importFlags } from "./imports.ts";
import { programCommand } from "./permissions.ts";
import { openWorkspace } from "./workspace.ts";

const COLUMNS = 116;
/** The command lines. */
export const SESSION = [
  "routes migrate --create-database --topic",
  "routes produce --count 24000 --users 40 --radius 3km --invalid 0.01 --start 2026-11-24T08:00Z",
  "routes consume",
  "routes query --user 1-8 --format map",
  "routes verify",
];

/** Text in one style. */
interface Span {
  text: string;
  color: string | null;
  bold: boolean;
}

const COLORS: Record<number, string> = {
  31: "#ff7b72",
  32: "#7ee787",
  33: "#e3b341",
  34: "#79c0ff",
  35: "#d2a8ff",
  36: "#76e3ea",
  90: "#8b949e",
};

/** Runs the session with real services; returns the final lines with their escape sequences. */
export async function perform(): Promise<string[]> {
  const workspace = await openWorkspace("routes_picture");
  try {
    const [command, before] = programCommand(await importFlags(() => {}));
    const lines: string[] = [];
    for (const line of SESSION) {
      lines.push(`\x1b[32m$\x1b[39m \x1b[1m${line}\x1b[22m`);
      const args = [command, ...before, ...line.split(" ").slice(1)].map(quote).join(" ");
      const { stdout } = await new Deno.Command("script", {
        args: ["-qec", `stty cols ${COLUMNS} rows 33; exec ${args}`, "/dev/null"],
        cwd: workspace.dir,
        env: { TERM: "xterm-256color", LANG: "C.UTF-8", NO_COLOR: "", FORCE_COLOR: "" },
        stdin: "null",
      }).output();
      const text = new TextDecoder().decode(stdout).replaceAll(workspace.name, "routes");
      lines.push(...text.trimEnd().split(/\r*\n/).map(finalText), "");
    }
    return lines.slice(0, -1);
  } finally {
    await workspace.close();
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** The text that remains on a line that was erased and rewritten. */
function finalText(line: string): string {
  return line.split("\r\x1b[K").at(-1)!;
}

/** Splits a line by style. */
function spans(line: string): Span[] {
  const found: Span[] = [];
  let [color, bold] = [null as string | null, false];
  // deno-lint-ignore no-control-regex
  for (const part of line.split(/(\x1b\[[\d;]*m)/)) {
    const codes = part.startsWith("\x1b[") ? part.slice(2, -1).split(";").map(Number) : null;
    if (!codes) {
      if (part) found.push({ text: part, color, bold });
    } else if (codes[0] === 38) color = indexed(codes[2]!);
    else if (codes[0] === 0 || codes[0] === 39) [color, bold] = [null, codes[0] === 39 && bold];
    else if (codes[0] === 1 || codes[0] === 22) bold = codes[0] === 1;
    else color = COLORS[codes[0]!] ?? color;
  }
  return found;
}

/** One of the 256 colours of a terminal: in the cube, or grey. */
function indexed(code: number): string {
  if (code >= 232) return `rgb(${[0, 0, 0].map(() => 8 + 10 * (code - 232)).join(" ")})`;
  const levels = [36, 6, 1].map((unit) => Math.floor((code - 16) / unit) % 6);
  return `rgb(${levels.map((level) => level && 55 + 40 * level).join(" ")})`;
}

/** Draws the lines. */
export function draw(lines: string[]): string {
  const [cell, height, edge] = [8, 18, 18];
  const [wide, high] = [COLUMNS * cell + 2 * edge, lines.length * height + 2 * edge];
  const escape = (text: string) =>
    text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const text = lines.map((line, row) => {
    let column = 0;
    // Word by word: the width of braille differs between fonts, and columns must stay aligned.
    const words = spans(line).flatMap((span) =>
      span.text.split(/( {2,})/).map((text) => ({ ...span, text }))
    );
    return words.map(({ text, color, bold }) => {
      const at = column;
      column += text.length;
      if (text.trim() === "") return "";
      const style = (color ? ` fill="${color}"` : "") + (bold ? ` font-weight="bold"` : "");
      const [x, y] = [edge + at * cell, edge + row * height + 13];
      return `<text x="${x}" y="${y}" textLength="${text.length * cell}"${style}>${
        escape(text)
      }</text>\n`;
    }).join("");
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${wide} ${high}" width="${wide}">
<title>routes at work in a terminal</title>
<rect width="${wide}" height="${high}" rx="8" fill="#0d1117"/>
<g font-family="ui-monospace,Menlo,Consolas,DejaVu Sans Mono,monospace" font-size="13" fill="#e6edf3" xml:space="preserve">
${text.join("")}</g>
</svg>
`;
}

if (import.meta.main) {
  Deno.stdout.writeSync(new TextEncoder().encode(draw(await perform())));
  Deno.exit(0);
}
