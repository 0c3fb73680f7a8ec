import { assertEquals, assertThrows } from "@std/assert";
import { type Command, parseCli } from "../../src/cli/parse.ts";
import { UsageError } from "../../src/errors.ts";
import { commandFlags, globalFlags, verbs } from "../../src/cli/commands.ts";
import { refusals } from "./parse_cases.ts";
import { followFix } from "../support/follow_fix.ts";

const NOW = Date.parse("2026-03-04T05:06:07Z");
const HOUR = 3_600_000;

/** As a shell would split it. */
const parse = (line: string) => parseCli(line.split(" ").filter(Boolean), NOW);

// deno-lint-ignore no-explicit-any
function optionsOf(line: string): any {
  const { command } = parse(line);
  return "options" in command ? command.options : null;
}

for (const [line, message, fix] of refusals) {
  const args = typeof line === "string" ? line.split(" ").filter(Boolean) : line;
  Deno.test(`parseCli() refuses: routes ${args.join(" ") || '""'}`, () => {
    const failure = assertThrows(() => parseCli(args, NOW), UsageError) as UsageError;
    assertEquals([failure.message, failure.hint], [message, fix]);
  });
}

Deno.test("a line that is refused with a flag as its fix is good with that flag", () => {
  const fixed = refusals.filter(([line, message, fix]) =>
    // That fix has a word in the place of the value.
    fix?.startsWith("--") && !message.endsWith("needs a value") && !/ -u/.test(`${line}`)
  );
  assertEquals(fixed.length > 30, true, `${fixed.length}`);
  for (const [line, , fix] of fixed) {
    const args = typeof line === "string" ? line.split(" ") : line;
    for (const good of followFix(args, fix!)) parseCli(good, NOW);
  }
});

Deno.test("parseCli() offers every known format when one is unknown", () => {
  const failure = assertThrows(() => parse("query --format cvs"), UsageError) as UsageError;
  const known = /expected (.*)$/.exec(failure.message)![1]!.split(", ");
  assertEquals(failure.hint, "--format csv");
  for (const format of known) assertEquals(optionsOf(`query --format ${format}`).format, format);
  assertEquals(known.includes("table") && known.includes("geojson"), true);
});

Deno.test("produce has defaults", () => {
  assertEquals(parse("produce").command, {
    verb: "produce",
    options: {
      count: 1000,
      durationMs: null,
      ratePerSecond: null,
      users: 100,
      model: "traffic",
      center: [60.1699, 24.9384],
      radiusM: 25_000,
      speedKmh: 40,
      intervalMs: null,
      startMs: null,
      seed: 1,
      invalidPercent: 0,
      stdin: false,
      key: "user",
      userField: "userID",
      acks: "all",
      compression: "gzip",
      batchSize: 10_000,
      dryRun: false,
      tee: false,
      strict: false,
      skipBad: false,
    },
  } as Command);
});

Deno.test("consume has defaults", () => {
  assertEquals(parse("consume").command, {
    verb: "consume",
    options: {
      follow: false,
      count: null,
      idleMs: null,
      from: null,
      replay: null,
      skipTo: null,
      yes: false,
      until: null,
      batchSize: 50_000,
      flushMs: 200,
      onReject: "keep",
      maxRejects: null,
      deadLetterTopic: null,
      retryRejects: false,
      acceptLoss: false,
      http: null,
      tiles: null,
      tee: false,
      strict: false,
    },
  } as Command);
});

Deno.test("migrate has defaults", () => {
  assertEquals(parse("migrate").command, {
    verb: "migrate",
    options: {
      status: false,
      dryRun: false,
      createDatabase: false,
      topic: false,
      partitions: 3,
      replication: null,
      index: null,
      dropIndex: null,
      lockTimeoutMs: 10_000,
    },
  } as Command);
});

Deno.test("query has defaults", () => {
  const { gapMs: _gap, simplifyM: _simplify, watchMs: _watch, ...options } = optionsOf("query");
  assertEquals(options, {
    what: "points",
    users: null,
    since: null,
    until: null,
    bbox: null,
    near: null,
    limit: null,
    all: false,
    order: null,
    reverse: false,
    format: "table",
    columns: null,
    header: true,
    time: "iso",
    tz: "UTC",
    codes: null,
    userField: null,
    tiles: null,
    showSql: false,
    timing: false,
  });
});

Deno.test("global flags have defaults", () => {
  assertEquals(parse("consume").globals, {
    config: null,
    set: [],
    json: false,
    quiet: false,
    verbose: 0,
    color: null,
    progress: true,
    timeoutMs: 30_000,
  });
});

