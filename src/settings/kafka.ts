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
  return {
    brokers: readBrokers(read),
    tls: encrypted ? readTls(read, exists, { isDue: protocol === "SSL" }) : null,
    sasl: isKnown ? readSasl(read, protocol.startsWith("SASL")) : null,
    topic: read.text("kafka.topic") ?? "routes",
    groupId: read.text("kafka.group_id") ?? "routes",
    clientId: read.text("kafka.client_id") ?? "routes",
    sessionTimeoutMs: read.duration("kafka.session_timeout", 45_000),
  };
}

/**
 * The files that nothing names are those of a download where they exist. With a protocol that asks for no login they are
 * due, so that one that is missing is told; but who names a CA alone has no pair, and wants none.
 */
function readTls(
  read: Reader,
  exists: Sources["exists"],
  { isDue }: { isDue: boolean },
): KafkaSettings["tls"] {
  const usual = {
    ca: `${read.folder}ssl/ca.pem`,
    cert: `${read.folder}ssl/service.cert`,
    key: `${read.folder}ssl/service.key`,
  };
  const [ca, cert, key] = [
    read.path("kafka.ssl_cafile"),
    read.path("kafka.ssl_certfile"),
    read.path("kafka.ssl_keyfile"),
  ];
  const hasPair = cert !== null || key !== null || exists(usual.cert) || exists(usual.key);
  const wantsPair = hasPair || (isDue && ca === null);
  return {
    ca: ca ?? (isDue || exists(usual.ca) ? usual.ca : null),
    cert: cert ?? (wantsPair ? usual.cert : null),
    key: key ?? (wantsPair ? usual.key : null),
    passphrase: read.text("kafka.ssl_password"),
    checkHostname: read.boolean("kafka.ssl_check_hostname", true),
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
