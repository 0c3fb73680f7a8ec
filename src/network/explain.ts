import { type ErrorKind, OperationalError } from "../errors.ts";

// Explains why a connection to Kafka or PostgreSQL failed: turns the error code of the network or of TLS, which both clients
// pass on, into a message with a hint.

type Section = "kafka" | "postgresql";

/** The settings that name the TLS files. */
export const TLS_SETTINGS = {
  kafka: {
    ca: "ssl_cafile",
    cert: "ssl_certfile",
    key: "ssl_keyfile",
    passphrase: "ssl_password",
  },
  postgresql: { ca: "sslrootcert", cert: "sslcert", key: "sslkey", passphrase: "sslpassword" },
} as const;

/** A connection attempt that failed. */
interface Attempt {
  section: Section;
  /** `host:port`. */
  address: string;
  /** Where the address comes from, as the end of a sentence; null: a server announced it. */
  origin: string | null;
  /** The TLS files; null for plain text. */
  tls: { ca: string | null; cert: string | null } | null;
}

/** An error of the network, of TLS or of a client that passes one on. */
interface ConnectionFault {
  code?: unknown;
  message: string;
}

type Explanation = [kind: ErrorKind, text: string, hint: string, reason?: string | undefined];

const SERVICES = { kafka: "Kafka", postgresql: "PostgreSQL" };
const ADDRESS_SETTINGS = { kafka: "bootstrap_servers", postgresql: "host and port" };
/** The settings that limit the wait for an answer. */
const TIMEOUTS = { kafka: "--timeout", postgresql: "--timeout and [postgresql] connect_timeout" };
/** The setting that turns off the check of the host name, and the one that turns off TLS. */
const LESS_STRICT = {
  kafka: ["ssl_check_hostname = false", "security_protocol = PLAINTEXT or SASL_PLAINTEXT"],
  postgresql: ["sslmode = verify-ca", "sslmode = disable"],
} as const;

/** Explains an unreachable service or a failed handshake; null for any other error. */
export function explainConnection(
  fault: ConnectionFault,
  attempt: Attempt,
): OperationalError | null {
  const { section, address, origin, tls } = attempt;
  const where = `${SERVICES[section]} at ${address}`;
  const code = String(fault.code);
  const ofTls = tls && explainTls(code, fault.message, { ...attempt, ...tls, where });
  const explanation = ofTls ?? explainUnreachable(code, { section, where });
  if (!explanation) return null;
  const [kind, text, hint, given] = explanation;
  const reason = [given ?? fault.message.replace(/^Connection error: /, "")];
  if (!ofTls && origin) reason.push(`the address is ${origin}`);
  return new OperationalError(kind, text, { reason, hint, cause: fault });
}

function explainUnreachable(
  code: string,
  { section, where }: { section: Section; where: string },
): Explanation | null {
  const setting = `[${section}] ${ADDRESS_SETTINGS[section]}`;
  const fail = (why: string, hint: string, reason?: string): Explanation => [
    "unavailable",
    `cannot reach ${where}: ${why}`,
    hint,
    reason,
  ];
  switch (code) {
    case "ECONNREFUSED":
      return fail(
        "connection refused",
        `start the ${section === "kafka" ? "broker" : "server"}, or correct ${setting}`,
        "nothing listens on that port, or a firewall rejects the connection",
      );
    case "ENOTFOUND":
      return fail("the name is not known", `correct ${setting.replace(" and port", "")}`);
    case "EAI_AGAIN":
      return fail("no name server answers", "check the network and the DNS of this machine");
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return fail(
        "no route to it",
        `check the network of this machine, or correct ${setting}`,
      );
    case "ETIMEDOUT":
    case "CONNECT_TIMEOUT":
      return fail(
        "no answer in time",
        `correct ${setting}, or raise ${TIMEOUTS[section]}`,
        "a firewall drops the packets, or another service listens on that port",
      );
  }
  return null;
}

interface Handshake {
  section: Section;
  /** `Kafka at host:port`. */
  where: string;
  address: string;
  ca: string | null;
  cert: string | null;
}

function explainTls(code: string, message: string, handshake: Handshake): Explanation | null {
  const explanation = explainDistrust(code, handshake) ?? explainRefusal(code, handshake);
  if (explanation) return explanation;
  const { section, where, address } = handshake;
  // The service closed the connection or answered with another protocol.
  const isPlainText = /before secure TLS connection/.test(message) ||
    /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST/.test(code) || code === "NO_TLS";
  if (isPlainText) {
    const plain = LESS_STRICT[section][1];
    const hint = `correct the port, or set [${section}] ${plain}`;
    return ["unavailable", `${where} does not speak TLS on that port`, hint];
  }
  if (!/^ERR_(SSL|TLS)_/.test(code)) return null;
  return [
    "unavailable",
    `the TLS handshake with ${where} failed`,
    `show what it offers: openssl s_client -connect ${address}`,
  ];
}

const UNTRUSTED = [
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "CERT_SIGNATURE_FAILURE",
];

/** The program does not trust the certificate of the service. */
function explainDistrust(code: string, { section, where, ca }: Handshake): Explanation | null {
  const fail = (why: string, hint: string): Explanation => [
    "unavailable",
    `cannot trust ${where}: its certificate ${why}`,
    hint,
  ];
  if (UNTRUSTED.includes(code)) {
    return fail(
      `is not signed by ${ca ? `"${ca}"` : "an authority that this machine knows"}`,
      `set [${section}] ${TLS_SETTINGS[section].ca} to the CA certificate of that service`,
    );
  }
  switch (code) {
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return fail(
        "is for another name",
        `use the name in the certificate, or set [${section}] ${LESS_STRICT[section][0]}`,
      );
    case "CERT_HAS_EXPIRED":
      return fail("has expired", "renew the certificate, or set the clock of this machine");
    case "CERT_NOT_YET_VALID":
      return fail("is not yet valid", "set the clock of this machine, or renew the certificate");
  }
  return null;
}

/** The service rejected the client certificate or requires one. */
function explainRefusal(code: string, { section, where, cert }: Handshake): Explanation | null {
  const alert = /_ALERT_(.+)$/.exec(code)?.[1];
  if (!alert || !/CERT|UNKNOWN_CA|ACCESS_DENIED|DECRYPT_ERROR/.test(alert)) return null;
  const pair = `[${section}] ${TLS_SETTINGS[section].cert} and ${TLS_SETTINGS[section].key}`;
  if (!cert) return ["noPermission", `${where} asks for a client certificate`, `set ${pair}`];
  return [
    "noPermission",
    `${where} refused the client certificate "${cert}"`,
    `set ${pair} to a pair that the service gave you`,
  ];
}
