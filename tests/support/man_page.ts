import { EXIT_MEANINGS } from "../../src/errors.ts";
import type { Flag } from "../../src/cli/flags.ts";
import { describeFlag, formatFlag, help, PLACEHOLDERS, wrap } from "../../src/cli/help.ts";
import { commandFlags, globalFlags, manuals, type Verb, verbs } from "../../src/cli/commands.ts";
import { SETTINGS } from "../../src/settings/template.ts";
import { version } from "../../src/version.ts";

/** The manual page in roff, with the macros of man(7). */
export function manPage(): string {
  return [
    `.TH ROUTES 1 "" "routes ${version}" "User Commands"`,
    ".SH NAME",
    "routes \\- move GPS records from Kafka into PostgreSQL, each exactly once",
    ".SH SYNOPSIS",
    ".B routes",
    "[\\fIGLOBAL FLAGS\\fR] \\fICOMMAND\\fR [\\fIFLAGS\\fR]",
    ".SH DESCRIPTION",
    ...prose(
      "Every record of the topic ends in exactly one place: a row of the table, a reject with its reason, or a counted tombstone. Data goes to stdout, everything else to stderr. The first Ctrl-C finishes the current batch, a second one exits at once.",
    ),
    ".SH COMMANDS",
    ...verbs.flatMap(command),
    ".SH GLOBAL FLAGS",
    ...globalFlags.flatMap(flag),
    ".SH VALUES",
    ...Object.entries(PLACEHOLDERS).flatMap(([name, what]) => [".TP", bold(name), ...prose(what)]),
    ".SH EXIT STATUS",
    ...EXIT_MEANINGS.flatMap(([codes, when]) => [".TP", bold(codes), ...prose(when)]),
    ".SH FORMATS",
    ...verbatim(help("formats")),
    ".SH ERRORS OF POSTGRESQL",
    ...verbatim(help("errors")),
    ".SH FILES",
    ...prose(
      "The settings are the first of ./host_settings.ini, ./res/host_settings.ini, ./src/host_settings.ini and /etc/routes/host_settings.ini, or the file of --config:",
    ),
    ".PP",
    ...verbatim(SETTINGS),
    ".SH ENVIRONMENT",
    ...prose(
      "ROUTES_KAFKA_TOPIC, ROUTES_POSTGRESQL_PASSWORD and so on override a setting each. NO_COLOR, FORCE_COLOR and TERM decide about colours where --color does not.",
    ),
    ".SH SEE ALSO",
    ".BR kcat (1),",
    ".BR psql (1)",
    "",
  ].join("\n");
}

function command(verb: Verb): string[] {
  const { about, usage, examples } = manuals[verb];
  const shown = examples.map(([what, line]) => `# ${what}\n${line}`).join("\n");
  return [
    `.SS ${verb}`,
    ...about.flatMap((paragraph) => [...prose(paragraph), ".PP"]),
    ...verbatim(usage),
    ...commandFlags[verb].flatMap((own) => [
      ...(own.group ? [".PP", bold(own.group)] : []),
      ...flag(own),
    ]),
    ".PP",
    "Examples:",
    ".PP",
    ...verbatim(shown),
  ];
}

function flag(own: Flag): string[] {
  return [".TP", bold(formatFlag(own)), ...prose(describeFlag(own))];
}

function verbatim(text: string): string[] {
  return [".EX", ...text.trimEnd().split("\n").map(plain), ".EE"];
}

function prose(text: string): string[] {
  return wrap(text, 76).map(plain);
}

function bold(text: string): string {
  return `\\fB${plain(text)}\\fR`;
}

/** A line of text that roff takes for nothing else. */
function plain(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^[.']/, "\\&$&");
}
