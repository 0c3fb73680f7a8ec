import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseSettings, secretsOf, type Sources } from "../src/config.ts";
import { Operation } from "../src/failure.ts";

interface Given {
  ini?: string;
  path?: string;
  env?: Record<string, string>;
  set?: string[];
  files?: string[];
}

function sources({ ini, path = "host_settings.ini", env = {}, set = [], files = [] }: Given) {
  const file = ini === undefined ? null : { path, text: ini };
  const exists = (path: string) => files.includes(path);
  return { file, env: (name: string) => env[name], set, exists } satisfies Sources;
}

const settings = (given: Given) => parseSettings(sources(given));
const kafka = (lines: string, given: Given = {}) =>
  settings({ ini: `[kafka]\n${lines}`, ...given }).kafka;
const postgresql = (lines: string, given: Given = {}) =>
  settings({ ini: `[postgresql]\n${lines}`, ...given }).postgresql;

/** The faults of settings, each a line. */
function faultsOf(given: Given): string[] {
  const error = assertThrows(() => settings(given), Operation) as Operation;
  assertEquals(error.kind, "settings");
  assertEquals(error.fix, ["routes help settings"]);
  const { length } = error.reason;
  assertEquals(error.message, length === 1 ? "a setting is wrong" : `${length} settings are wrong`);
  return error.reason;
}

Deno.test("without any source the defaults serve", () => {
  assertEquals(settings({}), {
    kafka: {
      brokers: ["127.0.0.1:9092"],
      tls: null,
      sasl: null,
      topic: "routes",
      groupId: "routes",
      clientId: "routes",
      sessionTimeoutMs: 45_000,
    },
    postgresql: {
      host: "127.0.0.1",
      port: 5432,
      user: "postgres",
      password: null,
      database: "routes",
      schema: "public",
      sslmode: "disable",
      tls: { ca: null, cert: null, key: null, passphrase: null },
      maintenanceDb: null,
      applicationName: "routes",
      connectTimeoutMs: 10_000,
      statementTimeoutMs: 60_000,
      poolMax: 4,
    },
    file: null,
    warnings: [],
  });
});

Deno.test("the settings file of the original program works unchanged", () => {
  const ini = `[kafka]
bootstrap_servers = kafka-1.example.com:17072
ssl_cafile = ssl/ca.pem
ssl_certfile = ssl/service.cert
ssl_keyfile = ssl/service.key

[postgresql]
host = pg-1.example.com
port = 17070
user = avnadmin
password = p%a#s;s
dbname = defaultdb
sslmode = require
`;
  const { kafka, postgresql, warnings } = settings({ ini, path: "src/host_settings.ini" });
  assertEquals(kafka.brokers, ["kafka-1.example.com:17072"]);
  assertEquals(kafka.tls, {
    ca: "src/ssl/ca.pem",
    cert: "src/ssl/service.cert",
    key: "src/ssl/service.key",
    passphrase: null,
    checkHostname: true,
  });
  const { host, port, user, password, database, sslmode } = postgresql;
  assertEquals([host, port, user, password], ["pg-1.example.com", 17070, "avnadmin", "p%a#s;s"]);
  assertEquals([database, sslmode], ["defaultdb", "require"]);
  assertEquals(warnings, [
    "sslmode=require encrypts, but does not check who answers: verify-full does",
  ]);
});

Deno.test("-X goes before the environment, that before the file, that before the default", () => {
  const ini = "[kafka]\ntopic = file";
  const env = { ROUTES_KAFKA_TOPIC: "env" };
  const topic = (given: Given) => settings(given).kafka.topic;
  assertEquals(topic({ ini, env, set: ["kafka.topic=first", "Kafka.TOPIC=a=b"] }), "a=b");
  assertEquals(topic({ ini, env }), "env");
  assertEquals(topic({ ini }), "file");
  assertEquals(topic({ ini: "[kafka]\ntopic =" }), "routes");
  assertEquals(topic({ ini, env: { ROUTES_KAFKA_TOPIC: "" } }), "file");
});

Deno.test("-X under another name of a key overrides it all the same", () => {
  const given = { ini: "[postgresql]\ndbname = a", set: ["postgresql.database=b"] };
  assertEquals(settings(given).postgresql.database, "b");
});

Deno.test("keys go by their other names", () => {
  assertEquals(kafka("brokers = a:1, b:2").brokers, ["a:1", "b:2"]);
  assertEquals(kafka("service_uri = kafka://[::1]:9/").brokers, ["[::1]:9"]);
  const { tls } = kafka("ca = /a\ncert = b\nkey = c", { path: "/etc/routes/x.ini" });
  assertEquals([tls?.ca, tls?.cert, tls?.key], ["/a", "/etc/routes/b", "/etc/routes/c"]);
  assertEquals(
    kafka("security_protocol = sasl_plaintext\nsasl_username = u\nsasl_password = p").sasl,
    { mechanism: "plain", username: "u", password: "p" },
  );
  assertEquals(postgresql("database = d").database, "d");
  assertEquals(postgresql("dsn = postgresql://h/d").host, "h");
});