Deno.test("global flags stand on either side of the command", () => {
  const flags =
    "--config a.ini -X kafka.topic=a --json --no-progress --timeout 5s -vv --color never";
  const { globals } = parse(`${flags} consume --follow`);
  assertEquals(globals, {
    config: "a.ini",
    set: ["kafka.topic=a"],
    json: true,
    quiet: false,
    verbose: 2,
    color: "never",
    progress: false,
    timeoutMs: 5_000,
  });
  assertEquals(parse(`consume --follow ${flags}`).globals, globals);
  assertEquals(parse(`consume ${flags} --follow`).globals, globals);
});

Deno.test("a switch before the command does not swallow it", () => {
  for (const flag of ["--json", "-q", "-v", "--no-color", "--no-progress"]) {
    assertEquals(parse(`${flag} migrate`).command.verb, "migrate");
  }
});

Deno.test("the value of a flag before the command is not taken for it", () => {
  const { globals, command } = parse("--config produce -X kafka.topic=query consume");
  assertEquals([globals.config, globals.set, command.verb], [
    "produce",
    ["kafka.topic=query"],
    "consume",
  ]);
  assertEquals(parse("-vX kafka.topic=a consume").globals.set, ["kafka.topic=a"]);
  assertEquals(optionsOf("-n 5 query").limit, 5);
});

Deno.test("flags are spelled in every usual way", () => {
  for (const count of ["--count 5", "--count=5", "-n 5", "-n5", "-n=5", "-vn5", "-vn 5"]) {
    assertEquals(optionsOf(`produce ${count} --tee`).count, 5, count);
  }
  const { globals, command } = parse("consume -fvvn7");
  assertEquals(globals.verbose, 2);
  assertEquals(command.verb === "consume" && command.options.follow, true);
  assertEquals(command.verb === "consume" && command.options.count, 7);
});

Deno.test("more than two -v say no more than two", () => {
  assertEquals(parse("-v consume -vv --verbose").globals.verbose, 2);
  assertEquals(parse("-v consume").globals.verbose, 1);
});

Deno.test("a value may begin with a dash", () => {
  assertEquals(optionsOf("query --bbox -74.3,40.5,-73.7,40.9").bbox, {
    west: -74.3,
    south: 40.5,
    east: -73.7,
    north: 40.9,
  });
  assertEquals(optionsOf("query --near -33.9,151.2").near, {
    latitude: -33.9,
    longitude: 151.2,
    radiusM: 1000,
  });
  assertEquals(optionsOf("query --since -2h").since, (NOW - 2 * HOUR) / 1000);
  assertEquals(optionsOf("consume --from -100").from, { at: "last", count: 100 });
  assertEquals(optionsOf("consume --from=-100").from, { at: "last", count: 100 });
  assertEquals(optionsOf("query -u -5").users, [[-5, -5]]);
  assertEquals(optionsOf("query -u-5").users, [[-5, -5]]);
});

Deno.test("a value keeps its equals signs, spaces and line breaks", () => {
  const value = "kafka.topic=a=b c\nd";
  for (const args of [["-X", value], ["--set", value], [`--set=${value}`], [`-X${value}`]]) {
    assertEquals(parseCli([...args, "consume"], NOW).globals.set, [value]);
  }
});

Deno.test("-X is given as often as needed, and lists add up", () => {
  assertEquals(parse("-X a.b=1 consume --set a.b=2").globals.set, ["a.b=1", "a.b=2"]);
  assertEquals(optionsOf("query -u 7 --user 1,5-9").users, [[7, 7], [1, 1], [5, 9]]);
  assertEquals(optionsOf("query --columns time --columns user,latitude").columns, [
    "time",
    "user",
    "latitude",
  ]);
});

Deno.test("-- ends the flags", () => {
  assertEquals(parse("consume --follow --").command.verb, "consume");
  assertEquals(parse("--json -- consume").command.verb, "consume");
  assertEquals(parse("help -- produce").command, { verb: "help", topic: "produce" });
});

const helps: [line: string, topic: string | null][] = [
  ["", null],
  ["--", null],
  ["help", null],
  ["--help", null],
  ["-h", null],
  ["--json", null],
  ["help produce", "produce"],
  ["help settings", "settings"],
  ["help help", "help"],
  ["produce --help", "produce"],
  ["produce -h", "produce"],
  ["--help produce", "produce"],
  ["consume -vh", "consume"],
  ["migrate -q -v --help", "migrate"],
  ["produce --count --help", "produce"],
  ["produce --count x -h", "produce"],
  ["produce --cuont 5 --help", "produce"],
  ["query stray --help", "query"],
  ["query --limit 5 --all --help", "query"],
  ["--bogus --help", null],
  ["--bogus produce --help", "produce"],
  ["consume -vh --follow --until latest", "consume"],
  ["--timeout x --help", null],
  ["--config a.ini --help", null],
  ["--help --version", null],
];

