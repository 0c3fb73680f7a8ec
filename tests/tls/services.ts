import { type Broker, startKafka } from "../support/kafka.ts";
import { freePort, Sandbox } from "../support/child.ts";
import { bundle, type Pair, Pki } from "../support/pki.ts";
import { awaitLeaders } from "../../src/kafka/topic.ts";
import { migrations } from "../../src/postgres/migrations/mod.ts";
import { openPostgres } from "../../src/postgres/connect.ts";
import { checksum, script } from "../../src/postgres/migrate.ts";
import { connectKafka, testSettings } from "../support/fixtures.ts";
import { givePair, type PostgresServer, startPostgres } from "../support/postgres.ts";

/** Passwords that are in no output by accident: a test looks for them. */
export const PASSWORD = "s3cr3t%#;marker";
export const PASSPHRASE = "ph4se-marker";

/** Certificates and keys, services that ask for them, and users who may log in. */
export interface TlsServices {
  dir: string;
  pki: Pki;
  ca: Pair;
  otherCa: Pair;
  clients: Record<
    "ecdsa" | "rsa" | "expired" | "early" | "ending" | "foreign" | "encrypted" | "ann",
    Pair
  >;
  /** Ports of 127.0.0.1, by what they speak; `astray` advertises an address where nothing listens. */
  ports: Record<"plain" | "ssl" | "saslSsl" | "saslPlain" | "misnamed" | "astray", number>;
  broker: Broker;
  /** Gives services certificates of a new authority, which they take at their next start; and a client's. */
  renew(): Promise<{ ca: Pair; client: Pair }>;
  /** With and without TLS. */
  postgres: PostgresServer;
  plainPostgres: PostgresServer;
  close(): Promise<void>;
}

// The broker's settings contain the PLAIN passwords in quotes.
const JAAS_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required " +
  `user_ann="${PASSWORD}" user_bob="${PASSWORD}";`;
const JAAS_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;";

/** A port where nothing listens. */
export const CLOSED = 1;

const ACCESS = `
local   all all trust
hostssl all certified 127.0.0.1/32 cert
hostssl all ann,reader,frozen 127.0.0.1/32 scram-sha-256
host    all postgres 127.0.0.1/32 trust
`;

/** Starts all services; takes some seconds. */
export async function openTlsServices(): Promise<TlsServices> {
  const sandbox = new Sandbox();
  try {
    const pki = new Pki(`${sandbox.dir}/pki`);
    const [ca, otherCa] = await Promise.all([pki.authority("ca"), pki.authority("other-ca")]);
    const [server, rsaServer, misnamed] = await Promise.all([
      pki.pair({ name: "server", ca, names: "IP:127.0.0.1,DNS:localhost" }),
      pki.pair({ name: "rsa-server", ca, names: "IP:127.0.0.1,DNS:localhost", kind: "rsa" }),
      pki.pair({ name: "misnamed", ca, names: "DNS:elsewhere.example" }),
    ]);
    const [kafka, servers, clients] = await Promise.all([
      openKafkaWith(sandbox, { ca, server, misnamed }),
      openPostgresWith(sandbox, { ca, server: rsaServer }),
      makeClients(pki, ca, otherCa),
    ]);
    await Promise.all([furnishKafka(kafka.ports.plain), furnishPostgres(servers.postgres.port)]);
    return {
      dir: sandbox.dir,
      pki,
      ca,
      otherCa,
      clients,
      ...kafka,
      ...servers,
      renew: () => renew(sandbox.dir, pki),
      close: () => sandbox.close(),
    };
  } catch (error) {
    await sandbox.close();
    throw error;
  }
}

async function makeClients(pki: Pki, ca: Pair, otherCa: Pair): Promise<TlsServices["clients"]> {
  const [ecdsa, rsa, expired, early, ending, foreign, encrypted, ann] = await Promise.all([
    pki.pair({ name: "certified", ca }),
    pki.pair({ name: "rsa", ca, kind: "rsa" }),
    pki.pair({ name: "expired", ca, days: [-30, -2] }),
    pki.pair({ name: "early", ca, days: [2, 30] }),
    pki.pair({ name: "ending", ca, days: [-60, 12.5] }),
    pki.pair({ name: "foreign", ca: otherCa }),
    pki.pair({ name: "encrypted", ca, passphrase: PASSPHRASE }),
    pki.pair({ name: "ann", ca }),
  ]);
  return { ecdsa, rsa, expired, early, ending, foreign, encrypted, ann };
}