Deno.test("any ssl_ key means SSL, with files in their usual places", () => {
  for (const line of ["ssl_cafile = ssl/ca.pem", "ssl_password = p", "ssl_check_hostname = yes"]) {
    const tls = kafka(line, { path: "res/host_settings.ini" }).tls;
    assertEquals([tls?.ca, tls?.cert], ["res/ssl/ca.pem", "res/ssl/service.cert"]);
  }
  const lines = "security_protocol = SASL_SSL\nsasl_username = u\nsasl_password = p\n" +
    "sasl_mechanism = scram-sha-512\nssl_check_hostname = off";
  const { tls, sasl } = kafka(lines, { files: ["ssl/ca.pem"] });
  const none = { cert: null, key: null, passphrase: null };
  assertEquals(tls, { ca: "ssl/ca.pem", ...none, checkHostname: false });
  assertEquals(sasl?.mechanism, "scram-sha-512");
});

Deno.test("paths outside the file start at the folder the program runs in", () => {
  const given = { path: "res/x.ini", env: { ROUTES_POSTGRESQL_SSLCERT: "env.crt" } };
  const set = ["postgresql.sslkey=set.key"];
  const { tls } = postgresql("sslrootcert = ca.pem", { ...given, set });
  assertEquals([tls.ca, tls.cert, tls.key], ["res/ca.pem", "env.crt", "set.key"]);
});

Deno.test("a service URI is taken apart and unescaped, single keys win over it", () => {
  const uri =
    "postgres://us%65r:p%40s%3As%25%2F@[::1]:6000/d%20b?sslmode=verify-ca&application_name=a=b";
  const { warnings, postgresql } = settings({
    ini: `[postgresql]\nservice_uri = ${uri}\nport = 7000`,
  });
  const { host, port, user, password, database, sslmode, applicationName } = postgresql;
  assertEquals([host, port, user, password], ["::1", 7000, "user", "p@s:s%/"]);
  assertEquals([database, sslmode, applicationName], ["d b", "verify-ca", "a=b"]);
  assertEquals(warnings, []);
});

Deno.test("a service URI may be short, and name things in its parameters", () => {
  assertEquals(postgresql("dsn = postgres://").host, "127.0.0.1");
  const { host, database } = postgresql("dsn = postgres:///?host=/run/pg&database=d");
  assertEquals([host, database], ["/run/pg", "d"]);
});

Deno.test("only this machine is spoken to in plain text unasked", () => {
  const modes = ["localhost", "LOCALHOST", "127.0.0.9", "::1", "/run/pg", "127.example.com", "h"]
    .map((host) => postgresql(`host = ${host}`).sslmode);
  assertEquals(modes, [...Array(5).fill("disable"), "verify-full", "verify-full"]);
});

Deno.test("durations may be bare seconds, as in libpq", () => {
  const { connectTimeoutMs, statementTimeoutMs } = postgresql(
    "connect_timeout = 3\nstatement_timeout = 1.5m",
  );
  assertEquals([connectTimeoutMs, statementTimeoutMs], [3_000, 90_000]);
});

Deno.test("all faults are told together, each with its place and what was meant", () => {
  const ini = `[kafka]
topc = a
sasl_username = u
group_id = a
Group_ID = b
brokers = a:1
bootstrap_servers = b:2
[postgres]
host = a
port = 1
[constructor]
nonsense
[postgresql]
port = 99999
sslmode = verify_full
connect_timeout = soon
pool_max = -1
schema = a.b
`;
  const faults = faultsOf({ ini, path: "res/x.ini", set: ["kafka.tpic=1", "kafka", "redis.x=1"] });
  const at = (line: number) => `res/x.ini line ${line}: `;
  assertEquals(
    faults.toSorted(),
    [
      'at 2 unknown key "topc" in [kafka]: did you mean "topic"?',
      "at 3 sasl_plain_username is given, but security_protocol is not SASL_SSL or SASL_PLAINTEXT",
      'at 5 key "group_id" of [kafka] is there twice, first in line 4',
      'at 7 "bootstrap_servers" says again what line 6 says',
      'at 8 unknown section [postgres]: did you mean "postgresql"?',
      "at 11 unknown section [constructor]",
      'at 12 this is neither a [section], nor "key = value", nor a comment',
      'at 14 port is "99999": expected a whole number from 1 to 65535',
      'at 15 sslmode is "verify_full": did you mean "verify-full"?',
      'at 16 connect_timeout is "soon": expected a duration such as 10s',
      'at 17 pool_max is "-1": expected a whole number from 1 to 100',
      'at 18 schema is "a.b": a dot is not allowed',
      '-X kafka.tpic: unknown key "tpic" in [kafka]: did you mean "topic"?',
      "-X kafka: expected SECTION.KEY=VALUE",
      "-X redis.x: unknown section [redis]",
    ].map((fault) => fault.replace(/^at (\d+) /, (_, line) => at(Number(line)))).toSorted(),
  );
});

