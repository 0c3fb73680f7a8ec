import type { SettingsReader, TlsFiles } from "./reader.ts";
import type { Sources } from "./sources.ts";

/** Where Kafka is and how to log in. */
export interface KafkaSettings {
  /** `host:port` each, at least one. */
  brokers: string[];
  /** Where the brokers came from, as the end of a sentence. */
  origin: string;
  /** Null: plain text. */
  tls: (TlsFiles & { checkHostname: boolean }) | null;
  sasl: {
    mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
    username: string;
    password: string;
  } | null;
  topic: string;
  /** The default contains the topic and a hash of the destination: each pair of them has its own group. */
  groupId: string;
  /** The group keeps the partitions of this process for it while it restarts; null: it assigns them to others. */
  groupInstanceId: string | null;
  clientId: string;
  /** Where this process is, in the terms of the brokers' `broker.rack`; null: it reads from the leaders. */
  rack: string | null;
  /** After this time without a heartbeat the group assigns the partitions of a process to others. */
  sessionTimeoutMs: number;
}

const PROTOCOLS = ["PLAINTEXT", "SSL", "SASL_SSL", "SASL_PLAINTEXT"] as const;
const MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] as const;

/** Reads the Kafka settings; mistakes go to `read.faults`. */
export function readKafka(
  read: SettingsReader,
  exists: Sources["exists"],
): Omit<KafkaSettings, "groupId"> {
  const isSet = (key: string) => read.text(`kafka.${key}`) !== null;
  const usesFiles = [
    "ssl_cafile",
    "ssl_certfile",
    "ssl_keyfile",
    "ssl_ca_pem",
    "ssl_cert_pem",
    "ssl_key_pem",
  ].some(isSet);
  const usesTls = usesFiles || isSet("ssl_password") || isSet("ssl_check_hostname");
  const chosen = read.choice("kafka.security_protocol", PROTOCOLS);
  const protocol = chosen ?? (usesTls ? "SSL" : "PLAINTEXT");
  const encrypted = protocol === "SSL" || protocol === "SASL_SSL";
  // A misspelt protocol is one fault: it must not cause a second one.
  const isKnown = chosen !== null || !isSet("security_protocol");
  if (usesFiles && !encrypted && isKnown) {
    read.fault(
      "kafka.security_protocol",
      `is ${protocol}, but ssl_ files are set: expected SSL or SASL_SSL`,
    );
  }
  return {
    brokers: readBrokers(read),
    origin: read.origin("kafka.bootstrap_servers"),
    tls: encrypted ? readTls(read, exists, { isRequired: protocol === "SSL" }) : null,
    sasl: isKnown ? readSasl(read, protocol.startsWith("SASL")) : null,
    topic: read.text("kafka.topic") ?? "routes",
    groupInstanceId: readInstanceId(read),
    clientId: read.text("kafka.client_id") ?? "routes",
    rack: read.text("kafka.client_rack"),
    // The defaults of a broker; it refuses others.
    sessionTimeoutMs: read.duration("kafka.session_timeout", 10_000, { min: "6s", max: "30m" }),
  };
}

/**
 * Files that are not set default to those of a download if they exist. Protocol SSL requires them, so that a missing one is
 * reported; but a user who sets only the CA has no client certificate and needs none.
 */
function readTls(
  read: SettingsReader,
  exists: Sources["exists"],
  { isRequired }: { isRequired: boolean },
): KafkaSettings["tls"] {
  const defaults = {
    ca: `${read.folder}ssl/ca.pem`,
    cert: `${read.folder}ssl/service.cert`,
    key: `${read.folder}ssl/service.key`,
  };
  const [ca, cert, key] = [
    read.pem("kafka.ssl_cafile", "kafka.ssl_ca_pem"),
    read.pem("kafka.ssl_certfile", "kafka.ssl_cert_pem"),
    read.pem("kafka.ssl_keyfile", "kafka.ssl_key_pem"),
  ];
  const hasPair = cert !== null || key !== null || exists(defaults.cert) || exists(defaults.key);
  const wantsPair = hasPair || (isRequired && ca === null);
  return {
    ca: ca ?? (isRequired || exists(defaults.ca) ? defaults.ca : null),
    cert: cert ?? (wantsPair ? defaults.cert : null),
    key: key ?? (wantsPair ? defaults.key : null),
    passphrase: read.text("kafka.ssl_password"),
    checkHostname: read.boolean("kafka.ssl_check_hostname", true),
  };
}

function readSasl(read: SettingsReader, wanted: boolean): KafkaSettings["sasl"] {
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
      read.fault(name, "is set, but security_protocol is not SASL_SSL or SASL_PLAINTEXT");
    }
    return null;
  }
  const missing = [!username && "sasl_plain_username", !password && "sasl_plain_password"];
  for (const key of missing) {
    if (key) read.fault("kafka.security_protocol", `requires a login, but ${key} is missing`);
  }
  const name = (mechanism ?? "PLAIN").toLowerCase() as "plain" | "scram-sha-256" | "scram-sha-512";
  return { mechanism: name, username: username ?? "", password: password ?? "" };
}

/** The names that clients of Kafka accept. */
function readInstanceId(read: SettingsReader): string | null {
  const name = "kafka.group_instance_id";
  const text = read.text(name);
  if (text === null || (/^[\w.-]{1,249}$/.test(text) && !/^\.\.?$/.test(text))) return text;
  read.fault(
    name,
    `is "${text}": expected at most 249 letters of English, digits, dots, dashes and underscores`,
  );
  return null;
}

function readBrokers(read: SettingsReader): string[] {
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
        // An entry that does not look like a host may contain a password.
        `has ${
          /^[\w.-]+(:\d*)?$/.test(address) ? `"${address}"` : "an entry"
        } that is not host:port`,
      );
    }
  }
  if (addresses.length === 0) read.fault(name, "is empty: expected host:port");
  return addresses;
}

/** What to do when other programs, or other work of this one, use the group. */
export function ownGroup(groupId: string): string {
  return `give this run its own group: -X kafka.group_id=${groupId}-2`;
}
