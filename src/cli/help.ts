import type { Flag } from "./flags.ts";
import { type FormatProperties, FORMATS } from "../formats/properties.ts";
import { type Colors, openColors } from "../terminal/color.ts";
import { RULES } from "../postgres/sqlstates.ts";
import { commandFlags, globalFlags, isVerb, manuals, type Verb, verbs } from "./commands.ts";
import { SETTINGS } from "../settings/template.ts";

const WIDTH = 80;

/** The help on a topic: a command, one of `topics`, or null for all. */
export function help(topic: string | null, colors: Colors = openColors(false)): string {
  // Data rather than text: it goes into a file.
  if (topic === "settings") return SETTINGS;
  return textOn(topic).replace(/^[A-Z][a-z ]+:/gm, colors.bold);
}

function textOn(topic: string | null): string {
  if (topic === null) return overview();
  if (isVerb(topic)) return about(topic);
  return topic === "formats" ? formats() : errors();
}

function overview(): string {
  const list = (listed: Verb[]) =>
    listed.map((verb) => `  ${verb.padEnd(11)}  ${manuals[verb].summary}\n`).join("");
  return `Move GPS records from a Kafka topic into a PostgreSQL table, each exactly once.

Usage: routes COMMAND [FLAGS]

Daily use:
${list(verbs.slice(0, 4))}
Checks:
${list(verbs.slice(4, 6))}
Information:
${list(verbs.slice(6))}
Examples:
  routes help settings > host_settings.ini
  routes check
  routes migrate --create-database --topic
  routes produce --count 1000 && routes consume
  routes query --last

Global flags:
${table(globalFlags)}
${legend(Object.keys(PLACEHOLDERS))}
routes help COMMAND shows the flags of a command, with examples.
`;
}

/** What a value may look like, by what stands for it. */
export const PLACEHOLDERS: Record<string, string> = {
  DUR: '500ms, 10s, 9m, 1h30m, 7d, "2 hours"',
  TIME:
    '2026-11-24T10:00:00Z (no zone: UTC), now, today, 10:00 (today), yesterday, "yesterday 14:00", 2h or "2 hours ago", unix seconds',
  DIST: "500m, 2km, 3mi",
};

function legend(names: string[]): string {
  return names.map((name) => {
    const [first, ...others] = wrap(PLACEHOLDERS[name]!, WIDTH - 7);
    return [`${name.padEnd(4)}  ${first}\n`, ...others.map((line) => `      ${line}\n`)].join("");
  }).join("");
}

function about(verb: Verb): string {
  const { about, usage, examples } = manuals[verb];
  const flags = commandFlags[verb];
  const text = about.map((paragraph) => wrap(paragraph, WIDTH - 1).join("\n")).join("\n\n");
  const shown = examples.map(([what, line]) => `  # ${what}\n  ${line}\n`).join("");
  const names = globalFlags.filter(({ name }) => !["help", "version", "no-color"].includes(name))
    .map(({ name, short }) => short ? `-${short}` : `--${name}`).join(" ");
  // A SPEC may contain a TIME.
  const values = flags.map(({ type }) => type?.placeholder === "SPEC" ? "TIME" : type?.placeholder);
  const used = Object.keys(PLACEHOLDERS).filter((name) => values.includes(name));
  return `${text}

Usage: ${usage}

Examples:
${shown}
${flags.length > 0 ? `${table(flags)}\n` : ""}${used.length > 0 ? `${legend(used)}\n` : ""}` +
    `Global flags: ${names}\n`;
}

/** The rules for errors of PostgreSQL, in the order in which they apply. */
function errors(): string {
  const rules = RULES.map(({ codes, act, meaning }) => {
    const named = codes.every((code) => code.length <= 5);
    return `  ${(named ? codes.join(" ") : "(network)").padEnd(12)}  ${
      act.padEnd(6)
    }  ${meaning}\n`;
  });
  return `What consume does when PostgreSQL, or the connection to it, fails. The first
line that matches the beginning of the SQLSTATE applies; without a match,
consume stops.

${rules.join("")}
  wait    retries, with a growing pause; nothing is lost or rejected
  reject  halves the batch until the record is isolated; it is stored in
          routes_rejects as db_<SQLSTATE>, the others as rows
  stop    exits and prints a fix; nothing is lost or rejected
`;
}

/** What each format is for. */
function formats(): string {
  const list = (isWanted: (facts: FormatProperties) => boolean) =>
    Object.entries(FORMATS).filter(([, facts]) => isWanted(facts))
      .map(([name, { help }]) => `  ${name.padEnd(10)}  ${help}\n`).join("");
  return `What routes query --format can print.

Rows, for people: 100 of them, or as many as --limit says, or --all.
${list(({ forPeople, forTracks }) => forPeople && !forTracks)}
Rows, for programs: all of them.
${list(({ forPeople, forTracks }) => !forPeople && !forTracks)}
Tracks: one for each user, the oldest fix first; all fixes, or with --limit the
newest of all users. A pause of --gap starts a new segment; --simplify 20m
leaves out points that change little.
${list(({ forTracks }) => forTracks)}
Examples:
  routes query --summary --format markdown
  routes query --since 1d --format gpx > yesterday.gpx
  routes query --user 7 --format map
`;
}

/** A flag as it is typed, with its value. */
export function formatFlag({ name, short, type, implied }: Flag): string {
  const value = !type ? "" : implied ? `[=${type.placeholder}]` : ` ${type.placeholder}`;
  return `${short ? `-${short}, ` : ""}--${name}${value}`;
}

/** What a flag does, and its default. */
export function describeFlag({ help, default: value, defaultHelp = value }: Flag): string {
  return defaultHelp ? `${help} (default ${defaultHelp})` : help;
}

function table(flags: Flag[]): string {
  const names = flags.map((flag) => `${flag.short ? "" : "    "}${formatFlag(flag)}`);
  const width = Math.min(Math.max(...names.map((name) => name.length)), 28);
  return flags.map((flag, i) => {
    const text = wrap(describeFlag(flag), WIDTH - 4 - width);
    const name = names[i]!;
    const first = name.length > width
      ? `  ${name}\n  ${" ".repeat(width)}`
      : `  ${name.padEnd(width)}`;
    const heading = flag.group ? `${i > 0 ? "\n" : ""}${flag.group}:\n` : "";
    return heading +
      text.map((line, at) => (at === 0 ? first : `  ${" ".repeat(width)}`) + `  ${line}\n`).join(
        "",
      );
  }).join("");
}

/** Breaks the text into lines of at most `width` characters, except for longer words. */
export function wrap(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1)!;
    if (line.length + word.length + 1 > width && line) lines.push(word);
    else lines[lines.length - 1] = line ? `${line} ${word}` : word;
  }
  return lines;
}
