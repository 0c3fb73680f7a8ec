import { connectKafka, testSettings } from "../support/fixtures.ts";
import { freePort, Sandbox } from "../support/child.ts";
import { type DelayLine, openDelayLine } from "../support/delay_line.ts";
import { startKafka } from "../support/kafka.ts";
import { bundle, Pki } from "../support/pki.ts";
import { givePair, startPostgres } from "../support/postgres.ts";

/** Services at the end of a line; the broker must advertise the line, so they are started for it. */
export interface FarServices {
  /** Where the program must run: the certificate of the authority is in its folder `ssl`. */
  dir: string;
  /** Changes the round trip of both lines. */
  setRtt(ms: number): void;
  /** Settings of the program that reach the services through the lines, for `topic` and a database of the same name. */
  settings(topic: string): string[];
  /** The same for a peer: the bootstrap server, properties for librdkafka, and a connection string for libpq. */
  bootstrap: string;
  librdkafka: Record<string, string>;
  conninfo(database: string): string;
  removeTopic(topic: string): Promise<void>;
  close(): Promise<void>;
}

const CA = "ssl/ca.pem";

/** Starts Kafka and PostgreSQL behind lines without delay; with `tls` both accept only encrypted connections. */
export async function startFarServices(
  { tls, say }: { tls: boolean; say: (line: string) => void },
): Promise<FarServices> {
  const sandbox = new Sandbox();
  const lines: DelayLine[] = [];
  try {
    const certificates = tls ? await makeCertificates(sandbox.dir) : null;
    const inside = freePort();
    const toKafka = await openDelayLine(inside, 0);
    lines.push(toKafka);
    const kafka = await startKafka({
      sandbox,
      say,
      properties: {
        listeners: `LINE://127.0.0.1:${inside}`,
        advertised: `LINE://127.0.0.1:${toKafka.port}`,
        "listener.security.protocol.map": `PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,LINE:${
          tls ? "SSL" : "PLAINTEXT"
        }`,
        ...certificates?.kafka,
      },
    });
    const postgres = await startPostgres({
      sandbox,
      say,
      settings: certificates?.postgres ?? {},
    });
    const toPostgres = await openDelayLine(postgres.port, 0);
    lines.push(toPostgres);
    const bootstrap = `127.0.0.1:${toKafka.port}`;
    const ca = certificates?.ca ?? "";
    return {
      dir: sandbox.dir,
      setRtt: (ms) => lines.forEach((line) => line.delayMs = ms / 2),
      settings: (topic) =>
        Object.entries({
          "kafka.bootstrap_servers": bootstrap,
          "kafka.topic": topic,
          "postgresql.port": toPostgres.port,
          "postgresql.dbname": topic,
          ...tls && {
            "kafka.security_protocol": "SSL",
            "kafka.ssl_cafile": CA,
            "postgresql.sslmode": "verify-full",
            "postgresql.sslrootcert": CA,
          },
        }).flatMap(([key, value]) => ["-X", `${key}=${value}`]),
      bootstrap,
      librdkafka: tls ? { "security.protocol": "SSL", "ssl.ca.location": ca } : {},
      conninfo: (database) =>
        `host=127.0.0.1 port=${toPostgres.port} user=postgres dbname=${database}` +
        (tls ? ` sslmode=verify-full sslrootcert=${ca}` : ""),
      removeTopic: async (topic) => {
        const near = testSettings([`kafka.bootstrap_servers=127.0.0.1:${kafka.brokers[0]!.port}`]);
        const admin = connectKafka(near).admin();
        await admin.connect();
        await admin.deleteTopics({ topics: [topic] });
        await admin.disconnect();
      },
      close: async () => {
        await Promise.all(lines.map((line) => line.close()));
        await sandbox.close();
      },
    };
  } catch (error) {
    await Promise.all(lines.map((line) => line.close()));
    await sandbox.close();
    throw error;
  }
}

async function makeCertificates(dir: string) {
  const pki = new Pki(`${dir}/pki`);
  const ca = await pki.authority("ca");
  const server = await pki.pair({ name: "server", ca, names: "IP:127.0.0.1" });
  const { cert, key } = await givePair(dir, server);
  await Deno.mkdir(`${dir}/ssl`);
  await Deno.copyFile(ca.cert, `${dir}/${CA}`);
  return {
    ca: ca.cert,
    kafka: {
      "ssl.keystore.type": "PEM",
      "ssl.keystore.location": await bundle(`${dir}/server.bundle`, server),
    },
    postgres: { ssl: "on", ssl_cert_file: `'${cert}'`, ssl_key_file: `'${key}'` },
  };
}
