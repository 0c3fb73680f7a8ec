import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { OperationalError } from "../../src/errors.ts";
import { secretsOf } from "../../src/settings/settings.ts";
import { SETTINGS } from "../../src/settings/template.ts";
import { faultsOf, readSettings } from "./support.ts";

const DEFAULT = "the default: neither a settings file nor the environment sets it";

Deno.test("settings have defaults", () => {
  assertEquals(readSettings(null), {
    kafka: {
      brokers: ["127.0.0.1:9092"],
      origin: DEFAULT,
      tls: null,
      sasl: null,
      topic: "routes",
      groupId: "routes-routes-55f02b2b",
      groupInstanceId: null,
      clientId: "routes",
      rack: null,
      sessionTimeoutMs: 10_000,
    },
    postgresql: {
      servers: [{ host: "127.0.0.1", port: 5432 }],
      target: null,
      isBalanced: false,
      origin: DEFAULT,
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
      requireAuth: null,
    },
    http: { token: null },
    destination: "127.0.0.1:5432/routes schema public",
    file: null,
    pemTexts: new Map(),
    warnings: [],
  });
});

Deno.test("the token of [http] has at least 16 characters that a header can have", () => {
  const token = "0123456789abcdef";
  assertEquals(readSettings(`[http]\ntoken = ${token}`).http, { token });
  assertEquals(secretsOf(readSettings(`[http]\ntoken = ${token}`)), [token]);
  for (const wrong of ["0123456789abcde", "0123456789 abcdef", "0123456789abcdeü"]) {
    assertEquals(faultsOf(`[http]\ntoken = ${wrong}`), [
      "host_settings.ini line 2: token is too short, or not plain: " +
      "expected at least 16 ASCII characters without spaces",
    ]);
  }
});

Deno.test("the values that the settings template shows are the defaults", () => {
  const { kafka, postgresql } = readSettings(null);
  // The lines of TLS and SASL keys show examples, and the default group depends on other keys.
  const shown = SETTINGS.replaceAll(/^;(?!sasl|ssl|group_id)(\w+ = .)/gm, "$1");
  assertNotEquals(shown, SETTINGS);
  const read = readSettings(shown);
  assertEquals(read.kafka, { ...kafka, origin: read.kafka.origin });
  assertEquals(read.postgresql, { ...postgresql, origin: read.postgresql.origin });
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
  const { kafka, postgresql, file, warnings } = readSettings(ORIGINAL, {
    path: "src/host_settings.ini",
  });
  assertEquals(kafka.brokers, ["kafka-1.example.com:17072"]);
  assertEquals(kafka.tls, {
    ca: "src/ssl/ca.pem",
    cert: "src/ssl/service.cert",
    key: "src/ssl/service.key",
    passphrase: null,
    checkHostname: true,
  });
  const { servers: [{ host, port }], user, password, database, sslmode } = postgresql;
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
  const names: [
    key: string,
    value: string,
    at: (settings: ReturnType<typeof readSettings>) => unknown,
  ][] = [
    ["kafka.service_uri", "a:1", ({ kafka }) => kafka.brokers[0]],
    ["kafka.brokers", "a:1", ({ kafka }) => kafka.brokers[0]],
    ["kafka.ca", "/a", ({ kafka }) => kafka.tls?.ca],
    ["kafka.cert", "/a", ({ kafka }) => kafka.tls?.cert],
    ["kafka.key", "/a", ({ kafka }) => kafka.tls?.key],
    ["kafka.ssl_password", "a", ({ kafka }) => kafka.tls?.passphrase],
    ["kafka.topic", "a", ({ kafka }) => kafka.topic],
    ["kafka.group_id", "a", ({ kafka }) => kafka.groupId],
    ["kafka.group_instance_id", "a", ({ kafka }) => kafka.groupInstanceId],
    ["kafka.client_id", "a", ({ kafka }) => kafka.clientId],
    ["kafka.client_rack", "a", ({ kafka }) => kafka.rack],
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
    assertEquals(at(readSettings(`[${section}]\n${key} = ${value}`)), expected, name);
    const variable = `ROUTES_${section}_${key}`.toUpperCase();
    assertEquals(at(readSettings(null, { env: { [variable]: value } })), expected, variable);
  }
});

Deno.test("group_instance_id has letters that every client of Kafka accepts", () => {
  const longest = "a".repeat(249);
  for (const text of ["worker-1", "10.0.0.7", "a_b", longest]) {
    assertEquals(readSettings(`[kafka]\ngroup_instance_id = ${text}`).kafka.groupInstanceId, text);
  }
  for (const text of [".", "..", "a b", "a/b", "ä", `${longest}a`]) {
    assertEquals(faultsOf(`[kafka]\ngroup_instance_id = ${text}`), [
      `host_settings.ini line 2: group_instance_id is "${text}": expected at most 249 letters of ` +
      "English, digits, dots, dashes and underscores",
    ]);
  }
});

