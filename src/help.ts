import type { Flag } from "./flags.ts";
import { type FormatFacts, FORMATS } from "./formats/facts.ts";
import { RULES } from "./rules.ts";
import { commandFlags, globalFlags, type Verb } from "./usage.ts";

const OVERVIEW = `Move GPS records from a Kafka topic into a PostgreSQL table, each exactly once.

Usage: routes COMMAND [FLAGS]

  migrate    prepare the database, and the topic
  produce    make records and send them
  consume    read, validate, store
  query      look at the data
  check      see whether everything is in place, and what mends it if not
  verify     prove that every record is accounted for, once
  help       about a command, "settings", "errors" or "formats"
  version    the version

Examples:
  routes migrate --create-database --topic
  routes produce --count 1000 && routes consume
`;

const COMMANDS: Record<Exclude<Verb, "help" | "version">, string> = {
  produce: `Make records and send them to the topic.

Usage: routes produce [FLAGS]

Examples:
  routes produce --count 1000 --seed 42
  routes query --format ndjson | routes produce --stdin
`,
  consume: `Read records, validate them, and store each exactly once.

Without flags it reads to the end of the topic as it is now, then stops. To
share the work, start more processes with the same group_id.

Usage: routes consume [FLAGS]

Examples:
  routes consume
  routes consume --follow --max-rejects 100
`,
  migrate: `Prepare the database (and the topic); what is done already is left alone.

A routes_table of the original Python program is adopted, rows and all.

Usage: routes migrate [FLAGS]

Examples:
  routes migrate --create-database --topic --partitions 12
  routes migrate --dry-run
`,
  query: `Look at the data. Never writes.

Usage: routes query [FLAGS]

Examples:
  routes query --user 7 --since 2h
  routes query --near 60.17,24.94 --radius 2km --format geojson > near.geojson
`,
  check: `See whether everything is in place, and what mends it if not. Changes nothing.

Walks every hop: settings, certificates and keys, Kafka (name, port, TLS, login,
topic, rights), PostgreSQL (name, port, TLS, login, tables, rights), clocks.
With a command, only what that command needs. Ends with 0, or with the exit code
of the first ✗.

Usage: routes check [produce|consume|migrate|query]

Examples:
  routes check
  routes check consume --json
`,
  verify: `Read the topic again and compare it record by record with the database.

Every record that was consumed must be a row, a reject or a tombstone, once and
unchanged. Ends with 0 when all is accounted for, else with 65. Changes nothing.

Usage: routes verify

Examples:
  routes verify
  routes verify --json
`,
};

const SETTINGS = `; Settings of routes. Save as host_settings.ini; what is commented out is the
; default. Each can be overridden: ROUTES_KAFKA_TOPIC=… in the environment,
; -X kafka.topic=… on the command line.
; A value is text as it stands: no quotes needed, % and # mean themselves.

[kafka]
;bootstrap_servers = 127.0.0.1:9092
; PLAINTEXT, SSL, SASL_SSL or SASL_PLAINTEXT; SSL when a file is named below
;security_protocol = PLAINTEXT
;ssl_cafile = ssl/ca.pem
;ssl_certfile = ssl/service.cert
;ssl_keyfile = ssl/service.key
;ssl_password =
;ssl_check_hostname = true
; PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512
;sasl_mechanism = PLAIN
;sasl_plain_username =
;sasl_plain_password =
;topic = routes
;group_id = routes
;client_id = routes
; silent for so long, a process loses its partitions to others
;session_timeout = 45s

[postgresql]
; a postgres:// address; single keys win over it
;service_uri =
;host = 127.0.0.1
;port = 5432
;user = postgres
;password =
;dbname = routes
;schema = public
; disable, require, verify-ca or verify-full; disable for this machine,
; verify-full elsewhere
;sslmode = verify-full
;sslrootcert = ssl/ca.pem
;sslcert =
;sslkey =
;sslpassword =
; where --create-database connects to: defaultdb if it exists, else postgres
;maintenance_db =
;application_name = routes
;connect_timeout = 10s
;statement_timeout = 60s
;pool_max = 4
`;

/** Topics of the help that are no command. */
export const topics = ["settings", "errors", "formats"];

/** The help on a topic: a command, "settings", "errors", "formats", or null for all. */
export function help(topic: string | null): string {
  if (topic === "settings") return SETTINGS;
  if (topic === "errors") return errors();
  if (topic === "formats") return formats();
  const overview = `${OVERVIEW}\nGlobal flags:\n${table(globalFlags)}`;
  if (topic === null || !(topic in COMMANDS)) return overview;
  const verb = topic as keyof typeof COMMANDS;
  const own = commandFlags[verb];
  const flags = own.length > 0 ? `\nFlags:\n${table(own)}` : "";
  return `${COMMANDS[verb]}${flags}\nGlobal flags: routes help\n`;
}

/** The rules that consuming runs on, in their order. */
function errors(): string {
  const rules = RULES.map(({ codes, act, meaning }) => {
    const named = codes.every((code) => code.length <= 5);
    return `  ${(named ? codes.join(" ") : "(network)").padEnd(12)}  ${
      act.padEnd(6)
    }  ${meaning}\n`;
  });
  return `What consume does when PostgreSQL, or the way to it, fails. The first line whose
beginning of a SQLSTATE fits counts; what fits none stops.

${rules.join("")}
  wait    again and again, with a growing pause; nothing is lost or rejected
  reject  the batch is halved until the record is alone; it goes into
          routes_rejects as db_<SQLSTATE>, the rest is stored
  stop    ends with a fix; nothing is lost or rejected
`;
}

function formats(): string {
  const list = (isWanted: (facts: FormatFacts) => boolean) =>
    Object.entries(FORMATS).filter(([, facts]) => isWanted(facts))
      .map(([name, { help }]) => `  ${name.padEnd(10)}  ${help}\n`).join("");
  return `What routes query --format can print.

Rows, for people: 100 of them, or as many as --limit says, or --all.
${list(({ forPeople, forTracks }) => forPeople && !forTracks)}
Rows, for programs: all of them.
${list(({ forPeople, forTracks }) => !forPeople && !forTracks)}
Tracks, of fixes: a track a user, the oldest fix first, a new segment after a
--gap without one; with --simplify 20m, less of what nobody would see.
${list(({ forTracks }) => forTracks)}
Examples:
  routes query --summary --format markdown
  routes query --since 1d --format gpx > yesterday.gpx
  routes query --user 7 --format map
`;
}

function table(flags: Flag[]): string {
  const names = flags.map(({ name, short, value }) =>
    `${short ? `-${short}, ` : "    "}--${name}${value ? ` ${value}` : ""}`
  );
  const width = Math.min(Math.max(...names.map((name) => name.length)), 28);
  return flags.map(({ help, fallback }, i) => {
    const text = wrap(fallback ? `${help} (default ${fallback})` : help, 76 - width);
    const name = names[i]!;
    const first = name.length > width
      ? `  ${name}\n  ${" ".repeat(width)}`
      : `  ${name.padEnd(width)}`;
    return text.map((line, at) => (at === 0 ? first : `  ${" ".repeat(width)}`) + `  ${line}\n`)
      .join("");
  }).join("");
}

function wrap(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1)!;
    if (line.length + word.length + 1 > width && line) lines.push(word);
    else lines[lines.length - 1] = line ? `${line} ${word}` : word;
  }
  return lines;
}
