import { assertEquals, assertThrows } from "@std/assert";
import { OperationalError } from "../../src/errors.ts";
import { secretsOf } from "../../src/settings/settings.ts";
import { renderError } from "../../src/terminal/render_error.ts";
import { faultsOf, type Given, readSettings } from "./support.ts";

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
    "http.token",
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
  [`[postgresql]\nservice_uri = postgres://u:${SECRET}@h:x/d`],
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
    const failure = assertThrows(() => readSettings(text, given), OperationalError);
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
    const { postgresql } = readSettings(`[postgresql]\npassword = ${password}\n`);
    assertEquals(postgresql.password, password);
  }
  assertEquals(readSettings('[postgresql]\npassword = " a "\n').postgresql.password, " a ");
});

Deno.test("secretsOf() lists every secret", () => {
  const text = "[kafka]\nsecurity_protocol = SASL_SSL\nsasl_username = u\nsasl_password = one\n" +
    "ssl_password = two\n[postgresql]\nservice_uri = postgres://u:thr%25ee@h/d\nsslpassword = four\n";
  assertEquals(secretsOf(readSettings(text)).sort(), ["four", "one", "thr%ee", "two"]);
  assertEquals(secretsOf(readSettings(null)), []);
});

Deno.test("a password equal to a default name is no secret, one equal to a name that was set is", () => {
  const env = { ROUTES_POSTGRESQL_PASSWORD: "postgres", ROUTES_KAFKA_SSL_PASSWORD: "routes" };
  assertEquals(secretsOf(readSettings(null, { env })), []);
  const same = { ROUTES_POSTGRESQL_PASSWORD: "ann", ROUTES_POSTGRESQL_USER: "ann" };
  assertEquals(secretsOf(readSettings(null, { env: same })), ["ann"]);
});

Deno.test("a settings file holds a secret when it contains one, plain or encoded", () => {
  const holds = (text: string, env = {}) => readSettings(text, { env }).file?.holdsSecret;
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
  assertEquals(holds("[postgresql]\nservice_uri = postgres://u:%61b@h/d\n"), true);
  assertEquals(holds("[postgresql]\nservice_uri = postgres://u@h/d\n"), false);
  assertEquals(holds("[postgresql]\r\npassword = postgres\r\n", env), true);
  assertEquals(holds("[postgresql]\ndsn: postgres://u:postgres@h/d\n", env), true);
});

Deno.test("a newline at the end of a variable is dropped, as mounted secrets have one", () => {
  const env = { ROUTES_POSTGRESQL_PASSWORD: "pass word\n", ROUTES_KAFKA_TOPIC: "t\r\n" };
  const { kafka, postgresql } = readSettings(null, { env });
  assertEquals([postgresql.password, kafka.topic], ["pass word", "t"]);
});

Deno.test("bytes that are no text, a NUL, and an address as host are faults that show no value", () => {
  assertEquals(faultsOf(null, { env: { ROUTES_POSTGRESQL_PASSWORD: `${SECRET}\ufffd` } }), [
    "ROUTES_POSTGRESQL_PASSWORD: is not UTF-8 text",
  ]);
  assertEquals(faultsOf(`[postgresql]\npassword = ${SECRET}\0\n`), [
    "host_settings.ini line 2: has a NUL character",
  ]);
  assertEquals(faultsOf(`[postgresql]\nhost = postgres://u:${SECRET}@h/d\n`), [
    "host_settings.ini line 2: host is an address, not a host: put it into service_uri",
  ]);
});

Deno.test("a variable whose name is nearly that of a setting is a mistake, others are not", () => {
  const mistakes: [name: string, mistake: string][] = [
    ["ROUTES_KAFKA_TOPC", 'did you mean "ROUTES_KAFKA_TOPIC"?'],
    ["ROUTES_POSTGRES_PASSWORD", 'did you mean "ROUTES_POSTGRESQL_PASSWORD"?'],
    ["ROUTES_TOPIC", 'did you mean "ROUTES_KAFKA_TOPIC"?'],
    ["ROUTES_BROKERS", 'did you mean "ROUTES_KAFKA_BROKERS"?'],
    ["ROUTES_PG_HOST", 'did you mean "ROUTES_POSTGRESQL_HOST"?'],
    ["ROUTES_DATABASE", 'did you mean "ROUTES_POSTGRESQL_DATABASE"?'],
    ["ROUTES_CONFIG", "name the settings file with --config"],
    ["ROUTES_KAFKA_RETENTION", "[kafka] has no such key"],
  ];
  const others = {
    ROUTES_KAFKA_SERVICE_HOST: "10.0.0.1",
    ROUTES_PORT: "tcp://10.0.0.1:80",
    ROUTES_TEST_CONFIG: "file",
    ROUTES_BIN: "routes",
    ROUTES_FUZZ_SECONDS: "1",
    ROUTES_IMAGE_TAG: "1.0",
    ROUTES_KAFKA_TOPIC: "t",
  };
  const env = { ...others, ...Object.fromEntries(mistakes.map(([name]) => [name, SECRET])) };
  assertEquals(
    faultsOf(null, { env }),
    mistakes.map(([name, mistake]) => `${name}: unknown variable: ${mistake}`),
  );
});