Deno.test("-X overrides the environment, which overrides the file, which overrides the default", () => {
  const file = "[kafka]\ntopic = from-file\n";
  const env = { ROUTES_KAFKA_TOPIC: "from-env" };
  const set = ["kafka.topic=from-option"];
  const topic = (text: string | null, given = {}) => readSettings(text, given).kafka.topic;
  assertEquals(topic(null), "routes");
  assertEquals(topic(file), "from-file");
  assertEquals(topic(file, { env }), "from-env");
  assertEquals(topic(file, { env, set }), "from-option");
  assertEquals(topic(null, { set }), "from-option");
});

Deno.test("each topic and destination has a default group of its own, and a given group stays", () => {
  const group = (...set: string[]) => readSettings(null, { set }).kafka.groupId;
  const changes = [
    [],
    ["kafka.topic=other"],
    ["postgresql.host=other"],
    ["postgresql.port=5433"],
    ["postgresql.dbname=other"],
    ["postgresql.schema=other"],
  ];
  assertEquals(new Set(changes.map((set) => group(...set))).size, changes.length);
  // Neither the user nor the spelling of the host makes another destination.
  assertEquals(group("postgresql.user=other"), group());
  assertEquals(group("postgresql.host=DB.example"), group("postgresql.host=db.example"));
  assertEquals(group("kafka.group_id=mine", "kafka.topic=other"), "mine");
});

Deno.test("an empty value counts as not set", () => {
  const file = "[kafka]\ntopic = from-file\ngroup_id =\n[postgresql]\npassword =\n";
  const { kafka, postgresql } = readSettings(file, { env: { ROUTES_KAFKA_TOPIC: "" } });
  const groupId = "routes-from-file-55f02b2b";
  assertEquals([kafka.topic, kafka.groupId, postgresql.password], ["from-file", groupId, null]);
});

Deno.test("an empty value of -X is refused: neither the file's value nor the default takes its place", () => {
  for (const file of [null, "[kafka]\ntopic = from-file\n"]) {
    assertEquals(faultsOf(file, { set: ["kafka.topic="] }), [
      "-X kafka.topic: is empty: without this -X, the file or the default counts",
    ]);
  }
});

Deno.test("a comment behind a value is part of it, and the message says where comments go", () => {
  const at = (line: number) => `host_settings.ini line ${line}`;
  const advice = "a comment needs a line of its own";
  assertEquals(faultsOf("[postgresql]\nport = 5432 ; main\nsslmode = require # why\n"), [
    `${at(2)}: port is "5432 ; main": expected a whole number from 1 to 65535: ${advice}`,
    `${at(3)}: sslmode is "require # why": expected one of disable, require, verify-ca, ` +
    `verify-full: ${advice}`,
  ]);
  const accepted = readSettings(
    "[kafka]\ntopic = t ; mine\nssl_cafile = ca.pem # new\n[postgresql]\npassword = a #b\n",
  );
  assertEquals(accepted.kafka.topic, "t ; mine");
  assertEquals(readSettings(null, { set: ["kafka.client_id=a # b"] }).warnings, []);
  assertEquals(accepted.postgresql.password, "a #b");
  assertEquals(accepted.warnings, [
    `${at(2)}: topic is "t ; mine": ${advice}`,
    `${at(3)}: ssl_cafile is "ca.pem # new": ${advice}`,
  ]);
});

Deno.test("single quotes around a value are part of it, and a warning says so", () => {
  const { postgresql, warnings } = readSettings("[postgresql]\ndbname = 'db'\npassword = 'p'\n");
  assertEquals([postgresql.database, postgresql.password], ["'db'", "'p'"]);
  assertEquals(warnings, [
    `host_settings.ini line 2: dbname is "'db'": the single quotes are part of the value`,
  ]);
  assertEquals(faultsOf("[postgresql]\nport = '5432'\n"), [
    `host_settings.ini line 2: port is "'5432'": expected a whole number from 1 to 65535: ` +
    "the single quotes are part of the value",
  ]);
});

Deno.test("-X accepts sections and keys in any case and by any name, and the last one wins", () => {
  assertEquals(readSettings(null, { set: ["Kafka.Brokers=a:1"] }).kafka.brokers, ["a:1"]);
  assertEquals(
    readSettings(null, { set: ["kafka.topic=a", "kafka.topic=b=c"] }).kafka.topic,
    "b=c",
  );
  const file = "[postgresql]\ndatabase = a\n";
  assertEquals(readSettings(file, { set: ["postgresql.dbname=b"] }).postgresql.database, "b");
});

