import { lookup } from "node:dns/promises";
import { CLOSED, PASSWORD, type TlsServices } from "./services.ts";
import type { Changes, Section } from "./folder.ts";

/** A fault in the setup, and what `routes check` prints for it. */
export interface Fault {
  name: string;
  changes: Changes;
  /** Arguments after `check`. */
  args?: string[];
  code: number;
  /** Line by line, in the shape that shape() gives. */
  says: string[];
}

// Without a name server the resolver cannot report that a name does not exist.
const hasResolver = await lookup("broker.invalid").catch(({ code }) => code) === "ENOTFOUND";

/** Every common fault of a first setup. */
export function plantFaults(
  { ports, clients, otherCa, postgres, plainPostgres }: TlsServices,
): Fault[] {
  const pair = ({ cert, key }: { cert: string; key: string }) => ({
    "ssl/service.cert": cert,
    "ssl/service.key": key,
  });
  const sasl = (more: Section = {}): Section => ({
    bootstrap_servers: `127.0.0.1:${ports.saslSsl}`,
    security_protocol: "SASL_SSL",
    sasl_mechanism: "SCRAM-SHA-256",
    sasl_plain_username: "ann",
    sasl_plain_password: PASSWORD,
    ...more,
  });
  const plain = (port: number): Section => ({
    bootstrap_servers: `127.0.0.1:${port}`,
    security_protocol: "PLAINTEXT",
  });
  const consume = ["consume"];
  return [
    {
      name: "no settings file",
      changes: {},
      args: ["--config", "ssl/nowhere.ini"],
      code: 66,
      says: [
        '✗ cannot read "ssl/nowhere.ini": file does not exist',
        "    fix: routes help settings > ssl/nowhere.ini",
      ],
    },
    {
      name: "a typo in a key",
      changes: { kafka: { topc: "routes" } },
      code: 78,
      says: [
        "✗ a setting is wrong",
        '    host_settings.ini line 4: unknown key "topc" in [kafka]: did you mean "topic"?',
        "    fix: routes help settings",
      ],
    },
    {
      name: "a section twice",
      changes: { text: "[kafka]\ntopic = a\n[kafka]\ngroup_id = b\n" },
      code: 78,
      says: [
        "✗ a setting is wrong",
        "    host_settings.ini line 3: duplicate section [kafka]: first on line 1",
        "    fix: routes help settings",
      ],
    },
    {
      name: "no CA",
      changes: { files: { "ssl/ca.pem": null } },
      code: 66,
      says: [
        '✗ cannot read "ssl/ca.pem": file does not exist',
        "    [kafka] ssl_cafile names this file, or defaults to it",
        "    fix: put the file there, or correct [kafka] ssl_cafile",
        "✗ cannot trust PostgreSQL at <postgres>: its certificate is not signed by an authority that this machine knows",
        "    self-signed certificate in certificate chain",
        "    fix: set [postgresql] sslrootcert to the CA certificate of that service",
      ],
    },
    {
      name: "no key",
      changes: { files: { "ssl/service.key": null } },
      code: 66,
      says: [
        '✗ cannot read "ssl/service.key": file does not exist',
        "    [kafka] ssl_keyfile names this file, or defaults to it",
        "    fix: put the file there, or correct [kafka] ssl_keyfile",
      ],
    },
    {
      name: "the CA of another service",
      changes: { files: { "ssl/ca.pem": otherCa.cert } },
      code: 69,
      says: [
        '✗ cannot trust Kafka at <ssl>: its certificate is not signed by "ssl/ca.pem"',
        "    unable to verify the first certificate",
        "    fix: set [kafka] ssl_cafile to the CA certificate of that service",
        '✗ cannot trust PostgreSQL at <postgres>: its certificate is not signed by "ssl/ca.pem"',
        "    self-signed certificate in certificate chain",
        "    fix: set [postgresql] sslrootcert to the CA certificate of that service",
      ],
    },
    {
      name: "an expired certificate",
      changes: { files: pair(clients.expired) },
      code: 78,
      says: [
        '✗ certificate "ssl/service.cert" expired on <day>',
        "    fix: download a new one",
      ],
    },
    {
      name: "a certificate not yet valid",
      changes: { files: pair(clients.early) },
      code: 78,
      says: [
        '✗ certificate "ssl/service.cert" is not valid before <day>',
        "    the clock of this machine says <day>",
        "    fix: set the clock, or wait",
      ],
    },
    {
      name: "a key of another certificate",
      changes: { files: { "ssl/service.key": clients.rsa.key } },
      code: 78,
      says: [
        '✗ key "ssl/service.key" does not fit certificate "ssl/service.cert"',
        "    [kafka] ssl_certfile and [kafka] ssl_keyfile name files of two different pairs",
        "    fix: download both again, at the same time",
      ],
    },
    {
      name: "a key that others can read",
      changes: { spoil: (dir: string) => Deno.chmod(`${dir}/ssl/service.key`, 0o644) },
      code: 77,
      says: [
        '✗ "ssl/service.key" can be read by others: its mode is 0644',
        "    fix: chmod 600 ssl/service.key",
      ],
    },
    {
      name: "a settings file with a password that others can read",
      changes: { spoil: (dir: string) => Deno.chmod(`${dir}/host_settings.ini`, 0o640 | 0o004) },
      code: 77,
      says: [
        '✗ "host_settings.ini" can be read by others: its mode is 0644',
        "    fix: chmod 600 host_settings.ini",
      ],
    },
    {
      name: "garbage for a key",
      changes: {
        spoil: (dir: string) =>
          Deno.writeTextFile(
            `${dir}/ssl/service.key`,
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
          ),
      },
      code: 78,
      says: [
        '✗ cannot use "ssl/service.key": it holds a key that cannot be decoded',
        "    [kafka] ssl_keyfile names this file, or defaults to it",
        "    fix: download it again, or correct [kafka] ssl_keyfile",
      ],
    },
    {
      name: "a key in the place of the certificate",
      changes: { files: { "ssl/service.cert": clients.ecdsa.key } },
      code: 78,
      says: [
        '✗ cannot use "ssl/service.cert": it holds "PRIVATE KEY" instead of "CERTIFICATE"',
        "    [kafka] ssl_certfile names this file, or defaults to it",
        "    fix: download it again, or correct [kafka] ssl_certfile",
      ],
    },
    {
      name: "a text that is not PEM",
      changes: {
        spoil: (dir: string) => Deno.writeTextFile(`${dir}/ssl/ca.pem`, "<html>login</html>"),
      },
      code: 78,
      says: [
        '✗ cannot use "ssl/ca.pem": it holds no PEM block',
        "    [kafka] ssl_cafile names this file, or defaults to it",
        "    fix: download it again, or correct [kafka] ssl_cafile",
        '✗ cannot use "ssl/ca.pem": it holds no PEM block',
        "    [postgresql] sslrootcert names this file, or defaults to it",
        "    fix: download it again, or correct [postgresql] sslrootcert",
      ],
    },
    {
      name: "an encrypted key without a passphrase",
      changes: { files: pair(clients.encrypted) },
      code: 78,
      says: [
        '✗ key "ssl/service.key" is encrypted: a passphrase is needed',
        "    fix: set [kafka] ssl_password",
      ],
    },
    {
      name: "an encrypted key with a wrong passphrase",
      changes: { files: pair(clients.encrypted), kafka: { ssl_password: "sesame" } },
      code: 78,
      says: [
        '✗ cannot decrypt key "ssl/service.key": wrong passphrase',
        "    fix: correct [kafka] ssl_password",
      ],
    },
    {
      name: "a client certificate of another CA",
      changes: { files: pair(clients.foreign) },
      code: 77,
      says: [
        '✗ Kafka at <ssl> refused the client certificate "ssl/service.cert"',
        "    received fatal alert: CertificateUnknown",
        "    fix: set [kafka] ssl_certfile and ssl_keyfile to a pair that the service gave you",
      ],
    },
    {
      name: "no client certificate where one is required",
      changes: {
        kafka: sasl({ bootstrap_servers: `127.0.0.1:${ports.ssl}` }),
        files: { "ssl/service.cert": null, "ssl/service.key": null },
      },
      code: 77,
      says: [
        "✗ Kafka at <ssl> asks for a client certificate",
        "    received fatal alert: BadCertificate",
        "    fix: set [kafka] ssl_certfile and ssl_keyfile",
      ],
    },
    {
      name: "a broker of another name",
      changes: { kafka: { bootstrap_servers: `127.0.0.1:${ports.misnamed}` } },
      code: 69,
      says: [
        "✗ cannot trust Kafka at <misnamed>: its certificate is for another name",
        "    it is for DNS:elsewhere.example, not for 127.0.0.1",
        "    fix: use the name in the certificate, or set [kafka] ssl_check_hostname = false",
      ],
    },
    {
      name: "plain text to a TLS port",
      changes: { kafka: plain(ports.ssl) },
      code: 69,
      says: [
        "✗ Kafka at <ssl> speaks TLS on that port",
        "    the client used plain text",
        "    fix: set [kafka] security_protocol = SSL or SASL_SSL, or correct the port",
      ],
    },
    {
      name: "TLS to a plain port",
      changes: { kafka: { bootstrap_servers: `127.0.0.1:${ports.plain}` } },
      code: 69,
      says: [
        "✗ Kafka at <plain> does not speak TLS on that port",
        "    Client network socket disconnected before secure TLS connection was established",
        "    fix: correct the port, or set [kafka] security_protocol = PLAINTEXT or SASL_PLAINTEXT",
      ],
    },
    {
      name: "no login where one is required",
      changes: { kafka: plain(ports.saslPlain) },
      code: 69,
      says: [
        "✗ Kafka at <saslPlain> ended the connection: it may ask for TLS or a login",
        "    the client used PLAINTEXT",
        "    fix: correct [kafka] security_protocol, or the port; routes check tells more",
      ],
    },
    {
      name: "a login where none is accepted",
      changes: { kafka: sasl({ ...plain(ports.plain), security_protocol: "SASL_PLAINTEXT" }) },
      code: 78,
      says: [
        "✗ Kafka at <plain> does not accept this login method on that port",
        "    the broker answered ILLEGAL_SASL_STATE",
        "    fix: correct [kafka] security_protocol and sasl_mechanism",
      ],
    },
    {
      name: "a wrong password by SCRAM",
      changes: { kafka: sasl({ sasl_plain_password: "wrong" }) },
      code: 77,
      says: [
        "✗ login refused by Kafka at <saslSsl>",
        "    SASL SCRAM SHA256 authentication failed: Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-256",
        "    fix: correct [kafka] sasl_mechanism, sasl_plain_username and sasl_plain_password",
      ],
    },
    {
      name: "a wrong password by PLAIN",
      changes: { kafka: sasl({ sasl_plain_password: "wrong", sasl_mechanism: "PLAIN" }) },
      code: 77,
      says: [
        "✗ login refused by Kafka at <saslSsl>",
        "    SASL PLAIN authentication failed: Authentication failed: Invalid username or password",
        "    fix: correct [kafka] sasl_mechanism, sasl_plain_username and sasl_plain_password",
      ],
    },
    {
      name: "a broker with an unknown name",
      changes: { kafka: { bootstrap_servers: "broker.invalid:9093" } },
      code: 69,
      says: hasResolver
        ? [
          "✗ cannot reach Kafka at broker.invalid:9093: the name is not known",
          "    getaddrinfo ENOTFOUND broker.invalid",
          "    fix: correct [kafka] bootstrap_servers",
        ]
        : [
          "✗ cannot reach Kafka at broker.invalid:9093: no name server answers",
          "    getaddrinfo EAI_AGAIN broker.invalid",
          "    fix: check the network and the DNS of this machine",
        ],
    },
    {
      name: "a closed port",
      changes: { kafka: { bootstrap_servers: `127.0.0.1:${CLOSED}` } },
      code: 69,
      says: [
        "✗ cannot reach Kafka at 127.0.0.1:1: connection refused",
        "    nothing listens on that port, or a firewall rejects the connection",
        "    fix: start the broker, or correct [kafka] bootstrap_servers",
      ],
    },
    {
      name: "a broker that advertises a wrong address",
      changes: { kafka: plain(ports.astray) },
      code: 69,
      says: [
        "✗ cannot reach Kafka at 127.0.0.1:1: connection refused",
        "    the broker advertises this address; the settings name <astray>",
        "    fix: correct advertised.listeners of the broker, or open the way to that address",
      ],
    },
    {
      name: "no topic",
      changes: { kafka: { topic: "nowhere" } },
      code: 69,
      says: [
        '✗ topic "nowhere" does not exist on <ssl>',
        "    the broker answered UNKNOWN_TOPIC_OR_PARTITION",
        "    fix: routes migrate --topic",
      ],
    },
    {
      name: "no right to read",
      changes: { kafka: sasl({ topic: "secret" }) },
      args: consume,
      code: 77,
      says: [
        '✗ no right to use topic "secret" on <saslSsl>',
        "    the broker answered TOPIC_AUTHORIZATION_FAILED",
        '    fix: grant "ann" read (consume) or write (produce) on the topic',
      ],
    },
    {
      name: "no right to write",
      changes: { kafka: sasl({ topic: "secret" }) },
      args: ["produce"],
      code: 77,
      says: [
        '✗ no right to use topic "secret" on <saslSsl>',
        "    the broker answered TOPIC_AUTHORIZATION_FAILED",
        '    fix: grant "ann" read (consume) or write (produce) on the topic',
      ],
    },
    {
      name: "a wrong password for PostgreSQL",
      changes: { postgresql: { password: "wrong" } },
      code: 77,
      says: [
        '✗ login of "ann" refused by PostgreSQL at <postgres>',
        '    the server answered 28P01: password authentication failed for user "ann"',
        "    fix: correct [postgresql] user and password",
      ],
    },
    {
      name: "an address of PostgreSQL with a wrong password",
      changes: {
        postgresql: {
          service_uri: `postgres://ann:wr%25ng@127.0.0.1:${postgres.port}/routes`,
          user: null,
          password: null,
        },
      },
      code: 77,
      says: [
        '✗ login of "ann" refused by PostgreSQL at <postgres>',
        '    the server answered 28P01: password authentication failed for user "ann"',
        "    fix: correct [postgresql] user and password",
      ],
    },
    {
      name: "a user without a line in pg_hba.conf",
      changes: { postgresql: { user: "stranger" } },
      code: 77,
      says: [
        '✗ login of "stranger" refused by PostgreSQL at <postgres>: no entry in pg_hba.conf matches',
        '    the server answered 28000: no pg_hba.conf entry for host "127.0.0.1", user "stranger", database "routes", SSL encryption',
        "    fix: correct [postgresql] user and dbname, or add a line to pg_hba.conf",
      ],
    },
    {
      name: "no TLS where PostgreSQL requires it",
      changes: { postgresql: { sslmode: "disable" } },
      code: 77,
      says: [
        '✗ login of "ann" refused by PostgreSQL at <postgres>: no entry in pg_hba.conf matches',
        '    the server answered 28000: no pg_hba.conf entry for host "127.0.0.1", user "ann", database "routes", no encryption',
        "    fix: set [postgresql] sslmode = verify-full, or add a line to pg_hba.conf",
      ],
    },
    {
      name: "no client certificate where PostgreSQL requires one",
      changes: { postgresql: { user: "certified", password: null } },
      code: 77,
      says: [
        '✗ PostgreSQL at <postgres> requires a client certificate of "certified"',
        "    the server answered 28000: connection requires a valid client certificate",
        "    fix: set [postgresql] sslcert and sslkey",
      ],
    },
    {
      name: "TLS to a PostgreSQL without it",
      changes: { postgresql: { port: plainPostgres.port } },
      code: 69,
      says: [
        "✗ PostgreSQL at <plainPostgres> does not speak TLS on that port",
        "    the server has TLS turned off",
        "    fix: correct the port, or set [postgresql] sslmode = disable",
      ],
    },
    {
      name: "no such database",
      changes: { postgresql: { dbname: "nowhere" } },
      code: 69,
      says: [
        '✗ database "nowhere" does not exist on <postgres>',
        '    the server answered 3D000: database "nowhere" does not exist',
        "    fix: routes migrate --create-database",
      ],
    },
    {
      name: "no tables",
      changes: { postgresql: { dbname: "bare" } },
      code: 69,
      says: [
        '✗ 4 tables are missing in "bare"',
        '    "public".routes_table, "public".routes_sources, "public".routes_rejects, "public".routes_losses',
        "    fix: routes migrate",
      ],
    },
    {
      name: "a pending migration",
      changes: { postgresql: { dbname: "behind" } },
      code: 69,
      says: ['✗ 1 migration pending in "behind"', "    fix: routes migrate"],
    },
    {
      name: "no right to insert",
      changes: { postgresql: { user: "reader" } },
      code: 77,
      says: [
        '✗ "reader" lacks rights in database "routes"',
        '    fix: grant insert on "public".routes_table to "reader"',
        '    fix: grant insert, update on "public".routes_sources to "reader"',
        '    fix: grant insert on "public".routes_rejects to "reader"',
        '    fix: grant insert on "public".routes_losses to "reader"',
      ],
    },
    {
      name: "a read-only server",
      changes: { postgresql: { user: "frozen" } },
      code: 69,
      says: [
        "✗ PostgreSQL at <postgres> is read-only",
        "    it is a standby, or default_transaction_read_only is on",
        "    fix: set [postgresql] host and port to those of the primary",
      ],
    },
  ];
}