async function openKafkaWith(
  sandbox: Sandbox,
  { ca, server, misnamed }: Record<"ca" | "server" | "misnamed", Pair>,
): Promise<Pick<TlsServices, "ports" | "broker">> {
  const names = ["SSL", "SASL_SSL", "SASL_PLAINTEXT", "MISNAMED", "ASTRAY"];
  const [ssl, saslSsl, saslPlain, wrong, astray] = Array.from(
    { length: 5 },
    () => freePort(),
  ) as [number, number, number, number, number];
  const at = (ports: number[]) => names.map((name, i) => `${name}://127.0.0.1:${ports[i]}`).join();
  const keystore = await bundle(`${sandbox.dir}/server.bundle`, server);
  const trusted = `${sandbox.dir}/trusted.pem`;
  await Deno.copyFile(ca.cert, trusted);
  const login = (listener: string) => ({
    [`listener.name.${listener}.sasl.enabled.mechanisms`]: "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
    [`listener.name.${listener}.plain.sasl.jaas.config`]: JAAS_PLAIN,
    [`listener.name.${listener}.scram-sha-256.sasl.jaas.config`]: JAAS_SCRAM,
    [`listener.name.${listener}.scram-sha-512.sasl.jaas.config`]: JAAS_SCRAM,
  });
  const { brokers: [broker] } = await startKafka({
    sandbox,
    properties: {
      listeners: at([ssl, saslSsl, saslPlain, wrong, astray]),
      advertised: at([ssl, saslSsl, saslPlain, wrong, CLOSED]),
      "listener.security.protocol.map":
        "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL," +
        "SASL_PLAINTEXT:SASL_PLAINTEXT,MISNAMED:SSL,ASTRAY:PLAINTEXT",
      "ssl.keystore.type": "PEM",
      "ssl.keystore.location": keystore,
      "ssl.truststore.type": "PEM",
      "ssl.truststore.location": trusted,
      "listener.name.ssl.ssl.client.auth": "required",
      "listener.name.misnamed.ssl.keystore.location": await bundle(
        `${sandbox.dir}/misnamed.bundle`,
        misnamed,
      ),
      "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
      "super.users": "User:ANONYMOUS",
      "allow.everyone.if.no.acl.found": "true",
      ...login("sasl_ssl"),
      ...login("sasl_plaintext"),
    },
    scram: ["SCRAM-SHA-256", "SCRAM-SHA-512"].map((how) =>
      `${how}=[name=ann,password=${PASSWORD}]`
    ),
  });
  const ports = { plain: broker!.port, ssl, saslSsl, saslPlain, misnamed: wrong, astray };
  return { ports, broker: broker! };
}

async function openPostgresWith(
  sandbox: Sandbox,
  { ca, server }: Record<"ca" | "server", Pair>,
): Promise<Pick<TlsServices, "postgres" | "plainPostgres">> {
  const { cert, key } = await givePair(sandbox.dir, server);
  const quick = { fsync: "off" };
  const [postgres, plainPostgres] = await Promise.all([
    startPostgres({
      sandbox,
      access: ACCESS,
      settings: {
        ...quick,
        ssl: "on",
        ssl_cert_file: `'${cert}'`,
        ssl_key_file: `'${key}'`,
        ssl_ca_file: `'${ca.cert}'`,
      },
    }),
    startPostgres({ sandbox, settings: quick }),
  ]);
  return { postgres, plainPostgres };
}

async function renew(dir: string, pki: Pki): Promise<{ ca: Pair; client: Pair }> {
  const ca = await pki.authority("new-ca");
  const [server, client] = await Promise.all([
    pki.pair({ name: "new-server", ca, names: "IP:127.0.0.1" }),
    pki.pair({ name: "new-client", ca }),
  ]);
  await bundle(`${dir}/server.bundle`, server);
  await Deno.copyFile(ca.cert, `${dir}/trusted.pem`);
  await givePair(dir, server);
  return { ca, client };
}

/** Topics: `routes`, and `secret`, which ann may see but not read. */
async function furnishKafka(port: number): Promise<void> {
  const kafka = connectKafka(testSettings([`kafka.bootstrap_servers=127.0.0.1:${port}`]));
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({
    topics: ["routes", "secret"].map((topic) => ({ topic, numPartitions: 3 })),
    waitForLeaders: false,
  });
  for (const topic of ["routes", "secret"]) await awaitLeaders(admin, topic);
  const [topic, literal, allow, describe] = [2, 3, 3, 8];
  await admin.createAcls({
    acl: [{
      resourceType: topic,
      resourceName: "secret",
      resourcePatternType: literal,
      principal: "User:ann",
      host: "*",
      operation: describe,
      permissionType: allow,
    }],
  });
  await admin.disconnect();
}

/** Databases: `routes`, `bare` without tables, `behind` with a migration to apply. Users: see ACCESS. */
async function furnishPostgres(port: number): Promise<void> {
  const { postgresql } = testSettings([`postgresql.port=${port}`]);
  const inside = async (database: string, statements: string[]) => {
    const options = { readFile: () => new Uint8Array(), log: null, max: 1, database };
    const settings = { ...postgresql, user: "postgres", password: null };
    const { sql } = openPostgres(settings, options);
    for (const statement of statements) await sql.unsafe(statement);
    await sql.end();
  };
  const users = ["ann", "reader", "frozen"];
  await inside("postgres", [
    ...users.map((user) => `create role ${user} login password '${PASSWORD}'`),
    "create role certified login in role pg_read_all_data, pg_write_all_data",
    "grant pg_read_all_data, pg_write_all_data to ann, frozen",
    "grant pg_read_all_data to reader",
    "alter role frozen set default_transaction_read_only = on",
    ...["routes", "bare", "behind"].map((name) => `create database ${name}`),
  ]);
  const tables = migrations.map((one) => script("public", { ...one, checksum: checksum(one.sql) }));
  await inside("routes", tables);
  await inside("behind", [...tables, "delete from routes_migrations"]);
}