for (const [line, topic] of helps) {
  Deno.test(`help on ${topic ?? "all"}: routes ${line}`, () => {
    assertEquals(parse(line).command, { verb: "help", topic } as Command);
  });
}

Deno.test("completions are for one shell", () => {
  assertEquals(parse("-q completions zsh").command, { verb: "completions", shell: "zsh" });
});

for (
  const line of ["version", "--version", "-V", "produce --version", "--bogus -V", "-qV", "prod -V"]
) {
  Deno.test(`the version: routes ${line}`, () => {
    assertEquals(parse(line).command, { verb: "version" });
  });
}

Deno.test("help does not hide an unknown command", () => {
  assertThrows(() => parse("prodcue --help"), UsageError, 'did you mean "produce"?');
});

Deno.test("--help after -- is a word", () => {
  assertThrows(() => parse("consume -- --help"), UsageError, 'unexpected argument "--help"');
});

Deno.test("produce goes on until stopped with 0, and as long as told with a duration alone", () => {
  assertEquals(optionsOf("produce --count 0").count, null);
  assertEquals(optionsOf("produce --duration 9m").count, null);
  assertEquals(optionsOf("produce --duration 9m").durationMs, 540_000);
  assertEquals(optionsOf("produce --duration 9m --count 5").count, 5);
});

Deno.test("produce reads every flag", () => {
  const line = "produce --rate 2.5 --users 7 --center -33.9,151.2 --radius 500m --speed 5.5 " +
    "--interval 500ms --start 1732431234.5 --seed 42 --invalid 2.5% --key none --acks 1 " +
    "--compression none --batch-size 10000 --dry-run";
  assertEquals(optionsOf(line), {
    ...optionsOf("produce"),
    ratePerSecond: 2.5,
    users: 7,
    center: [-33.9, 151.2],
    radiusM: 500,
    speedKmh: 5.5,
    intervalMs: 500,
    startMs: 1_732_431_234_500,
    seed: 42,
    invalidPercent: 2.5,
    key: "none",
    acks: "1",
    compression: "none",
    batchSize: 10_000,
    dryRun: true,
  });
  assertEquals(optionsOf("produce --stdin --tee --rate 5").stdin, true);
});

Deno.test("consume reads every flag", () => {
  const line = "consume -n 5 --idle 10s --from earliest --until @2026-03-04T05:06:07.5Z " +
    "--batch-size 1 --flush 1s --max-rejects 0 --tee";
  assertEquals(optionsOf(line), {
    ...optionsOf("consume"),
    count: 5,
    idleMs: 10_000,
    from: { at: "earliest" },
    until: { at: "time", ms: NOW + 500 },
    batchSize: 1,
    flushMs: 1_000,
    maxRejects: 0,
    tee: true,
  });
  assertEquals(optionsOf("consume --on-reject fail").onReject, "fail");
  assertEquals(optionsOf("consume --until latest").until, { at: "latest" });
  assertEquals(optionsOf("consume --retry-rejects").retryRejects, true);
  assertEquals(optionsOf("consume --dead-letter-topic d").deadLetterTopic, "d");
  assertEquals(optionsOf("consume --http [::1]:0").http, { host: "::1", port: 0 });
  assertEquals(optionsOf("consume --http 9187").http, { host: "127.0.0.1", port: 9187 });
  assertEquals(optionsOf("consume --http a.b:65535").http, { host: "a.b", port: 65_535 });
  assertEquals(optionsOf("consume --from 42").from, { at: "offset", offset: 42 });
  assertEquals(optionsOf("consume --from @2h").from, { at: "time", ms: NOW - 2 * HOUR });
});

Deno.test("migrate reads every flag", () => {
  const line =
    "migrate --create-database --topic --partitions 12 --replication 3 --lock-timeout 1m";
  assertEquals(optionsOf(line), {
    ...optionsOf("migrate"),
    createDatabase: true,
    topic: true,
    partitions: 12,
    replication: 3,
    lockTimeoutMs: 60_000,
  });
  assertEquals(optionsOf("migrate --status").status, true);
  assertEquals(optionsOf("migrate --dry-run").dryRun, true);
});

