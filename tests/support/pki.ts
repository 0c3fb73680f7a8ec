import { runChild } from "./child.ts";

/** A certificate and its key, as paths. */
export interface Pair {
  cert: string;
  key: string;
}

/** How to create a certificate. */
export interface PairOptions {
  /** The common name, and the file name. */
  name: string;
  ca: Pair;
  /** Such as `IP:127.0.0.1,DNS:localhost`; none for a client. */
  names?: string;
  kind?: "ecdsa" | "rsa";
  /** Days from now; both may be in the past. */
  days?: [from: number, to: number];
  /** Encrypts the key. */
  passphrase?: string;
}

const KINDS = {
  ecdsa: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
  rsa: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
};
const DAY_MS = 86_400_000;

/** Creates keys and certificates with openssl, in one folder. */
export class Pki {
  readonly dir: string;

  constructor(dir: string) {
    this.dir = dir;
    Deno.mkdirSync(dir, { recursive: true });
  }

  /** A self-signed authority. */
  async authority(name: string): Promise<Pair> {
    const pair = { cert: `${this.dir}/${name}.pem`, key: `${this.dir}/${name}.key` };
    await openssl(["genpkey", ...KINDS.ecdsa, "-out", pair.key]);
    const args = ["-x509", "-key", pair.key, "-out", pair.cert, "-days", "365"];
    await openssl(["req", ...args, "-subj", `/CN=${name}`]);
    return pair;
  }

  /** A certificate of that authority, with a key that only its owner can read. */
  async pair(options: PairOptions): Promise<Pair> {
    const { name, ca, names, kind = "ecdsa", days: [from, to] = [-1, 90], passphrase } = options;
    const at = `${this.dir}/${name}`;
    const pair = { cert: `${at}.cert`, key: `${at}.key` };
    const cipher = passphrase ? ["-aes-256-cbc", "-pass", `pass:${passphrase}`] : [];
    await openssl(["genpkey", ...KINDS[kind], ...cipher, "-out", pair.key]);
    await Deno.chmod(pair.key, 0o600);
    const secret = passphrase ? ["-passin", `pass:${passphrase}`] : [];
    await openssl([
      "req",
      "-new",
      "-key",
      pair.key,
      ...secret,
      "-out",
      `${at}.csr`,
      "-subj",
      `/CN=${name}`,
    ]);
    // Only `openssl ca` accepts a start date.
    await Deno.mkdir(`${at}.db`);
    await Deno.writeTextFile(`${at}.db/index`, "");
    await Deno.writeTextFile(
      `${at}.conf`,
      `[ca]\ndefault_ca=own\n[own]\ndatabase=${at}.db/index\nnew_certs_dir=${at}.db\nrand_serial=yes\n` +
        "default_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n[extensions]\nbasicConstraints=CA:FALSE\n" +
        (names ? `subjectAltName=${names}\n` : ""),
    );
    await openssl([
      "ca",
      "-batch",
      "-notext",
      ...["-config", `${at}.conf`, "-extensions", "extensions"],
      ...["-cert", ca.cert, "-keyfile", ca.key, "-in", `${at}.csr`, "-out", pair.cert],
      ...["-startdate", stamp(from), "-enddate", stamp(to)],
    ]);
    return pair;
  }
}

/** Writes key and certificate into one file, as Kafka requires. */
export async function bundle(path: string, { cert, key }: Pair): Promise<string> {
  await Deno.writeTextFile(path, await Deno.readTextFile(key) + await Deno.readTextFile(cert));
  return path;
}

async function openssl(args: string[]): Promise<void> {
  await runChild("openssl", { args, name: `openssl ${args[0]}` });
}

/** A time in the format of openssl: YYYYMMDDHHMMSSZ. */
function stamp(days: number): string {
  const iso = new Date(Date.now() + days * DAY_MS).toISOString();
  return iso.replace(/\.\d+/, "").replace(/[-:T]/g, "");
}
