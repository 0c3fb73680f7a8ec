// What is run on every platform, and how the results are compared.

/** One run of the program. */
export interface Step {
  /** As in a shell; no argument has spaces. */
  line: string;
  code: number;
  stdin?: Uint8Array;
  /** Its output is compared byte by byte, otherwise without names, times and versions. */
  exact?: boolean;
  /** Whether it runs without Kafka and PostgreSQL. */
  quick?: boolean;
  /** What to add to its row: what the first line of the output says. */
  shows?: RegExp;
}

/** What a step left. */
export interface Ended {
  code: number;
  stdout: Uint8Array;
  stderr: string;
  seconds: number;
}

const DATA = "--seed 7 --start 2026-01-01T00:00:00Z";

/** Records as PowerShell writes them: UTF-16 with a byte order mark, and lines that end with CRLF. */
function wide(lines: string[]): Uint8Array {
  const text = `\ufeff${lines.map((line) => `${line}\r\n`).join("")}`;
  return new Uint8Array(Uint16Array.from(text, (letter) => letter.charCodeAt(0)).buffer);
}

/** Files in the working folder of each round. */
export const FILES: Record<string, Uint8Array> = {
  "res/wide.ini": wide(["[kafka]", "topc = nix"]),
  "res/folder.ini": new TextEncoder().encode("[kafka]\nssl_cafile = ../res\n"),
};

const TYPED = [
  '{"userID":100001,"timestamp":1767225600,"coordinates":[60.5,24.5]}',
  '{"userID":100002,"timestamp":1767225601,"coordinates":[-33.25,151.75]}',
];

/** Every command and every kind of error, in an order in which each finds what it needs. */
export const STEPS: Step[] = [
  { line: "--version", code: 0, quick: true },
  { line: "--help", code: 0, exact: true, quick: true },
  { line: "help settings", code: 0, exact: true },
  {
    line: `produce --dry-run --count 200 --invalid 10 ${DATA}`,
    code: 0,
    exact: true,
    quick: true,
  },
  { line: "check -X kafka.topc=nix", code: 78, quick: true },
  { line: "produce --cuont 5", code: 2 },
  { line: "query --config ../elsewhere.ini", code: 77 },
  { line: "query --config res/nowhere.ini", code: 66 },
  { line: "query --config res/wide.ini", code: 78 },
  { line: "produce --count 1 --config res/folder.ini", code: 78 },
  {
    line: "query --total -X postgresql.host=127.0.0.1 -X postgresql.port=1",
    code: 69,
    quick: true,
  },
  { line: "migrate --create-database --topic --partitions 3", code: 0 },
  { line: "check", code: 0 },
  { line: `produce --count 1000 --invalid 2 ${DATA}`, code: 0, shows: /\d[\d\s,]* records/ },
  { line: "consume", code: 0, shows: /\d[\d\s,]* records/ },
  { line: "produce --stdin", code: 0, stdin: wide(TYPED) },
  { line: "consume --quiet", code: 0 },
  { line: "query --total", code: 0, exact: true, shows: /\d+/ },
  { line: "query --user 100001,100002 --format csv", code: 0, exact: true },
  { line: "query --last --format ndjson", code: 0, exact: true },
  { line: "query --rejects --summary --columns code,rejects --format csv", code: 0, exact: true },
  { line: "verify", code: 0 },
];

/** The text without what differs from run to run: names, times, rates, and what the program was built with. */
export function plain(text: string, name: string): string {
  return text.replaceAll("\r", "").replaceAll(name, "NAME")
    .replace(/^built with deno .*\n/gm, "")
    .replace(/^! built with deno .*\n/gm, "")
    .replace(/\(deno [^)]*\)/g, "(RUNTIME)")
    .replace(/\d[\d,.]* ?(ms|s|m|min|h|days)\b/g, "TIME")
    .replace(/\d[\d,.]*(?= ?(records|rows)?\/s)/g, "RATE")
    .replace(/routes-NAME-[0-9a-f]{8}/g, "GROUP");
}

/** How a result differs from that of the sources on this machine, in one line; null: not at all. */
export function difference(
  step: Step,
  [expected, found]: [Ended, Ended],
  names: [string, string],
): string | null {
  if (found.code !== step.code) return `exit code ${found.code}: ${firstLine(found.stderr)}`;
  if (step.exact) {
    const at = expected.stdout.findIndex((byte, i) => byte !== found.stdout[i]);
    const isSame = at < 0 && expected.stdout.length === found.stdout.length;
    return isSame ? null : `the output differs at byte ${at < 0 ? expected.stdout.length : at}`;
  }
  const decode = ({ stdout }: Ended) => new TextDecoder().decode(stdout);
  const [wanted, got] = [expected, found].map((ended, i) => [
    ...plain(decode(ended), names[i]!).split("\n"),
    // Of an error the message; hints name other commands on Windows, and progress depends on the time.
    ...plain(ended.stderr, names[i]!).split("\n").filter((line) => line.startsWith("routes:")),
  ]) as [string[], string[]];
  const at = wanted.findIndex((line, i) => line !== got[i]);
  if (at < 0 && wanted.length === got.length) return null;
  const line = at < 0 ? wanted.length : at;
  return `expected "${wanted[line] ?? ""}", found "${got[line] ?? ""}"`;
}

function firstLine(text: string): string {
  return text.split("\n").find((line) => line.startsWith("routes:")) ?? text.slice(0, 200);
}