Deno.test("-X quotes an unknown section or key", () => {
  const set = ["kafka.topci=a", "kafak.topic=a", "topic=a", "kafka.topic", "rubbish.x=1"];
  assertEquals(faultsOf(null, { set }), [
    '-X kafka.topci: unknown key "topci" in [kafka]: did you mean "topic"?',
    '-X kafak.topic: unknown section [kafak]: did you mean "kafka"?',
    '-X topic: expected SECTION.KEY=VALUE: did you mean "kafka.topic"?',
    "-X kafka.topic: expected SECTION.KEY=VALUE",
    "-X rubbish.x: unknown section [rubbish]",
  ]);
});

Deno.test("a key in the wrong section is told its own", () => {
  assertEquals(faultsOf("[kafka]\nhost = db\n[postgresql]\ntopic = t\n[http]\nport = 1\n"), [
    'host_settings.ini line 2: unknown key "host" in [kafka]: it is a key of [postgresql]',
    'host_settings.ini line 4: unknown key "topic" in [postgresql]: it is a key of [kafka]',
    'host_settings.ini line 6: unknown key "port" in [http]: it is a key of [postgresql]',
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
    `${at(10)}: port is "99999": expected a whole number from 1 to 65535`,
    `${at(17)}: schema is "a.b": a dot is not allowed`,
    `${at(11)}: sslmode is "verify-fulll": did you mean "verify-full"?`,
    `${at(15)}: connect_timeout is "soon": expected a duration such as 10s`,
    `${at(16)}: statement_timeout is "60000": expected a duration such as 10s`,
    `${at(14)}: pool_max is "0": expected a whole number from 1 to 100`,
  ]);
});

