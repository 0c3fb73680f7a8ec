import type { Reader, TlsFiles } from "./reader.ts";
import type { Sources } from "./sources.ts";

/** Where Kafka is and how to log in. */
export interface KafkaSettings {
  /** `host:port` each, at least one. */
  brokers: string[];
  /** Null: plain text. */
  tls: (TlsFiles & { checkHostname: boolean }) | null;
  sasl: {
    mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
    username: string;
    password: string;
  } | null;
  topic: string;
  groupId: string;
  clientId: string;
  /** After so long without a sign of life the group gives a process's partitions to others. */
  sessionTimeoutMs: number;
}

const PROTOCOLS = ["PLAINTEXT", "SSL", "SASL_SSL", "SASL_PLAINTEXT"] as const;
const MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] as const;

/** Takes the settings of Kafka out of what was said. */
export function readKafka(read: Reader, exists: Sources["exists"]): KafkaSettings {
  const said = (key: string) => read.text(`kafka.${key}`) !== null;
  const usesFiles = ["ssl_cafile", "ssl_certfile", "ssl_keyfile"].some(said);
  const usesTls = usesFiles || said("ssl_password") || said("ssl_check_hostname");
  const chosen = read.choice("kafka.security_protocol", PROTOCOLS);
  const protocol = chosen ?? (usesTls ? "SSL" : "PLAINTEXT");
  const encrypted = protocol === "SSL" || protocol === "SASL_SSL";
  // A protocol that is misspelt contradicts nothing yet.
  const isKnown = chosen !== null || !said("security_protocol");
  if (usesFiles && !encrypted && isKnown) {
    read.fault(
      "kafka.security_protocol",
      `is ${protocol}, but ssl_ files are given: expected SSL or SASL_SSL`,
    );
  }
  const file = (key: string, fallback: string) => {
    const usual = read.folder + fallback;
    return read.path(`kafka.${key}`) ?? (protocol === "SSL" || exists(usual) ? usual : null);
  };
  const tls = encrypted
    ? {
      ca: file("ssl_cafile", "ssl/ca.pem"),
      cert: file("ssl_certfile", "ssl/service.cert"),
      key: file("ssl_keyfile", "ssl/service.key"),
      passphrase: read.text("kafka.ssl_password"),
      checkHostname: read.boolean("kafka.ssl_check_hostname", true),
    }
    : null;
  return {
    brokers: readBrokers(read),
    tls,
    sasl: isKnown ? readSasl(read, protocol.startsWith("SASL")) : null,
    topic: read.text("kafka.topic") ?? "routes",
    groupId: read.text("kafka.group_id") ?? "routes",
    clientId: read.text("kafka.client_id") ?? "routes",
    sessionTimeoutMs: read.duration("kafka.session_timeout", 45_000),
  };
}

function readSasl(read: Reader, wanted: boolean): KafkaSettings["sasl"] {
  const mechanism = read.choice("kafka.sasl_mechanism", MECHANISMS);
  const username = read.text("kafka.sasl_plain_username");
  const password = read.text("kafka.sasl_plain_password");
  if (!wanted) {
    if (mechanism || username || password) {
      const name = mechanism
        ? "kafka.sasl_mechanism"
        : username
        ? "kafka.sasl_plain_username"
        : "kafka.sasl_plain_password";
      read.fault(name, "is given, but security_protocol is not SASL_SSL or SASL_PLAINTEXT");
    }
    return null;
  }
  const missing = [!username && "sasl_plain_username", !password && "sasl_plain_password"];
  for (const key of missing) {
    if (key) read.fault("kafka.security_protocol", `asks for a login, but ${key} is missing`);
  }
  const name = (mechanism ?? "PLAIN").toLowerCase() as "plain" | "scram-sha-256" | "scram-sha-512";
  return { mechanism: name, username: username ?? "", password: password ?? "" };
}

function readBrokers(read: Reader): string[] {
  const name = "kafka.bootstrap_servers";
  const brokers = (read.text(name) ?? "127.0.0.1:9092").split(",").map((broker) => broker.trim())
    .filter(Boolean);
  const addresses = brokers.map((broker) =>
    broker.replace(/^[a-z+]+:\/\//i, "").replace(/\/$/, "")
  );
  for (const address of addresses) {
    const port = Number(/^(?:\[[0-9a-f:.]+\]|[^:\s@/]+):(\d{1,5})$/i.exec(address)?.[1] ?? 0);
    if (port < 1 || port > 65_535) {
      read.fault(
        name,
        // A login may stand where the host is due.
        `has ${
          /^[\w.-]+(:\d*)?$/.test(address) ? `"${address}"` : "an entry"
        } that is not host:port`,
      );
    }
  }
  if (addresses.length === 0) read.fault(name, "is empty: expected host:port");
  return addresses;
}
