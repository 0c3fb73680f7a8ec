import { lookup } from "node:dns/promises";
import type { Fault, Section } from "./folder.ts";
import { PASSWORD } from "./services.ts";

// Without a name server the resolver cannot report that a name does not exist.
const hasResolver = await lookup("broker.invalid").catch(({ code }) => code) === "ENOTFOUND";
const SET_IN_FILE = "    the address is set in host_settings.ini line 2";
const UNKNOWN_NAME = [
  "✗ cannot reach Kafka at broker.invalid:9093: the name is not known",
  "    getaddrinfo ENOTFOUND broker.invalid",
  SET_IN_FILE,
  "    fix: correct [kafka] bootstrap_servers",
];
const NO_NAME_SERVER = [
  "✗ cannot reach Kafka at broker.invalid:9093: no name server answers",
  "    getaddrinfo EAI_AGAIN broker.invalid",
  SET_IN_FILE,
  "    fix: check the network and the DNS of this machine",
];

/** A login that works. */
const SASL: Section = {
  bootstrap_servers: "<saslSsl>",
  security_protocol: "SASL_SSL",
  sasl_mechanism: "SCRAM-SHA-256",
  sasl_plain_username: "ann",
  sasl_plain_password: PASSWORD,
};

/** Faults in the connection to Kafka and in the rights on the topic. */
export const kafkaFaults: Fault[] = [
  {
    name: "a client certificate of another CA",
    changes: { client: "foreign" },
    code: 77,
    lines: [
      '✗ Kafka at <ssl> refused the client certificate "ssl/service.cert"',
      "    received fatal alert: CertificateUnknown",
      "    fix: set [kafka] ssl_certfile and ssl_keyfile to a pair that the service gave you",
    ],
  },
  {
    name: "no client certificate where one is required",
    changes: { kafka: { ...SASL, bootstrap_servers: "<ssl>" }, client: null },
    code: 77,
    lines: [
      "✗ Kafka at <ssl> asks for a client certificate",
      "    received fatal alert: BadCertificate",
      "    fix: set [kafka] ssl_certfile and ssl_keyfile",
    ],
  },
  {
    name: "a broker of another name",
    changes: { kafka: { bootstrap_servers: "<misnamed>" } },
    code: 69,
    lines: [
      "✗ cannot trust Kafka at <misnamed>: its certificate is for another name",
      "    it is for DNS:elsewhere.example, not for 127.0.0.1",
      "    fix: use the name in the certificate, or set [kafka] ssl_check_hostname = false",
    ],
  },
  {
    name: "plain text to a TLS port",
    changes: { kafka: { bootstrap_servers: "<ssl>", security_protocol: "PLAINTEXT" } },
    code: 69,
    lines: [
      "✗ Kafka at <ssl> speaks TLS on that port",
      "    the client used plain text",
      "    fix: set [kafka] security_protocol = SSL or SASL_SSL, or correct the port",
    ],
  },
  {
    name: "TLS to a plain port",
    changes: { kafka: { bootstrap_servers: "<plain>" } },
    code: 69,
    lines: [
      "✗ Kafka at <plain> does not speak TLS on that port",
      "    Client network socket disconnected before secure TLS connection was established",
      "    fix: correct the port, or set [kafka] security_protocol = PLAINTEXT or SASL_PLAINTEXT",
    ],
  },
  {
    name: "no login where one is required",
    changes: { kafka: { bootstrap_servers: "<saslPlain>", security_protocol: "PLAINTEXT" } },
    code: 69,
    lines: [
      "✗ Kafka at <saslPlain> ended the connection: it may ask for TLS or a login",
      "    the client used PLAINTEXT",
      "    fix: correct [kafka] security_protocol, or the port; routes check tells more",
    ],
  },
  {
    name: "a login where none is accepted",
    changes: {
      kafka: { ...SASL, bootstrap_servers: "<plain>", security_protocol: "SASL_PLAINTEXT" },
    },
    code: 78,
    lines: [
      "✗ Kafka at <plain> does not accept this login method on that port",
      "    the broker answered ILLEGAL_SASL_STATE",
      "    fix: correct [kafka] security_protocol and sasl_mechanism",
    ],
  },
  {
    name: "a wrong password by SCRAM",
    changes: { kafka: { ...SASL, sasl_plain_password: "wrong" } },
    code: 77,
    lines: [
      "✗ login refused by Kafka at <saslSsl>",
      "    SASL SCRAM SHA256 authentication failed: Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-256",
      "    fix: correct [kafka] sasl_mechanism, sasl_plain_username and sasl_plain_password",
    ],
  },
  {
    name: "a wrong password by PLAIN",
    changes: { kafka: { ...SASL, sasl_plain_password: "wrong", sasl_mechanism: "PLAIN" } },
    code: 77,
    lines: [
      "✗ login refused by Kafka at <saslSsl>",
      "    SASL PLAIN authentication failed: Authentication failed: Invalid username or password",
      "    fix: correct [kafka] sasl_mechanism, sasl_plain_username and sasl_plain_password",
    ],
  },
  {
    name: "a broker with an unknown name",
    changes: { kafka: { bootstrap_servers: "broker.invalid:9093" } },
    code: 69,
    lines: hasResolver ? UNKNOWN_NAME : NO_NAME_SERVER,
  },
  {
    name: "a closed port",
    changes: { kafka: { bootstrap_servers: "127.0.0.1:1" } },
    code: 69,
    lines: [
      "✗ cannot reach Kafka at 127.0.0.1:1: connection refused",
      "    nothing listens on that port, or a firewall rejects the connection",
      SET_IN_FILE,
      "    fix: start the broker, or correct [kafka] bootstrap_servers",
    ],
  },
  {
    name: "a broker that advertises a wrong address",
    changes: { kafka: { bootstrap_servers: "<astray>", security_protocol: "PLAINTEXT" } },
    code: 69,
    lines: [
      "✗ cannot reach Kafka at 127.0.0.1:1: connection refused",
      "    the broker advertises this address; the settings name <astray>",
      "    fix: correct advertised.listeners of the broker, or open the way to that address",
    ],
  },
  {
    name: "no topic",
    changes: { kafka: { topic: "nowhere" } },
    code: 69,
    lines: [
      '✗ topic "nowhere" does not exist on <ssl>',
      "    the broker answered UNKNOWN_TOPIC_OR_PARTITION",
      "    fix: routes migrate --topic",
    ],
  },
  {
    name: "no right to read",
    changes: { kafka: { ...SASL, topic: "secret" } },
    args: ["consume"],
    code: 77,
    lines: [
      '✗ no right to use topic "secret" on <saslSsl>',
      "    the broker answered TOPIC_AUTHORIZATION_FAILED",
      '    fix: grant "ann" read (consume) or write (produce) on the topic',
    ],
  },
  {
    name: "no right to write",
    changes: { kafka: { ...SASL, topic: "secret" } },
    args: ["produce"],
    code: 77,
    lines: [
      '✗ no right to use topic "secret" on <saslSsl>',
      "    the broker answered TOPIC_AUTHORIZATION_FAILED",
      '    fix: grant "ann" read (consume) or write (produce) on the topic',
    ],
  },
];
