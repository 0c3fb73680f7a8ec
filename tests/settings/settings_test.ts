import { assertEquals, assertThrows } from "@std/assert";
import { parseSettings, secretsOf } from "../../src/settings/settings.ts";
import { OperationalError } from "../../src/errors.ts";
import { renderError } from "../../src/terminal/render_error.ts";

interface Given {
  path: string;
  env: Record<string, string>;
  set: string[];
  existing: string[];
}

/** Settings from a text; null: there is no file. */
function read(text: string | null, given: Partial<Given> = {}) {
  const { path = "host_settings.ini", env = {}, set = [], existing = [] } = given;
  return parseSettings({
    file: text === null ? null : { path, text },
    env: (name) => env[name],
    set,
    exists: (path) => existing.includes(path),
  });
}

function faultsOf(text: string | null, given: Partial<Given> = {}): string[] {
  const failure = assertThrows(() => read(text, given), OperationalError) as OperationalError;
  assertEquals([failure.kind, failure.hint], ["settings", ["routes help settings"]]);
  return failure.reason;
}

Deno.test("settings have defaults", () => {
  assertEquals(read(null), {
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

const ORIGINAL = `[kafka]
bootstrap_servers = kafka-1.example.com:17072
ssl_cafile = ssl/ca.pem
ssl_certfile = ssl/service.cert
ssl_keyfile = ssl/service.key

[postgresql]
host = pg-1.example.com
port = 17070
user = avnadmin
password = AVNS_x%#;"y
dbname = defaultdb
sslmode = require
`;

Deno.test("the settings file of the original program works unchanged", () => {
  const { kafka, postgresql, file, warnings } = read(ORIGINAL, { path: "src/host_settings.ini" });
  assertEquals(kafka.brokers, ["kafka-1.example.com:17072"]);
  assertEquals(kafka.tls, {
    ca: "src/ssl/ca.pem",
    cert: "src/ssl/service.cert",
    key: "src/ssl/service.key",
    passphrase: null,
    checkHostname: true,
  });
  const { host, port, user, password, database, sslmode } = postgresql;
  assertEquals([host, port, user, password, database, sslmode], [
    "pg-1.example.com",
    17070,
    "avnadmin",
    'AVNS_x%#;"y',
    "defaultdb",
    "require",
  ]);
  assertEquals(file, { path: "src/host_settings.ini", holdsSecret: true });
  assertEquals(warnings, [
    "sslmode=require encrypts, but does not verify the server certificate: use verify-full",
  ]);
});

Deno.test("every key can be set, under each of its names", () => {
  const names: [key: string, value: string, at: (settings: ReturnType<typeof read>) => unknown][] =
    [
      ["kafka.service_uri", "a:1", ({ kafka }) => kafka.brokers[0]],
      ["kafka.brokers", "a:1", ({ kafka }) => kafka.brokers[0]],
      ["kafka.ca", "/a", ({ kafka }) => kafka.tls?.ca],
      ["kafka.cert", "/a", ({ kafka }) => kafka.tls?.cert],
      ["kafka.key", "/a", ({ kafka }) => kafka.tls?.key],
      ["kafka.ssl_password", "a", ({ kafka }) => kafka.tls?.passphrase],
      ["kafka.topic", "a", ({ kafka }) => kafka.topic],
      ["kafka.group_id", "a", ({ kafka }) => kafka.groupId],
      ["kafka.client_id", "a", ({ kafka }) => kafka.clientId],
      ["kafka.session_timeout", "20s", ({ kafka }) => `${kafka.sessionTimeoutMs / 1000}s`],
      [
        "postgresql.service_uri",
        "postgres:///a",
        ({ postgresql }) => postgresql.database,
      ],
      ["postgresql.dsn", "postgres:///a", ({ postgresql }) => postgresql.database],
      ["postgresql.database", "a", ({ postgresql }) => postgresql.database],
      ["postgresql.schema", "a", ({ postgresql }) => postgresql.schema],
      ["postgresql.sslrootcert", "/a", ({ postgresql }) => postgresql.tls.ca],
      ["postgresql.sslcert", "/a", ({ postgresql }) => postgresql.tls.cert],
      ["postgresql.sslkey", "/a", ({ postgresql }) => postgresql.tls.key],
      ["postgresql.sslpassword", "a", ({ postgresql }) => postgresql.tls.passphrase],
      ["postgresql.maintenance_db", "a", ({ postgresql }) => postgresql.maintenanceDb],
      ["postgresql.application_name", "a", ({ postgresql }) => postgresql.applicationName],
    ];
  for (const [name, value, at] of names) {
    const [section, key] = name.split(".") as [string, string];
    const expected = value.replace("postgres:///", "");
    assertEquals(at(read(`[${section}]\n${key} = ${value}`)), expected, name);
    const variable = `ROUTES_${section}_${key}`.toUpperCase();
    assertEquals(at(read(null, { env: { [variable]: value } })), expected, variable);
  }
});

Deno.test("-X overrides the environment, which overrides the file, which overrides the default", () => {
  const file = "[kafka]\ntopic = from-file\n";
  const env = { ROUTES_KAFKA_TOPIC: "from-env" };
  const set = ["kafka.topic=from-option"];
  const topic = (text: string | null, given = {}) => read(text, given).kafka.topic;
  assertEquals(topic(null), "routes");
  assertEquals(topic(file), "from-file");
  assertEquals(topic(file, { env }), "from-env");
  assertEquals(topic(file, { env, set }), "from-option");
  assertEquals(topic(null, { set }), "from-option");
});

Deno.test("an empty value counts as not set", () => {
  const file = "[kafka]\ntopic = from-file\ngroup_id =\n[postgresql]\npassword =\n";
  const { kafka, postgresql } = read(file, { env: { ROUTES_KAFKA_TOPIC: "" } });
  assertEquals([kafka.topic, kafka.groupId, postgresql.password], ["from-file", "routes", null]);
  assertEquals(read(file, { set: ["kafka.topic="] }).kafka.topic, "routes");
});

Deno.test("-X accepts sections and keys in any case and by any name, and the last one wins", () => {
  assertEquals(read(null, { set: ["Kafka.Brokers=a:1"] }).kafka.brokers, ["a:1"]);
  assertEquals(read(null, { set: ["kafka.topic=a", "kafka.topic=b=c"] }).kafka.topic, "b=c");
  const file = "[postgresql]\ndatabase = a\n";
  assertEquals(read(file, { set: ["postgresql.dbname=b"] }).postgresql.database, "b");
});

Deno.test("-X rejects secrets, which the list of processes would show", () => {
  const secrets = [
    "kafka.ssl_password",
    "kafka.sasl_plain_password",
    "kafka.sasl_password",
    "postgresql.password",
    "postgresql.sslpassword",
    "postgresql.service_uri",
    "postgresql.dsn",
    "POSTGRESQL.PASSWORD",
  ];
  for (const name of secrets) {
    const [fault, ...others] = faultsOf(null, { set: [`${name}=hunter2`] });
    assertEquals(others, []);
    assertEquals(
      fault?.replace(/ROUTES_.*/, ""),
      `-X ${name.toLowerCase()}: a secret would show in the list of processes; use the file or `,
    );
  }
  assertEquals(faultsOf(null, { set: ["postgresql.dsn=x"] }), [
    "-X postgresql.dsn: a secret would show in the list of processes; " +
    "use the file or ROUTES_POSTGRESQL_SERVICE_URI",
  ]);
});

Deno.test("-X quotes an unknown section or key", () => {
  const set = ["kafka.topci=a", "kafak.topic=a", "topic=a", "kafka.topic", "rubbish.x=1"];
  assertEquals(faultsOf(null, { set }), [
    '-X kafka.topci: unknown key "topci" in [kafka]: did you mean "topic"?',
    '-X kafak.topic: unknown section [kafak]: did you mean "kafka"?',
    "-X topic: expected SECTION.KEY=VALUE",
    "-X kafka.topic: expected SECTION.KEY=VALUE",
    "-X rubbish.x: unknown section [rubbish]",
  ]);
});

Deno.test("all faults are reported at once, each with its line and a suggestion", () => {
  const text = `topic = a
[kafka]
bootstrap_server = a:1
topci = a
topic = a
security_protocol = TLS
[postgres]
host = a
[postgresql]
port = 99999
sslmode = verify-fulll
dbname = a
database = b
pool_max = 0
connect_timeout = soon
statement_timeout = 60000
schema = a.b
rubbish
port = 1
[empty]
`;
  const path = "/etc/routes/host_settings.ini";
  const at = (line: number) => `${path} line ${line}`;
  assertEquals(faultsOf(text, { path, set: ["kafka.x=1"] }), [
    `${at(1)}: expected a [section] before the first key`,
    `${at(3)}: unknown key "bootstrap_server" in [kafka]: did you mean "bootstrap_servers"?`,
    `${at(4)}: unknown key "topci" in [kafka]: did you mean "topic"?`,
    `${at(7)}: unknown section [postgres]: did you mean "postgresql"?`,
    `${at(13)}: "database" sets the same key as line 12`,
    `${at(18)}: expected a [section], "key = value" or a comment`,
    `${at(19)}: duplicate key "port" in [postgresql]: first on line 10`,
    `${at(20)}: unknown section [empty]`,
    '-X kafka.x: unknown key "x" in [kafka]',
    `${
      at(6)
    }: security_protocol is "TLS": expected one of PLAINTEXT, SSL, SASL_SSL, SASL_PLAINTEXT`,
    `${at(17)}: schema is "a.b": a dot is not allowed`,
    `${at(10)}: port is "99999": expected a whole number from 1 to 65535`,
    `${at(11)}: sslmode is "verify-fulll": did you mean "verify-full"?`,
    `${at(15)}: connect_timeout is "soon": expected a duration such as 10s`,
    `${at(16)}: statement_timeout is "60000": expected a duration such as 10s`,
    `${at(14)}: pool_max is "0": expected a whole number from 1 to 100`,
  ]);
});

Deno.test("the message counts the faults", () => {
  assertThrows(() => read("[kafka]\nx = 1"), OperationalError, "a setting is wrong");
  assertThrows(() => read("[kafka]\nx = 1\ny = 1"), OperationalError, "2 settings are wrong");
});

Deno.test("a fault of the environment names the variable", () => {
  const env = { ROUTES_POSTGRESQL_PORT: "x", ROUTES_KAFKA_TOPIC: "a" };
  assertEquals(faultsOf(null, { env }), [
    'ROUTES_POSTGRESQL_PORT: port is "x": expected a whole number from 1 to 65535',
  ]);
  const twice = { ROUTES_POSTGRESQL_DBNAME: "a", ROUTES_POSTGRESQL_DATABASE: "b" };
  assertEquals(faultsOf(null, { env: twice }), [
    "ROUTES_POSTGRESQL_DATABASE: sets the same key as ROUTES_POSTGRESQL_DBNAME",
  ]);
});

const SECRET = "hunter2";

/** Wrong settings that contain a secret. */
const leaky: [text: string | null, given?: Partial<Given>][] = [
  [SECRET],
  [`[postgresql]\n${SECRET}`],
  [`[postgresql]\npassword ${SECRET}=`],
  [`[postgresql]\npassword = ${SECRET}\npassword = ${SECRET}`],
  [`[postgresql]\npasword = ${SECRET}`],
  [`[postgres]\npassword = ${SECRET}`],
  [`password = ${SECRET}`],
  [`[postgresql]\nservice_uri = postgres://u:${SECRET}@h:x/d`],
  [`[postgresql]\nservice_uri = postgres://u:${SECRET}@h:99999/d`],
  [`[postgresql]\nservice_uri = postgres://u:${SECRET}%@h/d`],
  [`[postgresql]\nservice_uri = postgres://u:a@${SECRET}@h/d`],
  [`[postgresql]\nservice_uri = postgres://u:a@b/${SECRET}@h:x/d`],
  [`[postgresql]\nservice_uri = postgres://u:${SECRET}@h,i/d`],
  [`[postgresql]\nservice_uri = postgres://u:${SECRET}@h/d?sslmode=no`],
  [`[postgresql]\nservice_uri = postgres://h/d?password=${SECRET}&x=1`],
  [`[postgresql]\nservice_uri = mysql://u:${SECRET}@h/d`],
  [`[kafka]\nservice_uri = kafka://u:${SECRET}@h`],
  [`[kafka]\nservice_uri = u:${SECRET}@h:9092`],
  [`[kafka]\nservice_uri = kafka://u:${SECRET}`],
  [`[kafka]\nsasl_plain_password = ${SECRET}`],
  [`[kafka]\nsecurity_protocol = SASL_SSL\nsasl_plain_password = ${SECRET}`],
  [null, { set: [`postgresql.password=${SECRET}`] }],
  [null, { set: [`postgresql.pasword=${SECRET}`] }],
  [null, { set: [`password=${SECRET}`] }],
  [null, { set: [`postgresql.password:${SECRET}`] }],
  [null, { set: [`postgresql.password ${SECRET}`] }],
  [null, { set: [`kafka.sasl_password=${SECRET}`] }],
  [null, { env: { ROUTES_POSTGRESQL_SERVICE_URI: `http://u:${SECRET}@h` } }],
];

for (const [text, given] of leaky) {
  Deno.test(`no fault shows the secret of ${JSON.stringify(text ?? given)}`, () => {
    const failure = assertThrows(() => read(text, given), OperationalError);
    for (const json of [true, false]) {
      const { text } = renderError(failure, { json, verbose: 2, secrets: [] });
      assertEquals(text.includes(SECRET), false, text);
    }
  });
}

Deno.test("a password is taken literally", () => {
  for (
    const password of ["100%", "%(x)s", "a#b", "a;b", "#a", "a=b:c", "a b", "'a'", 'a"b', "ä🔑"]
  ) {
    const { postgresql } = read(`[postgresql]\npassword = ${password}\n`);
    assertEquals(postgresql.password, password);
  }
  assertEquals(read('[postgresql]\npassword = " a "\n').postgresql.password, " a ");
});

Deno.test("a service URI is parsed and its escapes are decoded", () => {
  const uri = "postgres://avn%40admin:p%40s%2Fs%25%23@pg.example.com:17070/default%20db?" +
    "sslmode=verify-ca&connect_timeout=5&application_name=a%3Db";
  const { postgresql } = read(`[postgresql]\nservice_uri = ${uri}`);
  assertEquals(
    [postgresql.user, postgresql.password, postgresql.host, postgresql.port, postgresql.database],
    ["avn@admin", "p@s/s%#", "pg.example.com", 17070, "default db"],
  );
  assertEquals(
    [postgresql.sslmode, postgresql.connectTimeoutMs, postgresql.applicationName],
    ["verify-ca", 5_000, "a=b"],
  );
});

const uris: [uri: string, expected: Partial<ReturnType<typeof read>["postgresql"]>][] = [
  ["postgres://", { host: "127.0.0.1", user: "postgres", database: "routes" }],
  ["postgresql://h", { host: "h", sslmode: "verify-full" }],
  ["POSTGRES://h/d", { host: "h", database: "d" }],
  ["postgres://u@h", { user: "u", password: null }],
  ["postgres://u:@h", { user: "u", password: null }],
  ["postgres://u:a/b?c#d:e@h", { password: "a/b?c#d:e" }],
  ["postgres://[::1]:6543/d", { host: "::1", port: 6543, sslmode: "disable" }],
  ["postgres://h/d?user=u&password=a=b", { user: "u", password: "a=b" }],
  ["postgres://h?database=d", { database: "d" }],
];

for (const [uri, expected] of uris) {
  Deno.test(`a service URI may be ${uri}`, () => {
    const { postgresql } = read(`[postgresql]\ndsn = ${uri}`);
    assertEquals({ ...postgresql, ...expected }, postgresql);
  });
}

Deno.test("single keys override the service URI", () => {
  const text = "[postgresql]\nservice_uri = postgres://u:p@h:1/d\nhost = other\npassword = q\n";
  const { host, password, port, database } = read(text).postgresql;
  assertEquals([host, password, port, database], ["other", "q", 1, "d"]);
});

Deno.test("a fault of a service URI names the wrong part", () => {
  const faultOf = (uri: string) => faultsOf(`[postgresql]\nservice_uri = ${uri}`);
  const where = "host_settings.ini line 2: service_uri";
  assertEquals(faultOf("mysql://h"), [`${where} is not a postgres:// address of one host`]);
  assertEquals(faultOf("postgres://a,b/d"), [`${where} is not a postgres:// address of one host`]);
  assertEquals(faultOf("postgres://u:a@b@h/d"), [
    `${where} is not a postgres:// address of one host: write an @ within the password as %40`,
  ]);
  assertEquals(faultOf("postgres://u:10%@h/d"), [
    `${where} has an invalid % in its password: write it as %25`,
  ]);
  assertEquals(faultOf("postgres://h/d?sslmod=require"), [
    `${where} has the unknown parameter "sslmod": did you mean "sslmode"?`,
  ]);
  assertEquals(faultOf("postgres://%2Fvar%2Frun/d"), [
    'host_settings.ini line 2: host is "/var/run": Unix sockets are not supported, use 127.0.0.1',
  ]);
  assertEquals(faultOf("postgres://h:99999/d"), [
    'host_settings.ini line 2: port is "99999": expected a whole number from 1 to 65535',
  ]);
});

Deno.test("relative paths in the file start at its folder, those of the environment and -X at the working folder", () => {
  const text =
    "[kafka]\nssl_cafile = ca.pem\nssl_certfile = /abs/c.pem\nssl_keyfile = C:\\k.pem\n" +
    "[postgresql]\nsslrootcert = ../ca.pem\n";
  const { kafka, postgresql } = read(text, { path: "/etc/routes/host_settings.ini" });
  assertEquals([kafka.tls?.ca, kafka.tls?.cert, kafka.tls?.key, postgresql.tls.ca], [
    "/etc/routes/ca.pem",
    "/abs/c.pem",
    "C:\\k.pem",
    "/etc/routes/../ca.pem",
  ]);
  const path = "res/host_settings.ini";
  const set = ["kafka.ssl_cafile=other/ca.pem"];
  const env = { ROUTES_KAFKA_SSL_KEYFILE: "key.pem" };
  const { tls } = read(text, { path, set, env }).kafka;
  assertEquals([tls?.ca, tls?.key, tls?.cert], ["other/ca.pem", "key.pem", "/abs/c.pem"]);
  assertEquals(read(text).kafka.tls?.ca, "ca.pem");
});

Deno.test("SSL looks for the default files in the folder of the settings file", () => {
  const text = "[kafka]\nsecurity_protocol = ssl\n";
  assertEquals(read(text, { path: "res/host_settings.ini" }).kafka.tls, {
    ca: "res/ssl/ca.pem",
    cert: "res/ssl/service.cert",
    key: "res/ssl/service.key",
    passphrase: null,
    checkHostname: true,
  });
});

Deno.test("a CA alone means TLS without a client certificate", () => {
  const pair = (text: string, existing: string[] = []) => {
    const { cert, key } = read(`[kafka]\n${text}`, { existing }).kafka.tls!;
    return [cert, key];
  };
  const usual = ["ssl/service.cert", "ssl/service.key"];
  assertEquals(pair("ssl_cafile = other.pem"), [null, null]);
  assertEquals(pair("ssl_cafile = ssl/ca.pem\nsecurity_protocol = SSL"), [null, null]);
  // A downloaded pair is used, and a missing half is reported.
  assertEquals(pair("ssl_cafile = other.pem", ["ssl/service.cert"]), usual);
  assertEquals(pair("ssl_cafile = other.pem", ["ssl/service.key"]), usual);
  assertEquals(pair("ssl_cafile = other.pem\nssl_certfile = a"), ["a", "ssl/service.key"]);
  assertEquals(pair("security_protocol = SSL"), usual);
  assertEquals(pair("ssl_check_hostname = false"), usual);
});

Deno.test("SASL_SSL uses the default files that exist", () => {
  const text = "[kafka]\nsecurity_protocol = SASL_SSL\nsasl_username = u\nsasl_password = p\n";
  const none = { ca: null, cert: null, key: null, passphrase: null, checkHostname: true };
  assertEquals(read(text).kafka.tls, none);
  assertEquals(read(text, { existing: ["ssl/ca.pem"] }).kafka.tls, { ...none, ca: "ssl/ca.pem" });
});

Deno.test("PostgreSQL uses the default CA file if it exists", () => {
  const given = { path: "res/host_settings.ini", existing: ["res/ssl/ca.pem"] };
  assertEquals(read("", given).postgresql.tls.ca, "res/ssl/ca.pem");
  assertEquals(read("[postgresql]\nsslrootcert = x", given).postgresql.tls.ca, "res/x");
});

Deno.test("any ssl_ key selects SSL", () => {
  for (const line of ["ssl_cafile = a", "cert = a", "key = a", "ssl_check_hostname = no"]) {
    assertEquals(read(`[kafka]\n${line}`).kafka.tls === null, false, line);
  }
  assertEquals(read("[kafka]\nssl_check_hostname = OFF").kafka.tls?.checkHostname, false);
  assertEquals(read("[kafka]\nssl_check_hostname = Yes").kafka.tls?.checkHostname, true);
  assertEquals(faultsOf("[kafka]\nssl_check_hostname = maybe"), [
    'host_settings.ini line 2: ssl_check_hostname is "maybe": expected one of true, false, yes, no, on, off, 1, 0',
  ]);
});

Deno.test("a SASL login works with each mechanism", () => {
  for (const mechanism of ["PLAIN", "scram-sha-256", "SCRAM-SHA-512"]) {
    const text = "[kafka]\nsecurity_protocol = SASL_PLAINTEXT\nsasl_plain_username = u\n" +
      `sasl_plain_password = p\nsasl_mechanism = ${mechanism}\n`;
    const { sasl, tls } = read(text).kafka;
    assertEquals([sasl?.mechanism, sasl?.username, sasl?.password, tls], [
      mechanism.toLowerCase(),
      "u",
      "p",
      null,
    ] as unknown[] as [typeof sasl & string, string, string, null]);
  }
  const text = "[kafka]\nsecurity_protocol = SASL_SSL\nsasl_username = u\nsasl_password = p\n";
  assertEquals(read(text).kafka.sasl?.mechanism, "plain");
});

Deno.test("contradicting Kafka settings are rejected", () => {
  assertEquals(faultsOf("[kafka]\nsecurity_protocol = PLAINTEXT\nssl_cafile = a"), [
    "host_settings.ini line 2: security_protocol is PLAINTEXT, but ssl_ files are set: expected SSL or SASL_SSL",
  ]);
  assertEquals(faultsOf("[kafka]\nsasl_mechanism = PLAIN"), [
    "host_settings.ini line 2: sasl_mechanism is set, but security_protocol is not SASL_SSL or SASL_PLAINTEXT",
  ]);
  assertEquals(faultsOf("[kafka]\nsasl_password = p"), [
    "host_settings.ini line 2: sasl_plain_password is set, but security_protocol is not SASL_SSL or SASL_PLAINTEXT",
  ]);
  assertEquals(faultsOf("[kafka]\nsecurity_protocol = SASL_SSL"), [
    "host_settings.ini line 2: security_protocol requires a login, but sasl_plain_username is missing",
    "host_settings.ini line 2: security_protocol requires a login, but sasl_plain_password is missing",
  ]);
});

Deno.test("a misspelt protocol is one fault", () => {
  const text = "[kafka]\nsecurity_protocol = SASL_SLS\nssl_cafile = a\nsasl_username = u\n";
  assertEquals(faultsOf(text), [
    'host_settings.ini line 2: security_protocol is "SASL_SLS": did you mean "SASL_SSL"?',
  ]);
});

Deno.test("brokers are a list of host:port", () => {
  const brokers = (text: string) => read(`[kafka]\nbootstrap_servers = ${text}`).kafka.brokers;
  assertEquals(brokers("a:1, b:2 ,c:3,"), ["a:1", "b:2", "c:3"]);
  assertEquals(brokers("kafka+ssl://a:1/"), ["a:1"]);
  assertEquals(brokers("[::1]:9092"), ["[::1]:9092"]);
  const fault = (text: string) => faultsOf(`[kafka]\nbrokers = ${text}`);
  const where = "host_settings.ini line 2: bootstrap_servers";
  assertEquals(fault("a,b:0,c:1"), [
    `${where} has "a" that is not host:port`,
    `${where} has "b:0" that is not host:port`,
  ]);
  assertEquals(fault("a:65536"), [`${where} has "a:65536" that is not host:port`]);
  assertEquals(fault("u:p@a:1"), [`${where} has an entry that is not host:port`]);
  assertEquals(fault(","), [`${where} is empty: expected host:port`]);
});

Deno.test("sslmode defaults to verify-full, and to disable for a database on this machine", () => {
  const mode = (host: string) => read(`[postgresql]\nhost = ${host}`).postgresql.sslmode;
  for (const host of ["localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "::1"]) {
    assertEquals(mode(host), "disable", host);
  }
  for (const host of ["pg.example.com", "127.example.com", "10.0.0.1", "localhost.example.com"]) {
    assertEquals(mode(host), "verify-full", host);
  }
  const text = "[postgresql]\nhost = a\nsslmode = Verify-CA";
  assertEquals(read(text).postgresql.sslmode, "verify-ca");
  assertEquals(read(text).warnings, []);
});

Deno.test("durations are written as on the command line; a bare connect_timeout is in seconds, as in libpq", () => {
  const text = "[postgresql]\nconnect_timeout = 5\nstatement_timeout = 500ms\npool_max = 100";
  const { connectTimeoutMs, statementTimeoutMs, poolMax } = read(text).postgresql;
  assertEquals([connectTimeoutMs, statementTimeoutMs, poolMax], [5_000, 500, 100]);
  assertEquals(faultsOf("[postgresql]\nconnect_timeout = 0"), [
    'host_settings.ini line 2: connect_timeout is "0": expected a duration such as 10s',
  ]);
  assertEquals(faultsOf("[postgresql]\nstatement_timeout = 30d"), [
    'host_settings.ini line 2: statement_timeout is "30d": expected a duration of at most 7d',
  ]);
});

Deno.test("secretsOf() lists every secret", () => {
  const text = "[kafka]\nsecurity_protocol = SASL_SSL\nsasl_username = u\nsasl_password = one\n" +
    "ssl_password = two\n[postgresql]\nservice_uri = postgres://u:thr%25ee@h/d\nsslpassword = four\n";
  assertEquals(secretsOf(read(text)).sort(), ["four", "one", "thr%ee", "two"]);
  assertEquals(secretsOf(read(null)), []);
});

Deno.test("a password equal to a default name is no secret, one equal to a name that was set is", () => {
  const env = { ROUTES_POSTGRESQL_PASSWORD: "postgres", ROUTES_KAFKA_SSL_PASSWORD: "routes" };
  assertEquals(secretsOf(read(null, { env })), []);
  const same = { ROUTES_POSTGRESQL_PASSWORD: "ann", ROUTES_POSTGRESQL_USER: "ann" };
  assertEquals(secretsOf(read(null, { env: same })), ["ann"]);
});

Deno.test("a settings file holds a secret when it contains one, plain or encoded", () => {
  const holds = (text: string, env = {}) => read(text, { env }).file?.holdsSecret;
  assertEquals(holds("[postgresql]\nservice_uri = postgres://u:a%2Fb@h/d\n"), true);
  assertEquals(holds("[postgresql]\npassword = a\n"), true);
  assertEquals(holds("[postgresql]\nuser = a\n"), false);
  assertEquals(
    holds("[postgresql]\nuser = a\n", { ROUTES_POSTGRESQL_PASSWORD: "elsewhere" }),
    false,
  );
  const env = { ROUTES_POSTGRESQL_PASSWORD: "postgres" };
  assertEquals(
    holds(";user = postgres\n; password =\n[postgresql]\nuser = postgres\n", env),
    false,
  );
  assertEquals(holds("[postgresql]\r\npassword = postgres\r\n", env), true);
  assertEquals(holds("[postgresql]\ndsn: postgres://u:postgres@h/d\n", env), true);
});
