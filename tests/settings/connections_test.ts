import { assertEquals } from "@std/assert";
import { faultsOf, readSettings } from "./support.ts";

Deno.test("relative paths in the file start at its folder, those of the environment and -X at the working folder", () => {
  const text =
    "[kafka]\nssl_cafile = ca.pem\nssl_certfile = /abs/c.pem\nssl_keyfile = C:\\k.pem\n" +
    "[postgresql]\nsslrootcert = ../ca.pem\n";
  const { kafka, postgresql } = readSettings(text, { path: "/etc/routes/host_settings.ini" });
  assertEquals([kafka.tls?.ca, kafka.tls?.cert, kafka.tls?.key, postgresql.tls.ca], [
    "/etc/routes/ca.pem",
    "/abs/c.pem",
    "/etc/routes/C:\\k.pem",
    "/etc/routes/../ca.pem",
  ]);
  const path = "res/host_settings.ini";
  const set = ["kafka.ssl_cafile=other/ca.pem"];
  const env = { ROUTES_KAFKA_SSL_KEYFILE: "key.pem" };
  const { tls } = readSettings(text, { path, set, env }).kafka;
  assertEquals([tls?.ca, tls?.key, tls?.cert], ["other/ca.pem", "key.pem", "/abs/c.pem"]);
  assertEquals(readSettings(text).kafka.tls?.ca, "ca.pem");
});

Deno.test("SSL looks for the default files in the folder of the settings file", () => {
  const text = "[kafka]\nsecurity_protocol = ssl\n";
  assertEquals(readSettings(text, { path: "res/host_settings.ini" }).kafka.tls, {
    ca: "res/ssl/ca.pem",
    cert: "res/ssl/service.cert",
    key: "res/ssl/service.key",
    passphrase: null,
    checkHostname: true,
  });
});

Deno.test("a CA alone means TLS without a client certificate", () => {
  const pair = (text: string, existing: string[] = []) => {
    const { cert, key } = readSettings(`[kafka]\n${text}`, { existing }).kafka.tls!;
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
  assertEquals(readSettings(text).kafka.tls, none);
  assertEquals(readSettings(text, { existing: ["ssl/ca.pem"] }).kafka.tls, {
    ...none,
    ca: "ssl/ca.pem",
  });
});

Deno.test("PostgreSQL uses the default CA file if it exists", () => {
  const given = { path: "res/host_settings.ini", existing: ["res/ssl/ca.pem"] };
  assertEquals(readSettings("", given).postgresql.tls.ca, "res/ssl/ca.pem");
  assertEquals(readSettings("[postgresql]\nsslrootcert = x", given).postgresql.tls.ca, "res/x");
});

Deno.test("any ssl_ key selects SSL", () => {
  for (const line of ["ssl_cafile = a", "cert = a", "key = a", "ssl_check_hostname = no"]) {
    assertEquals(readSettings(`[kafka]\n${line}`).kafka.tls === null, false, line);
  }
  assertEquals(readSettings("[kafka]\nssl_check_hostname = OFF").kafka.tls?.checkHostname, false);
  assertEquals(readSettings("[kafka]\nssl_check_hostname = Yes").kafka.tls?.checkHostname, true);
  assertEquals(faultsOf("[kafka]\nssl_check_hostname = maybe"), [
    'host_settings.ini line 2: ssl_check_hostname is "maybe": expected one of true, false, yes, no, on, off, 1, 0',
  ]);
});

Deno.test("a SASL login works with each mechanism", () => {
  for (const mechanism of ["PLAIN", "scram-sha-256", "SCRAM-SHA-512"]) {
    const text = "[kafka]\nsecurity_protocol = SASL_PLAINTEXT\nsasl_plain_username = u\n" +
      `sasl_plain_password = p\nsasl_mechanism = ${mechanism}\n`;
    const { sasl, tls } = readSettings(text).kafka;
    assertEquals([sasl?.mechanism, sasl?.username, sasl?.password, tls], [
      mechanism.toLowerCase(),
      "u",
      "p",
      null,
    ] as unknown[] as [typeof sasl & string, string, string, null]);
  }
  const text = "[kafka]\nsecurity_protocol = SASL_SSL\nsasl_username = u\nsasl_password = p\n";
  assertEquals(readSettings(text).kafka.sasl?.mechanism, "plain");
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
  const brokers = (text: string) =>
    readSettings(`[kafka]\nbootstrap_servers = ${text}`).kafka.brokers;
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
  const mode = (host: string) => readSettings(`[postgresql]\nhost = ${host}`).postgresql.sslmode;
  for (const host of ["localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "::1"]) {
    assertEquals(mode(host), "disable", host);
  }
  for (const host of ["pg.example.com", "127.example.com", "10.0.0.1", "localhost.example.com"]) {
    assertEquals(mode(host), "verify-full", host);
  }
  const text = "[postgresql]\nhost = a\nsslmode = Verify-CA";
  assertEquals(readSettings(text).postgresql.sslmode, "verify-ca");
  assertEquals(readSettings(text).warnings, []);
});

Deno.test("on Windows a path with a drive, a share or a root does not start at the folder of the file", () => {
  const ca = (text: string, path: string, isWindows = true) =>
    readSettings(`[kafka]\nssl_cafile = ${text}`, { path, isWindows }).kafka.tls?.ca;
  const here = "res\\host_settings.ini";
  for (
    const path of ["\\certs\\ca.pem", "/certs/ca.pem", "C:\\ca.pem", "d:ca.pem", "\\\\a\\b\\ca.pem"]
  ) {
    assertEquals(ca(path, here), path);
  }
  assertEquals(ca("ssl\\ca.pem", here), "res\\ssl\\ca.pem");
  assertEquals(ca("ca.pem", "D:host_settings.ini"), "D:ca.pem");
  assertEquals(ca("C:\\ca.pem", "res/host_settings.ini", false), "res/C:\\ca.pem");
  assertEquals(
    readSettings("[kafka]\nsecurity_protocol = SSL", { path: here, isWindows: true }).kafka.tls
      ?.key,
    "res\\ssl/service.key",
  );
});
