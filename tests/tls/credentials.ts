import type { Changes, Client, Section } from "./folder.ts";
import { PASSPHRASE, PASSWORD } from "./services.ts";

/** A combination of settings and credentials, and the exit code of `routes check`. */
export interface Combination {
  name: string;
  changes: Changes;
  code: number;
}

type Pair = Client | null;
type Sasl = "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512" | null;

const kafkaCases: [listener: string, protocol: string, sasl: Sasl, client: Pair, code: number][] = [
  ["ssl", "SSL", null, "ecdsa", 0],
  ["ssl", "SSL", null, "rsa", 0],
  ["ssl", "SSL", null, "encrypted", 0],
  ["ssl", "SSL", null, "foreign", 77],
  ["ssl", "SSL", null, "expired", 78],
  ["ssl", "SSL", null, null, 66],
  ["saslSsl", "SASL_SSL", "PLAIN", null, 0],
  ["saslSsl", "SASL_SSL", "SCRAM-SHA-256", null, 0],
  ["saslSsl", "SASL_SSL", "SCRAM-SHA-512", null, 0],
  ["saslPlain", "SASL_PLAINTEXT", "PLAIN", null, 0],
  ["saslPlain", "SASL_PLAINTEXT", "SCRAM-SHA-256", null, 0],
  ["saslPlain", "SASL_PLAINTEXT", "SCRAM-SHA-512", null, 0],
  ["plain", "PLAINTEXT", null, null, 0],
  ["plain", "SASL_PLAINTEXT", "PLAIN", null, 78],
  ["saslSsl", "PLAINTEXT", null, null, 69],
  ["saslSsl", "SSL", null, "ecdsa", 69],
  ["saslPlain", "SASL_SSL", "PLAIN", null, 69],
  ["ssl", "SASL_PLAINTEXT", "PLAIN", null, 69],
];

/** Every listener of Kafka with every credential. */
export const kafkaCombinations: Combination[] = kafkaCases.map(
  ([listener, protocol, sasl, client, code]) => ({
    name: `${listener} with ${protocol}, ${sasl ?? "no login"}, ${client ?? "no certificate"}`,
    changes: {
      kafka: {
        bootstrap_servers: `<${listener}>`,
        security_protocol: protocol,
        ssl_password: client === "encrypted" ? PASSPHRASE : null,
        ...(sasl && {
          sasl_mechanism: sasl,
          sasl_plain_username: "ann",
          sasl_plain_password: PASSWORD,
        }),
      },
      client,
    },
    code,
  }),
);

const ROOT = "ssl/root.pem";
const OTHER_NAME = "::ffff:127.0.0.1";
const CERTIFIED: Section = {
  user: "certified",
  password: null,
  sslcert: "ssl/service.cert",
  sslkey: "ssl/service.key",
  sslrootcert: ROOT,
};

/** An exit code with the right CA, one with another CA, and one with another name. */
const sslmodes: [sslmode: string, right: number, otherCa: number, otherName: number][] = [
  ["disable", 77, 77, 77],
  ["require", 0, 0, 0],
  ["verify-ca", 0, 69, 0],
  ["verify-full", 0, 69, 69],
];

const certificates: [client: Pair, code: number][] = [
  ["ecdsa", 0],
  // Signed by the same authority, but for another user.
  ["rsa", 77],
  ["encrypted", 77],
  ["foreign", 77],
  ["expired", 78],
  [null, 66],
];

/** Every sslmode and every certificate of a PostgreSQL client. */
export const postgresCombinations: Combination[] = [
  ...sslmodes.flatMap(([sslmode, right, otherCa, otherName]) => [
    withMode(sslmode, "the right CA", right, "ca.cert"),
    withMode(sslmode, "another CA", otherCa, "otherCa.cert"),
    withMode(sslmode, "another name", otherName, "ca.cert", { host: OTHER_NAME }),
  ]),
  withMode("verify-full", "a login that require_auth excludes", 69, "ca.cert", {
    require_auth: "md5",
  }),
  ...certificates.map(([client, code]) => ({
    name: client ? `certificate ${client}` : "no certificate",
    changes: {
      postgresql: { ...CERTIFIED, sslpassword: client === "encrypted" ? PASSPHRASE : null },
      client,
      files: { [ROOT]: "ca.cert" as const },
    },
    code,
  })),
];

function withMode(
  sslmode: string,
  what: string,
  code: number,
  root: "ca.cert" | "otherCa.cert",
  more: Section = {},
): Combination {
  return {
    name: `sslmode=${sslmode}, ${what}`,
    changes: { postgresql: { sslmode, sslrootcert: ROOT, ...more }, files: { [ROOT]: root } },
    code,
  };
}
