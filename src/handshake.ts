import { type FailureKind, Operation } from "./failure.ts";

/** The names that the files of TLS have in the settings. */
export const TLS_SETTINGS = {
  kafka: {
    ca: "ssl_cafile",
    cert: "ssl_certfile",
    key: "ssl_keyfile",
    passphrase: "ssl_password",
  },
  postgresql: { ca: "sslrootcert", cert: "sslcert", key: "sslkey", passphrase: "sslpassword" },
} as const;

/** A TLS connection that was tried. */
export interface Handshake {
  section: "kafka" | "postgresql";
  /** As in `Kafka at host:port`. */
  where: string;
  ca: string | null;
  cert: string | null;
}

/** Setting that says not to look at the name, and the one that turns TLS off. */
const LOOSER = {
  kafka: ["ssl_check_hostname = false", "security_protocol = PLAINTEXT or SASL_PLAINTEXT"],
  postgresql: ["sslmode = verify-ca", "sslmode = disable"],
} as const;

const UNTRUSTED = [
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "CERT_SIGNATURE_FAILURE",
];

/** What a failed handshake means to a person; null for what is none. */
export function explainTls(
  { code, message }: { code?: unknown; message: string },
  { section, where, ca, cert }: Handshake,
): Operation | null {
  if (typeof code !== "string") return null;
  const names = TLS_SETTINGS[section];
  const [unnamed, plain] = LOOSER[section];
  const reason = message.replace(/^Connection error: /, "");
  const fail = (kind: FailureKind, text: string, fix: string, why: string | string[] = reason) =>
    new Operation(kind, text, { reason: why, fix });
  if (UNTRUSTED.includes(code)) {
    const by = ca ? `"${ca}"` : "an authority that this machine knows";
    return fail(
      "unavailable",
      `cannot trust ${where}: its certificate is not signed by ${by}`,
      `set [${section}] ${names.ca} to the CA certificate of that service`,
    );
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return fail(
      "unavailable",
      `cannot trust ${where}: its certificate is for another name`,
      `use the name in the certificate, or set [${section}] ${unnamed}`,
    );
  }
  if (code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID") {
    const state = code === "CERT_HAS_EXPIRED" ? "has expired" : "is not yet valid";
    return fail(
      "unavailable",
      `cannot trust ${where}: its certificate ${state}`,
      "set the clock of this machine, or have that certificate renewed",
    );
  }
  const alert = /_ALERT_(.+)$/.exec(code)?.[1];
  if (alert && /CERT|UNKNOWN_CA|ACCESS_DENIED|DECRYPT_ERROR/.test(alert)) {
    if (!cert) {
      return fail(
        "noPermission",
        `${where} asks for a client certificate`,
        `set [${section}] ${names.cert} and ${names.key}`,
      );
    }
    return fail(
      "noPermission",
      `${where} refused the client certificate "${cert}"`,
      `set [${section}] ${names.cert} and ${names.key} to a pair that the service gave you`,
    );
  }
  // The other side went away, or spoke of something else.
  const isDeaf = /before secure TLS connection/.test(message) ||
    /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST/.test(code) || code === "NO_TLS";
  if (isDeaf) {
    return fail(
      "unavailable",
      `${where} does not speak TLS on that port`,
      `correct the port, or set [${section}] ${plain}`,
    );
  }
  if (/^ERR_(SSL|TLS)_/.test(code)) {
    return fail("unavailable", `the TLS handshake with ${where} failed`, "routes check");
  }
  return null;
}