const alone: [given: Given, faults: string[]][] = [
  [
    { ini: "[kafka]\nsecurity_protocol = plaintxt\nca = a\nsasl_username = u" },
    ['host_settings.ini line 2: security_protocol is "plaintxt": did you mean "PLAINTEXT"?'],
  ],
  [
    { ini: "[kafka]\nsecurity_protocol = PLAINTEXT\nca = a" },
    [
      "host_settings.ini line 2: security_protocol is PLAINTEXT, but ssl_ files are given: " +
      "expected SSL or SASL_SSL",
    ],
  ],
  [
    { env: { ROUTES_KAFKA_SECURITY_PROTOCOL: "SASL_SSL" } },
    ["username", "password"].map((key) =>
      `ROUTES_KAFKA_SECURITY_PROTOCOL: sasl_plain_${key} is missing, security_protocol asks for a login`
    ),
  ],
  [
    { env: { ROUTES_KAFKA_BOOTSTRAP_SERVERS: "a, b:0,c:1" } },
    ["a", "b:0"].map((broker) =>
      `ROUTES_KAFKA_BOOTSTRAP_SERVERS: bootstrap_servers has "${broker}" that is not host:port`
    ),
  ],
  [
    { ini: "[kafka]\nbrokers = ," },
    ["host_settings.ini line 2: bootstrap_servers is empty: expected host:port"],
  ],
  [{ ini: "[redis]\n" }, ["host_settings.ini line 1: unknown section [redis]"]],
  [{ ini: "[DEFAULT]\nx = 1" }, ["host_settings.ini line 1: unknown section [default]"]],
];
for (const [given, faults] of alone) {
  Deno.test(`settings are refused: ${faults[0]}`, () => assertEquals(faultsOf(given), faults));
}

Deno.test("-X refuses secrets under each of their names, and tells the name that is read", () => {
  const names = {
    "kafka.ssl_password": "ROUTES_KAFKA_SSL_PASSWORD",
    "kafka.sasl_password": "ROUTES_KAFKA_SASL_PLAIN_PASSWORD",
    "postgresql.PASSWORD": "ROUTES_POSTGRESQL_PASSWORD",
    "postgresql.sslpassword": "ROUTES_POSTGRESQL_SSLPASSWORD",
    "postgresql.dsn": "ROUTES_POSTGRESQL_SERVICE_URI",
  };
  for (const [name, env] of Object.entries(names)) {
    assertEquals(faultsOf({ set: [`${name}=hunter2`] }), [
      `-X ${name}: a secret would show in the list of processes; use the file or ${env}`,
    ]);
  }
});

Deno.test("no fault shows a secret", () => {
  const uris = [
    "postgres://u:hunter2@h:99999/d?sslmod=require",
    "postgres://u:hunter2%zz@h/d",
    "postgres://u:x@hunter2@h/d",
    "postgres://u:x@h?hunter2@h/d",
    "postgres://u:hunter2@h,h2/d",
    "mysql://u:hunter2@h/d",
    "hunter2",
  ];
  const given: Given[] = [
    ...uris.map((uri) => ({ ini: `[postgresql]\nservice_uri = ${uri}` })),
    { ini: "[kafka]\nbrokers = kafka://u:hunter2@h" },
    { ini: "[postgresql]\npasword = hunter2\npassword hunter2=\nhunter2" },
    { ini: "[kafka]\nsasl_password = hunter2" },
    { set: ["postgresql.password:hunter2"] },
    { set: ["postgresql.pasword=hunter2"] },
  ];
  for (const one of given) {
    const faults = faultsOf(one);
    assert(!faults.join().includes("hunter2"), faults.join());
  }
});

Deno.test("secretsOf() names every secret there is", () => {
  const ini = `[kafka]
security_protocol = SASL_SSL
ssl_password = a
sasl_username = u
sasl_password = b
[postgresql]
dsn = postgres://u:%63@h
sslpassword = d`;
  assertEquals(secretsOf(settings({ ini })).toSorted(), ["a", "b", "c", "d"]);
  assertEquals(secretsOf(settings({})), []);
});