Deno.test("the message counts the faults", () => {
  assertThrows(() => readSettings("[kafka]\nx = 1"), OperationalError, "a setting is wrong");
  assertThrows(
    () => readSettings("[kafka]\nx = 1\ny = 1"),
    OperationalError,
    "2 settings are wrong",
  );
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

Deno.test("durations are written as on the command line; a bare connect_timeout is in seconds, as in libpq", () => {
  const text = "[postgresql]\nconnect_timeout = 5\nstatement_timeout = 500ms\npool_max = 100";
  const { connectTimeoutMs, statementTimeoutMs, poolMax } = readSettings(text).postgresql;
  assertEquals([connectTimeoutMs, statementTimeoutMs, poolMax], [5_000, 500, 100]);
  assertEquals(faultsOf("[postgresql]\nconnect_timeout = 0"), [
    'host_settings.ini line 2: connect_timeout is "0": expected a duration of at least 1ms',
  ]);
  assertEquals(faultsOf("[postgresql]\nstatement_timeout = 30d"), [
    'host_settings.ini line 2: statement_timeout is "30d": expected a duration of at most 7d',
  ]);
});

Deno.test("require_auth and channel_binding are read as by libpq", () => {
  const methods = (text: string) =>
    readSettings(`[postgresql]\nrequire_auth = ${text}`).postgresql.requireAuth;
  assertEquals(methods("scram-sha-256"), ["scram-sha-256"]);
  assertEquals(methods("md5, none"), ["none", "md5"]);
  assertEquals(methods("!password,!md5"), ["none", "scram-sha-256"]);
  assertEquals(methods("gss"), []);
  for (const text of ["scram", "md5,!password", "!"]) {
    assertEquals(faultsOf(`[postgresql]\nrequire_auth = ${text}`), [
      `host_settings.ini line 2: require_auth is "${text}": ` +
      "expected none, password, md5, scram-sha-256, or each with an ! before it",
    ]);
  }
  const uri = "postgres://u:p@db/d?channel_binding=";
  readSettings(`[postgresql]\nservice_uri = ${uri}prefer`);
  assertEquals(faultsOf(`[postgresql]\nservice_uri = ${uri}require`), [
    "host_settings.ini line 2: channel_binding is require, which is not supported: " +
    "use sslmode = verify-full",
  ]);
});

Deno.test("a password that may travel unencrypted beyond this machine is warned about", () => {
  const warnings = (text: string) => readSettings(text).warnings;
  const kafka = (protocol: string, mechanism: string, host: string) =>
    warnings(`[kafka]
security_protocol = ${protocol}
sasl_mechanism = ${mechanism}
sasl_plain_username = u
sasl_plain_password = p
bootstrap_servers = ${host}:9092`);
  assertEquals(kafka("SASL_PLAINTEXT", "PLAIN", "broker"), [
    "SASL_PLAINTEXT with PLAIN sends the password of Kafka unencrypted: use SASL_SSL",
  ]);
  assertEquals(kafka("SASL_PLAINTEXT", "PLAIN", "127.0.0.1"), []);
  assertEquals(kafka("SASL_PLAINTEXT", "SCRAM-SHA-256", "broker"), []);
  assertEquals(kafka("SASL_SSL", "PLAIN", "broker"), []);
  const postgres = (text: string) => warnings(`[postgresql]\nsslmode = disable\n${text}`);
  assertEquals(postgres("host = db\npassword = p"), [
    "sslmode=disable may send the password of PostgreSQL unencrypted: " +
    "use verify-full, or require_auth = scram-sha-256",
  ]);
  assertEquals(postgres("host = db"), []);
  assertEquals(postgres("host = localhost\npassword = p"), []);
  assertEquals(postgres("host = db\npassword = p\nrequire_auth = scram-sha-256"), []);
});

Deno.test("the session timeout is one that brokers accept", () => {
  const faults = (text: string) => faultsOf(`[kafka]\nsession_timeout = ${text}`);
  const refused: [text: string, expected: string][] = [
    ["1s", "of at least 6s"],
    ["5s", "of at least 6s"],
    ["0", "such as 10s"],
    ["31m", "of at most 30m"],
  ];
  for (const [text, expected] of refused) {
    assertEquals(faults(text), [
      `host_settings.ini line 2: session_timeout is "${text}": expected a duration ${expected}`,
    ]);
  }
  for (const text of ["6s", "30m"]) readSettings(`[kafka]\nsession_timeout = ${text}`);
});

const PEM =
  "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIGFhYWFhYWFh\n-----END PRIVATE KEY-----\n";

Deno.test("certificates and keys can be set as PEM text, which takes the place of a file", () => {
  const env = { ROUTES_KAFKA_SSL_KEY_PEM: PEM };
  const file = `[kafka]\nssl_cafile = ca.pem\nssl_cert_pem = ${PEM.replaceAll("\n", "\\n")}\n`;
  const settings = readSettings(file, { env });
  assertEquals(settings.kafka.tls, {
    ca: "ca.pem",
    cert: "host_settings.ini line 3",
    key: "ROUTES_KAFKA_SSL_KEY_PEM",
    passphrase: null,
    checkHostname: true,
  });
  const { pemTexts } = settings;
  assertEquals(pemTexts.get("ROUTES_KAFKA_SSL_KEY_PEM"), PEM.trimEnd());
  assertEquals(pemTexts.get("host_settings.ini line 3"), PEM);
  assertEquals(secretsOf(settings), ["MC4CAQAwBQYDK2VwBCIEIGFhYWFhYWFh"]);
});

Deno.test("a PEM text without a block, or beside a file, is a fault that shows no text", () => {
  assertEquals(
    faultsOf("[postgresql]\nsslkey = key.pem\nssl_key_pem = MC4CAQAwBQYDK2VwBCIEI\n"),
    [
      "host_settings.ini line 3: ssl_key_pem is set, and sslkey too: expected one of them",
      "host_settings.ini line 3: ssl_key_pem has no PEM block",
    ],
  );
});

Deno.test("several hosts have a port each, or one for all", () => {
  const servers = (text: string) => readSettings(`[postgresql]\n${text}`).postgresql.servers;
  assertEquals(servers("host = a, b\nport = 5433\n"), [
    { host: "a", port: 5433 },
    { host: "b", port: 5433 },
  ]);
  assertEquals(servers("host = a,[::1]\nport = 5433,5434\n"), [
    { host: "a", port: 5433 },
    { host: "::1", port: 5434 },
  ]);
  assertEquals(faultsOf("[postgresql]\nhost = a,b,c\nport = 1,2\n"), [
    "host_settings.ini line 3: port has 2 entries, host has 3",
  ]);
  assertEquals(faultsOf("[postgresql]\nhost = a,,c\ntarget_session_attrs = leader\n"), [
    "host_settings.ini line 2: host has an empty entry",
    'host_settings.ini line 3: target_session_attrs is "leader": expected one of any, read-write, ' +
    "read-only, primary, standby, prefer-standby",
  ]);
});

Deno.test("the origin of the address of PostgreSQL names the places of host and port", () => {
  const origin = (file: string | null, set: string[] = []) =>
    readSettings(file, { set }).postgresql.origin;
  assertEquals(origin(null, ["postgresql.port=5433"]), "set in -X postgresql.port");
  assertEquals(
    origin("[postgresql]\nhost = db", ["postgresql.port=5433"]),
    "set in host_settings.ini line 2 and -X postgresql.port",
  );
});
