import { assertEquals } from "@std/assert";
import { explainConnection } from "../../src/network/explain.ts";

const broker = {
  section: "kafka",
  address: "k:9093",
  origin: "set in a.ini line 2",
  tls: { ca: "ssl/ca.pem", cert: null },
} as const;
const server = {
  section: "postgresql",
  address: "p:5432",
  origin: "set in a.ini line 2",
  tls: null,
} as const;

function fault(code: string, message = "as seen") {
  return { code, message };
}

const unreached: [code: string, why: string, fix: string][] = [
  ["ECONNREFUSED", "connection refused", "start the server, or correct [postgresql] host and port"],
  ["ENOTFOUND", "the name is not known", "correct [postgresql] host"],
  ["EAI_AGAIN", "no name server answers", "check the network and the DNS of this machine"],
  [
    "ENETUNREACH",
    "no route to it",
    "check the network of this machine, or correct [postgresql] host and port",
  ],
  [
    "CONNECT_TIMEOUT",
    "no answer in time",
    "correct [postgresql] host and port, or raise --timeout and [postgresql] connect_timeout",
  ],
];

for (const [code, why, fix] of unreached) {
  Deno.test(`${code} means that ${why}`, () => {
    const { kind, message, hint: said } = explainConnection(fault(code), server)!;
    assertEquals([kind, message], ["unavailable", `cannot reach PostgreSQL at p:5432: ${why}`]);
    assertEquals(said, [fix]);
  });
}

const untrusted: [code: string, kind: string, message: string][] = [
  [
    "SELF_SIGNED_CERT_IN_CHAIN",
    "unavailable",
    'cannot trust Kafka at k:9093: its certificate is not signed by "ssl/ca.pem"',
  ],
  ["CERT_HAS_EXPIRED", "unavailable", "cannot trust Kafka at k:9093: its certificate has expired"],
  [
    "CERT_NOT_YET_VALID",
    "unavailable",
    "cannot trust Kafka at k:9093: its certificate is not yet valid",
  ],
  [
    "ERR_TLS_CERT_ALTNAME_INVALID",
    "unavailable",
    "cannot trust Kafka at k:9093: its certificate is for another name",
  ],
  [
    "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
    "noPermission",
    "Kafka at k:9093 asks for a client certificate",
  ],
  [
    "ERR_SSL_WRONG_VERSION_NUMBER",
    "unavailable",
    "Kafka at k:9093 does not speak TLS on that port",
  ],
  [
    "ERR_SSL_NO_SHARED_CIPHER",
    "unavailable",
    "the TLS handshake with Kafka at k:9093 failed",
  ],
];

for (const [code, kind, message] of untrusted) {
  Deno.test(`${code} is explained`, () => {
    const failure = explainConnection(fault(code), broker)!;
    assertEquals([failure.kind, failure.message], [kind, message]);
    assertEquals(failure.reason, ["as seen"]);
    // In plain text there is no handshake that can fail.
    assertEquals(explainConnection(fault(code), { ...broker, tls: null }), null);
  });
}

Deno.test("a refused client certificate is named", () => {
  const tls = { ca: null, cert: "ssl/service.cert" };
  const { message } = explainConnection(fault("ERR_SSL_TLSV1_ALERT_UNKNOWN_CA"), {
    ...broker,
    tls,
  })!;
  assertEquals(message, 'Kafka at k:9093 refused the client certificate "ssl/service.cert"');
});

Deno.test("an error that is not about a connection is not explained", () => {
  assertEquals(explainConnection(new Error("no code"), broker), null);
  assertEquals(explainConnection(fault("28P01"), server), null);
});
