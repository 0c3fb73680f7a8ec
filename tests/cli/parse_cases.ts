const CODES =
  "json_syntax, utf8, schema, depth, size, unreadable, unknown_key, duplicate_key or db_ and an SQLSTATE";

/** Command lines that are refused: the line (or its arguments), the message, the fix. */
export const refusals: [line: string | string[], message: string, fix?: string][] = [
  // Commands and words.
  ["prodcue", 'unknown command "prodcue": did you mean "produce"?', "routes help"],
  ["CONSUME", 'unknown command "CONSUME": did you mean "consume"?', "routes help"],
  ["frobnicate", 'unknown command "frobnicate"', "routes help"],
  ["-", 'unknown command "-"', "routes help"],
  [[""], 'unknown command ""', "routes help"],
  ["-- --follow", 'unknown command "--follow"', "routes help"],
  ["produce 1000", 'unexpected argument "1000"', "routes produce --count 1000"],
  ["produce 007", 'unexpected argument "007"', "routes produce --count 007"],
  ["query --last 7", 'unexpected argument "7"', "routes help query"],
  ["produce --no-color true", 'unexpected argument "true"', "routes help produce"],
  ["produce --tee true", 'unexpected argument "true"', "routes help produce"],
  ["--json migrate false", 'unexpected argument "false"', "routes help migrate"],
  ["consume -", 'unexpected argument "-"', "routes help consume"],
  ["consume consume", 'unexpected argument "consume"', "routes help consume"],
  ["consume -- --follow", 'unexpected argument "--follow"', "routes help consume"],
  ["version 2", 'unexpected argument "2"', "routes help version"],
  ["help produce consume", 'unexpected argument "consume"', "routes help consume"],
  ["help produce now", 'unexpected argument "now"', "routes help"],
  ["query help", 'unexpected argument "help"', "routes help query"],
  ["query 10", 'unexpected argument "10"', "routes query --limit 10"],
  [
    "produce --stdin data/day.ndjson",
    'unexpected argument "data/day.ndjson"',
    "routes produce --stdin < data/day.ndjson",
  ],
  ["produce -n 5 10", 'unexpected argument "10"', "routes help produce"],
  ["migrate 3", 'unexpected argument "3"', "routes help migrate"],
  [
    "produce consume",
    'unexpected argument "consume"',
    "one command at a time: routes produce, then routes consume",
  ],
  [
    "migrate --topic foo",
    'unexpected argument "foo"',
    "routes migrate --topic -X kafka.topic=foo",
  ],
  ["help prodcue", 'unknown help topic "prodcue": did you mean "produce"?', "routes help"],
  ["help setings", 'unknown help topic "setings": did you mean "settings"?', "routes help"],
  ["completions", "completions needs a shell: bash, zsh, fish", "routes completions bash"],
  ["completions bsh", 'unknown shell "bsh": did you mean "bash"?', "routes help"],
  [
    "check verify",
    'check has no checks for "verify": expected produce, consume, migrate, query',
    "routes check looks at everything; routes verify compares the records",
  ],
  [
    "check all",
    'check has no checks for "all": expected produce, consume, migrate, query',
    "routes check",
  ],
  [
    "check help",
    'check has no checks for "help": expected produce, consume, migrate, query',
    "routes help check",
  ],
  ["completions bash zsh", 'unexpected argument "zsh"', "routes help completions"],
  // Values that are given in several words.
  ["query --near 60.17 24.94", 'unexpected argument "24.94"', "--near 60.17,24.94"],
  ["query --near 60.17, 24.94 --last", 'unexpected argument "24.94"', "--near 60.17,24.94"],
  ["query --last --near -33.9 -151.2 --all", 'unexpected argument "-151.2"', "--near -33.9,-151.2"],
  [
    "query --bbox -74.3 40.5 -73.7 40.9",
    'unexpected argument "-73.7"',
    "--bbox -74.3,40.5,-73.7,40.9",
  ],
  ["query --user 7 9 -n 5", 'unexpected argument "9"', "--user 7,9"],
  ["query -u7 9", 'unexpected argument "9"', "--user 7,9"],
  ["query --columns time latitude", 'unexpected argument "latitude"', "--columns time,latitude"],
  ["query --since 2 hours ago", 'unexpected argument "hours"', '--since "2 hours ago"'],
  ["query --since 2026-11-24 10:00", 'unexpected argument "10:00"', '--since "2026-11-24 10:00"'],
  ["query --simplify 5 km", 'unexpected argument "km"', '--simplify "5 km"'],
  ["query --near 60.17 north", 'unexpected argument "north"', "routes help query"],
  ["query --config my file.ini", 'unexpected argument "file.ini"', "routes help query"],
  // Unknown flags.
  ["consume --folow", "unknown flag --folow: did you mean --follow?", "routes help consume"],
  ["query --simpel=5", "unknown flag --simpel", "routes help query"],
  ["produce --ratee=5", "unknown flag --ratee: did you mean --rate?", "routes help produce"],
  ["produce --COUNT 5", "unknown flag --COUNT: did you mean --count?", "routes help produce"],
  [
    "produce --batch_size 5",
    "unknown flag --batch_size: did you mean --batch-size?",
    "routes help produce",
  ],
  ["migrate --count 5", "unknown flag --count", "routes help migrate"],
  ["produce --follow", "unknown flag --follow", "routes help produce"],
  ["produce --no-stdin", "unknown flag --no-stdin", "routes help produce"],
  ["--cuont 5 produce", "unknown flag --cuont: did you mean --count?", "routes help"],
  ["consume -z", "unknown flag -z", "routes help consume"],
  ["consume -fz", "unknown flag -z", "routes help consume"],
  ["consume -F", "unknown flag -F: did you mean -f?", "routes help consume"],
  ["produce -count 5", "unknown flag -count: did you mean --count?", "routes help produce"],
  ["-help", "unknown flag -help: did you mean --help?", "routes help"],
  ["produce -5", 'unexpected argument "-5"', "routes help produce"],
  ["produce --=5", "unknown flag --", "routes help produce"],
  ["produce --seed.x=5", "unknown flag --seed.x: did you mean --seed?", "routes help produce"],
  ["produce --__proto__=5", "unknown flag --__proto__", "routes help produce"],
  [
    "query --password=hunter2",
    "unknown flag --password",
    "set ROUTES_POSTGRESQL_PASSWORD in the environment, or [postgresql] password in the settings file",
  ],
  // Settings in the place of flags.
  ["--topic foo query", 'unknown command "foo"', "routes COMMAND -X kafka.topic=foo"],
  ["query --topic foo", "unknown flag --topic", "routes query -X kafka.topic=foo"],
  ["query --topic", "unknown flag --topic", "routes query -X kafka.topic=VALUE"],
  ["--schema=foo query", "unknown flag --schema", "routes COMMAND -X postgresql.schema=foo"],
  ["consume --group g", "unknown flag --group", "routes consume -X kafka.group_id=g"],
  ["consume --kafka-topic t", "unknown flag --kafka-topic", "routes consume -X kafka.topic=t"],
  [
    "produce --brokers a:1,b:2",
    "unknown flag --brokers",
    "routes produce -X kafka.bootstrap_servers=a:1,b:2",
  ],
  [
    "query --table foo",
    "unknown flag --table",
    "the table is routes_table; to select its schema: -X postgresql.schema=NAME",
  ],
  ["-L", "unknown flag -L", "routes help"],
  ["-=5", "unknown flag -", "routes help"],
  ["consume -v-", "unknown flag -v-", "routes help consume"],
  [
    "consume --no-config=a.ini",
    "unknown flag --no-config: did you mean --config?",
    "routes help consume",
  ],
  ["--_=5 consume", "unknown flag --_", "routes help"],
  ["help --man", "unknown flag --man", "routes help"],
  ["help query --last", "unknown flag --last", "routes help query"],
  // Given twice.
  ["produce -n 5 --count 5", "--count is given twice"],
  ["consume --tee --tee", "--tee is given twice"],
  ["--json consume --json", "--json is given twice"],
  ["--config a consume --config=b", "--config is given twice"],
  ["consume -qq", "--quiet is given twice"],
  // Values that are missing, empty or not due.
  ["produce --count", "--count needs a value", "--count N"],
  ["produce -n", "--count needs a value", "--count N"],
  ["query -n", "--limit needs a value", "--limit N"],
  ["produce -n=", "--count needs a value", "--count N"],
  ["produce --count=", "--count needs a value", "--count N"],
  [["produce", "--count", ""], "--count needs a value", "--count N"],
  ["produce --count --tee", "--count needs a value", "--count N"],
  ["produce --count -q", "--count needs a value", "--count N"],
  ["produce --count -- 5", "--count needs a value", "--count N"],
  ["consume --config", "--config needs a value", "--config PATH"],
  ["consume -X", "--set needs a value", "--set SECTION.KEY=VALUE"],
  ["produce --model", "--model needs a value", "--model MODEL"],
  ["produce --dry-run=maybe", "--dry-run takes no value"],
  ["produce --dry-run=true", "--dry-run takes no value"],
  ["produce --dry-run=", "--dry-run takes no value"],
  ["consume -f=yes", "--follow takes no value"],
  ["consume --json=1", "--json takes no value"],
  ["query --no-header=csv", "--no-header takes no value"],
  ["--no-color=always consume", "--no-color takes no value"],
  ["consume --no-color=always", "--no-color takes no value"],
  [
    "query --watch 5",
    '--watch is "5": expected a duration such as 500ms, 10s, 1h30m, 7d or 1w',
    "--watch 5s",
  ],
  ["query --watch=", "--watch needs a value", "--watch DUR"],
  ["query --watch soon", 'unexpected argument "soon"', "routes help query"],
  ["query --gap", "--gap needs a value", "--gap DUR"],
  [
    "query --simplify 20",
    '--simplify is "20": expected a distance such as 500m, 2km or 3mi',
    "--simplify 20m, or --simplify 20km",
  ],
  ["produce --strict", "--strict goes with --stdin"],
  [
    "produce --stdin --user-field userId",
    "--stdin and --user-field exclude each other",
  ],
  [
    "produce --user-field userid",
    '--user-field is "userid": expected userID, userId',
    "--user-field userID",
  ],
  // Counts.
  ["produce --count 1e3x", '--count is "1e3x": expected a whole number of at least 0'],
  ["produce --count 1e3", '--count is "1e3": expected a whole number of at least 0'],
  ["produce --count -5", '--count is "-5": expected a whole number of at least 0'],
  ["produce -n-5", '--count is "-5": expected a whole number of at least 0'],
  ["produce --count +5", '--count is "+5": expected a whole number of at least 0'],
  ["produce --count 5.0", '--count is "5.0": expected a whole number of at least 0'],
  ["produce --count 0x10", '--count is "0x10": expected a whole number of at least 0'],
  ["produce --count NaN", '--count is "NaN": expected a whole number of at least 0'],
  ["produce --count Infinity", '--count is "Infinity": expected a whole number of at least 0'],
  ...["1,000", "1 000", "1_000"].map((text): [string[], string, string] => [
    ["produce", "--count", text],
    `--count is "${text}": expected a whole number of at least 0`,
    "--count 1000",
  ]),
  ["produce --count 1,5", '--count is "1,5": expected a whole number of at least 0'],
  [["produce", "--count", " "], '--count is " ": expected a whole number of at least 0'],
  [
    "produce --count 9007199254740993",
    '--count is "9007199254740993": expected a whole number from 0 to 9007199254740991',
  ],
  ["consume --count 0", '--count is "0": expected a whole number of at least 1'],
  [
    "query --limit 0",
    '--limit is "0": expected a whole number of at least 1',
    "--all instead of --limit",
  ],
  ["produce --seed -1", '--seed is "-1": expected a whole number of at least 0'],
  ["produce --users 0", '--users is "0": expected a whole number from 1 to 2147483647'],
  [
    "produce --users 2147483648",
    '--users is "2147483648": expected a whole number from 1 to 2147483647',
  ],
  ["produce --batch-size 0", '--batch-size is "0": expected a whole number from 1 to 10000'],
  [
    "consume --batch-size 100001",
    '--batch-size is "100001": expected a whole number from 1 to 100000',
  ],
  ["consume --max-rejects -1", '--max-rejects is "-1": expected a whole number of at least 0'],
  [
    "migrate --topic --partitions 0",
    '--partitions is "0": expected a whole number from 1 to 100000',
  ],
  [
    "migrate --topic --replication x",
    '--replication is "x": expected a whole number from 1 to 100',
  ],
  // Other numbers.
  ["produce --rate 0", '--rate is "0": expected a number above 0, up to 1000000000'],
  ["produce --rate -5", '--rate is "-5": expected a number above 0, up to 1000000000'],
  ["produce --rate NaN", '--rate is "NaN": expected a number above 0, up to 1000000000'],
  ["produce --rate 1e3", '--rate is "1e3": expected a number above 0, up to 1000000000'],
  ["produce --speed 1001", '--speed is "1001": expected a number above 0, up to 1000'],
  ["produce --invalid 101", '--invalid is "101": expected a share from 0 to 100 %'],
  ["produce --invalid -1", '--invalid is "-1": expected a share from 0 to 100 %'],
  ["produce --invalid x%", '--invalid is "x%": expected a share from 0 to 100 %'],
  // Durations and times.
  ["produce --duration 10", ...duration("duration", "10"), "--duration 10s"],
  ...["produce --duration", "produce --interval", "consume --idle", "consume --flush"]
    .map((line) => aboveZero(line)),
  ...["migrate --lock-timeout", "query --gap", "query --watch", "consume --timeout"]
    .map((line) => aboveZero(line)),
  ["produce --duration -5s", ...duration("duration", "-5s")],
  ["produce --interval 5sac", ...duration("interval", "5sac")],
  ["produce --interval 5S", ...duration("interval", "5S"), "--interval 5s"],
  ["query --gap 1y", ...duration("gap", "1y"), "--gap 365d"],
  ["query --gap 0", ...duration("gap", "0")],
  ["consume --idle 1h30", ...duration("idle", "1h30")],
  ["consume --flush forever", ...duration("flush", "forever")],
  ["migrate --lock-timeout x", ...duration("lock-timeout", "x")],
  ["consume --timeout 30", ...duration("timeout", "30"), "--timeout 30s"],
  ["produce --start soon", ...time("start", "soon")],
  ["consume --timeout 8d", '--timeout is "8d": expected a duration of at most 7d'],
  ["produce --start 1969-12-31", '--start is "1969-12-31": expected a time from 1970 to 9999'],
  ["produce --start 253402300800", '--start is "253402300800": expected a time from 1970 to 9999'],
  ["query --since 2026-02-30", ...time("since", "2026-02-30")],
  ["query --since 24.11.2026", ...time("since", "24.11.2026"), "--since 2026-11-24"],
  ["query --since 32.11.2026", ...time("since", "32.11.2026")],
  ["query --since 2026", ...time("since", "2026"), "--since 2026-01-01, or --since @2026"],
  [
    "query --since 20261124",
    ...time("since", "20261124"),
    "--since 2026-11-24, or --since @20261124",
  ],
  ["query --since 5", ...time("since", "5"), "--since 5s, or --since @5"],
  ["query --since 0", ...time("since", "0"), "--since @0"],
  ["query --since 1y", ...time("since", "1y"), "--since 365d"],
  [["query", "--since", "2 months ago"], ...time("since", "2 months ago"), "--since 60d"],
  [["query", "--since", "2 Hours ago"], ...time("since", "2 Hours ago"), '--since "2 hours ago"'],
  ["query --since 2026-1-2", ...time("since", "2026-1-2"), "--since 2026-01-02"],
  ["query --since 2026/01/02", ...time("since", "2026/01/02"), "--since 2026-01-02"],
  ["query --since 2026-13-2", ...time("since", "2026-13-2")],
  ["query --since NOW", ...time("since", "NOW"), "--since now"],
  ["query --until 12345678901234", ...time("until", "12345678901234")],
  // Places and boxes.
  [
    "produce --radius 5",
    '--radius is "5": expected a distance such as 500m, 2km or 3mi',
    "--radius 5m, or --radius 5km",
  ],
  ["produce --radius 0m", '--radius is "0m": expected a distance above 0, such as 500m'],
  ["query --simplify 0km", '--simplify is "0km": expected a distance above 0, such as 500m'],
  ["produce --radius 0", '--radius is "0": expected a distance such as 500m, 2km or 3mi'],
  [
    "query --near 1,2 --radius 2KM",
    '--radius is "2KM": expected a distance such as 500m, 2km or 3mi',
    "--radius 2km",
  ],
  [
    "query --near 1,2 --radius 2ly",
    '--radius is "2ly": expected a distance such as 500m, 2km or 3mi',
  ],
  ["produce --center 60.17", ...place("center", "60.17")],
  ["produce --center 60.17,x", ...place("center", "60.17,x")],
  ["query --near 60.17,24.94,5", ...place("near", "60.17,24.94,5")],
  ["query --near 60.17,", ...place("near", "60.17,")],
  ["query --near NaN,1", ...place("near", "NaN,1")],
  [["query", "--near", "60.17 24.94"], ...place("near", "60.17 24.94"), "--near 60.17,24.94"],
  ["query --near 60,200", place("near", "60,200") + ": longitude from -180 to 180"],
  [
    "query --near 151.2,-33.9",
    place("near", "151.2,-33.9") + ": latitude comes first, from -90 to 90",
    "--near -33.9,151.2",
  ],
  [
    "query --bbox 1,2,3",
    '--bbox is "1,2,3": expected WEST,SOUTH,EAST,NORTH in degrees, such as -74.3,40.5,-73.7,40.9',
  ],
  [
    "query --bbox 1,2,3,north",
    '--bbox is "1,2,3,north": expected WEST,SOUTH,EAST,NORTH in degrees, such as -74.3,40.5,-73.7,40.9',
  ],
  [
    "query --bbox -33.9,151.2,-33.8,151.3",
    '--bbox is "-33.9,151.2,-33.8,151.3": expected latitudes from -90 to 90; longitude comes first: WEST,SOUTH,EAST,NORTH',
    "--bbox 151.2,-33.9,151.3,-33.8",
  ],
  ["query --bbox -190,0,0,1", '--bbox is "-190,0,0,1": expected longitudes from -180 to 180'],
  [
    "query --bbox 0,5,1,4",
    '--bbox is "0,5,1,4": expected south below north; longitude comes first: WEST,SOUTH,EAST,NORTH',
    "--bbox 0,4,1,5",
  ],
  // Users, specs, words.
  ["query --user seven", '--user is "seven": expected users such as 7 or 1,2,5-9'],
  [
    "query --user 1,9-5",
    '--user is "1,9-5": expected the lower user of a range first',
    "--user 1,5-9",
  ],
  ["query --user x,9-5", '--user is "x,9-5": expected users such as 7 or 1,2,5-9'],
  ["query --user 1,,2", '--user is "1,,2": expected users such as 7 or 1,2,5-9', "--user 1,2"],
  ["query --user 1.5", '--user is "1.5": expected users such as 7 or 1,2,5-9'],
  ["query -u 7 -u x", '--user is "7,x": expected users such as 7 or 1,2,5-9'],
  [
    "query --user 2147483648",
    '--user is "2147483648": expected users from -2147483648 to 2147483647',
  ],
  [
    "query --user=-2147483649",
    '--user is "-2147483649": expected users from -2147483648 to 2147483647',
  ],
  ["consume --from beginning", ...spec("from", "beginning"), "--from earliest"],
  ["consume --until end", ...spec("until", "end"), "--until latest"],
  ["consume --replay 2h", ...spec("replay", "2h"), "--replay @2h"],
  [
    ["consume", "--replay", "2 hours ago"],
    ...spec("replay", "2 hours ago"),
    '--replay "@2 hours ago"',
  ],
  ["consume --skip-to -2h", ...spec("skip-to", "-2h"), "--skip-to @2h"],
  ["consume --from 2026-11-24", ...spec("from", "2026-11-24"), "--from @2026-11-24"],
  ["consume --from @", ...spec("from", "@")],
  ["consume --from group:", ...spec("from", "group:")],
  ["consume --from @soon", ...spec("from", "@soon")],
  ["consume --from 1.5", ...spec("from", "1.5")],
  ["consume --until --tee", "--until needs a value", "--until SPEC"],
  [
    "query --columns user,,time",
    '--columns is "user,,time": expected names between commas',
    "--columns user,time",
  ],
  ["produce --model trafic", '--model is "trafic": expected traffic, uniform', "--model traffic"],
  ["produce --key topic", '--key is "topic": expected user, none'],
  ["produce --acks 0", '--acks is "0": expected all, 1', "--acks 1"],
  [
    "produce --compression zip",
    '--compression is "zip": expected gzip, none',
    "--compression gzip",
  ],
  ...["65536", "localhost:65536"].map((text): [string, string] => [
    `consume --http ${text}`,
    `--http is "${text}": expected a port from 0 to 65535`,
  ]),
  ...["localhost", ":9187", "::1:9187", "http://a:1", "a:b"]
    .map((text): [string, string] => [
      `consume --http ${text}`,
      `--http is "${text}": expected [HOST:]PORT, such as 127.0.0.1:9187, or port 0 for any free one`,
    ]),
  [
    "query --format html --tiles OSM",
    '--tiles is "OSM": expected osm, or http(s)://HOST/… with {z}, {x} and {y}',
    "--tiles osm",
  ],
  ...[
    "a.example/{z}/{x}/{y}",
    "file:///tiles/{z}/{x}/{y}",
    "https://a.example/{z}/{x}",
    "https://{z}.example/{x}/{y}",
    "https://user:secret@a.example/{z}/{x}/{y}",
    "https://a;script-src/{z}/{x}/{y}",
  ].map((text): [string, string] => [
    `query --format html --tiles ${text}`,
    `--tiles is "${text}": expected osm, or http(s)://HOST/… with {z}, {x} and {y}`,
  ]),
  ["consume --on-reject ignore", '--on-reject is "ignore": expected keep, fail'],
  ["query --order tme", '--order is "tme": expected time, user, distance', "--order time"],
  [
    "query --rejects --code foo",
    `--code is "foo": expected ${CODES}`,
  ],
  ["query --rejects --code shema", `--code is "shema": expected ${CODES}`, "--code schema"],
  [
    "query --rejects --code SCHEMA,utf8,db_22003",
    `--code is "SCHEMA,utf8,db_22003": expected ${CODES}`,
    "--code schema,utf8,db_22003",
  ],
  ["query --time utc", '--time is "utc": expected iso, unix, ms'],
  ["query --color sometimes", '--color is "sometimes": expected auto, always, never'],
  // Contradictions.
  ["consume -q -v", "--quiet and --verbose exclude each other"],
  ["consume --color always --no-color", "--color and --no-color exclude each other"],
  ...["count 5", "duration 5s", "users 5", "model traffic", "center 1,2", "radius 5m", "speed 5"]
    .map((flag) => excluded("produce", "stdin", flag)),
  ...["interval 5s", "start now", "seed 5", "invalid 5"]
    .map((flag) => excluded("produce", "stdin", flag)),
  ...["center 1,2", "radius 5m", "speed 5"].map((flag): [string, string] => [
    `produce --model uniform --${flag}`,
    `--${flag.split(" ")[0]} and --model uniform exclude each other`,
  ]),
  excluded("produce", "dry-run", "tee"),
  excluded("consume", "follow", "until latest"),
  ...["follow", "count 5", "from earliest", "replay earliest", "on-reject keep", "tee"]
    .map((flag) => excluded("consume", "retry-rejects", flag)),
  excluded("consume", "retry-rejects", "dead-letter-topic t"),
  excluded("consume", "retry-rejects", "http localhost:0"),
  [
    "consume --on-reject fail --dead-letter-topic t",
    "--dead-letter-topic and --on-reject fail exclude each other",
  ],
  [
    "consume --on-reject fail --max-rejects 5",
    "--max-rejects and --on-reject fail exclude each other",
  ],
  excluded("migrate", "status", "dry-run"),
  excluded("migrate", "status", "create-database"),
  excluded("migrate", "status", "topic"),
  excluded("migrate", "dry-run", "create-database"),
  excluded("migrate", "dry-run", "topic"),
  ["migrate --partitions 3", "--partitions goes with --topic"],
  ["migrate --replication 3", "--replication goes with --topic"],
  ...["produce dry-run", "produce tee", "consume tee", "migrate dry-run"].map((line) => {
    const [verb, flag] = line.split(" ") as [string, string];
    return excluded(verb, "json", flag);
  }),
  excluded("query", "last", "summary"),
  excluded("query", "last", "total"),
  excluded("query", "all", "limit 5"),
  ...["limit 5", "all", "order time", "reverse", "columns user"]
    .map((flag) => excluded("query", "total", flag)),
  ["query --since now --until 2h", "--since is not before --until"],
  ["query --since 2h --until 2h", "--since is not before --until"],
  ["query --radius 5km", "--radius goes with --near"],
  ["consume --follow --tiles osm", "--tiles goes with --http"],
  ["query --order distance", "--order distance goes with --near"],
  ["--json query --format csv", "--json and --format csv exclude each other"],
];

function excluded(verb: string, a: string, b: string): [line: string, message: string] {
  return [`${verb} --${b} --${a}`, `--${a} and --${b.split(" ")[0]} exclude each other`];
}

function duration(flag: string, text: string): [string] {
  return [`--${flag} is "${text}": expected a duration such as 500ms, 10s, 1h30m, 7d or 1w`];
}

function aboveZero(line: string): [line: string, message: string] {
  const flag = line.split(" ")[1];
  return [`${line} 0s`, `${flag} is "0s": expected a duration above 0, such as 500ms`];
}

function time(flag: string, text: string): [string] {
  return [
    `--${flag} is "${text}": expected a time such as 2026-11-24T10:00:00Z, 10:00 (today), yesterday, 2h (ago) or unix seconds`,
  ];
}

function place(flag: string, text: string): [string] {
  return [
    `--${flag} is "${text}": expected LATITUDE,LONGITUDE in degrees, such as 60.17,24.94`,
  ];
}

function spec(flag: string, text: string): [string] {
  return [
    `--${flag} is "${text}": expected earliest, latest, an offset, @TIME${
      flag === "from"
        ? ", -N for the last N records or group:NAME"
        : " or -N for the last N records"
    }`,
  ];
}