Deno.test("query reads every flag", () => {
  const line = "query --near 60.17,24.94 --radius 2km --since yesterday --until today --limit 5 " +
    "--order distance --reverse --format csv --no-header --time ms";
  assertEquals(optionsOf(line), {
    ...optionsOf("query"),
    near: { latitude: 60.17, longitude: 24.94, radiusM: 2_000 },
    since: Date.parse("2026-03-03T00:00:00Z") / 1000,
    until: Date.parse("2026-03-04T00:00:00Z") / 1000,
    limit: 5,
    order: "distance",
    reverse: true,
    format: "csv",
    header: false,
    time: "ms",
  });
  for (const what of ["last", "summary", "total", "rejects"]) {
    assertEquals(optionsOf(`query --${what}`).what, what);
  }
  assertEquals(optionsOf("query --all").all, true);
});

Deno.test("query and consume read a template of tiles, without what a page must not contain", () => {
  const read = (text: string) => {
    const { tiles } = optionsOf(`query --format html --tiles ${text}`);
    assertEquals(optionsOf(`consume --http 0 --tiles ${text}`).tiles, tiles);
    return tiles;
  };
  assertEquals(read("osm"), {
    url: "https://tile.openstreetmap.org/{z}/{x}/{y}.png",
    attribution: "© OpenStreetMap contributors",
    about: "https://www.openstreetmap.org/copyright",
  });
  assertEquals(read("http://Tiles.Example:8080/a/{z}/{y}/{x}?key=1&at={z}#part"), {
    url: "http://tiles.example:8080/a/{z}/{y}/{x}?key=1&at={z}",
    attribution: "tiles.example",
    about: null,
  });
  assertEquals(
    read("https://a.example/</script>/{z}/{x}/{y}")?.url,
    "https://a.example/%3C/script%3E/{z}/{x}/{y}",
  );
  assertEquals([optionsOf("query").tiles, optionsOf("consume").tiles], [null, null]);
});

Deno.test("query reads the flags of tracks, and watches every two seconds unless told", () => {
  const { gapMs, simplifyM, showSql, timing } = optionsOf(
    "query --format gpx --gap 10m --simplify 20m --show-sql --timing",
  );
  assertEquals([gapMs, simplifyM, showSql, timing], [600_000, 20, true, true]);
  assertEquals(optionsOf("query").watchMs, null);
  for (const line of ["query --watch", "--watch query", "query --watch --last"]) {
    assertEquals(optionsOf(line).watchMs, 2_000, line);
  }
  for (const line of ["query --watch 500ms", "query --watch=500ms --last", "--watch 500ms query"]) {
    assertEquals(optionsOf(line).watchMs, 500, line);
  }
});

Deno.test("query takes --json for --format json", () => {
  assertEquals(optionsOf("query --json").format, "json");
  assertEquals(optionsOf("--json query --format json").format, "json");
});

Deno.test("query reads times, distances and users as people write them", () => {
  const read = (...args: string[]) => {
    const { command } = parseCli(["query", ...args], NOW);
    return "options" in command ? command.options as unknown as Record<string, unknown> : {};
  };
  for (const text of ["2h", "2 hours", "2h ago", "2 hours ago", "120min", "3:06:07"]) {
    assertEquals(read("--since", text).since, (NOW - 2 * HOUR) / 1000, text);
  }
  const distances: [string, number][] = [["5 km", 5_000], ["5km", 5_000], ["2mi", 3_218.688]];
  for (const [text, metres] of distances) assertEquals(read("--simplify", text).simplifyM, metres);
  assertEquals(read("--user", "7, 9").users, [[7, 7], [9, 9]]);
  assertEquals(optionsOf("consume --from @5").from, { at: "time", ms: 5_000 });
});

Deno.test("a box may cross 180° and touch the ends of the world", () => {
  assertEquals(optionsOf("query --bbox 170,-90,-170,90").bbox, {
    west: 170,
    south: -90,
    east: -170,
    north: 90,
  });
  assertEquals(optionsOf("query --bbox=-180,0,180,0").bbox.east, 180);
});

Deno.test("a user range may be negative", () => {
  assertEquals(optionsOf("query --user=-5--1,-2147483648,2147483647").users, [
    [-5, -1],
    [-2_147_483_648, -2_147_483_648],
    [2_147_483_647, 2_147_483_647],
  ]);
});

Deno.test("a flag of the same name takes a value in every command or in none", () => {
  // The command is found before it is known which command's flags they are.
  const kinds = new Map<string, boolean>();
  for (const { name, short, type } of [globalFlags, ...Object.values(commandFlags)].flat()) {
    for (const key of [name, short ?? name]) {
      assertEquals(kinds.get(key) ?? !!type, !!type, key);
      kinds.set(key, !!type);
    }
  }
});

Deno.test("no command has two flags of one name or letter", () => {
  for (const verb of verbs) {
    const flags = [...globalFlags, ...commandFlags[verb]];
    const keys = flags.flatMap(({ name, short }) => short ? [name, short] : [name]);
    assertEquals(keys.length, new Set(keys).size, verb);
  }
});
