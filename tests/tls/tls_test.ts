import { assert, assertEquals, assertMatch } from "@std/assert";
import { openTlsServices, PASSPHRASE, PASSWORD } from "./services.ts";
import { kafkaCombinations, postgresCombinations } from "./credentials.ts";
import { fileFaults } from "./faults_files.ts";
import { kafkaFaults } from "./faults_kafka.ts";
import { postgresFaults } from "./faults_postgres.ts";
import { connectKafka, testSettings } from "../support/fixtures.ts";
import {
  type Changes,
  faultsOf,
  follow,
  routes,
  type Section,
  shape,
  writeFolder,
} from "./folder.ts";

// Services of its own: they are restarted, and ask for certificates that the tests make.

const services = await openTlsServices();
Deno.test.afterAll(() => services.close());
const { clients, ports } = services;
const faults = [...fileFaults, ...kafkaFaults, ...postgresFaults];

async function check(changes: Changes, args: string[] = [], env: Record<string, string> = {}) {
  return await routes(await writeFolder(services, changes), ["check", ...args], env);
}

Deno.test("check passes for a working setup", async () => {
  const { code, stdout, stderr } = await check({});
  assertEquals(stdout.split("\n").filter((line) => line && !line.startsWith("✓")), []);
  assertEquals([code, stderr], [0, ""]);
  for (const hop of ["topic", "write", "read", "tables", "migrations", "clock"]) {
    assertMatch(stdout, new RegExp(`^✓ .*${hop}`, "m"));
  }
});

for (const { name, changes, args, code, lines } of faults) {
  Deno.test(`check finds ${name}`, async () => {
    const ended = await check(changes, args);
    assertEquals(shape(faultsOf(ended.stdout), services).trimEnd().split("\n"), lines);
    assertEquals([ended.code, ended.stderr], [code, ""]);
  });
}

for (const layout of ["", "res", "src"]) {
  Deno.test(`the settings of the original program work unchanged, ${layout || "here"}`, async () => {
    const uri = `postgres://ann:${encodeURIComponent(PASSWORD)}@<postgres>`;
    const { code, stdout } = await check({
      text: "[kafka]\nservice_uri = <ssl>\nssl_cafile = ssl/ca.pem\n" +
        "ssl_certfile = ssl/service.cert\nssl_keyfile = ssl/service.key\n\n" +
        `[postgresql]\nservice_uri = ${uri}/routes?sslmode=require\n`,
      rearrange: async (dir) => {
        if (!layout) return;
        await Deno.mkdir(`${dir}/${layout}`);
        for (const name of ["ssl", "host_settings.ini"]) {
          await Deno.rename(`${dir}/${name}`, `${dir}/${layout}/${name}`);
        }
      },
    });
    assertMatch(stdout, /^! .*TLSv1.3, but the server certificate is not verified$/m);
    assertEquals([code, faultsOf(stdout)], [0, ""]);
  });
}

Deno.test("certificates and a key as text work as their files do, and are not shown", async () => {
  const [ca, cert, key] = await Promise.all(
    [services.ca.cert, clients.ecdsa.cert, clients.ecdsa.key].map((path) =>
      Deno.readTextFile(path)
    ),
  );
  const { code, stdout, stderr } = await check(
    {
      client: null,
      files: { "ssl/ca.pem": null },
      kafka: { ssl_ca_pem: ca!.replaceAll("\n", "\\n") },
      postgresql: { ssl_ca_pem: ca!.replaceAll("\n", "\\n") },
    },
    ["-vv"],
    { ROUTES_KAFKA_SSL_CERT_PEM: cert!, ROUTES_KAFKA_SSL_KEY_PEM: key! },
  );
  assertEquals([code, faultsOf(stdout)], [0, ""]);
  assertMatch(stdout, /^✓ .*key "ROUTES_KAFKA_SSL_KEY_PEM"$/m);
  for (const line of key!.split("\n").filter((line) => line.length > 20)) {
    assert(!(stdout + stderr).includes(line));
  }
});

Deno.test("a broker that requires no client certificate needs only a CA", async () => {
  const { code, stdout } = await check({
    kafka: {
      bootstrap_servers: "<misnamed>",
      security_protocol: null,
      ssl_cafile: "ssl/ca.pem",
      ssl_check_hostname: "false",
    },
    client: null,
  }, ["produce"]);
  assertMatch(stdout, /^✓ Kafka: no login required$/m);
  assertEquals([code, faultsOf(stdout)], [0, ""]);
});

Deno.test("a warning is printed once for any number of connections", async () => {
  const pair = { sslcert: "ssl/service.cert", sslkey: "ssl/service.key" };
  const dir = await writeFolder(services, { client: "ending", postgresql: pair });
  const { code, stderr } = await routes(dir, ["consume", "--replay", "earliest", "--yes"]);
  assertEquals(stderr.match(/^warning: .*/gm)?.length, 1, stderr);
  assertMatch(stderr, /^warning: certificate "ssl\/service.cert" expires in 12 days/m);
  assertEquals(code, 0);
});

Deno.test("a missing permission on a topic is reported, whether the topic is empty or not", async () => {
  const dir = await writeFolder(services, {
    kafka: {
      bootstrap_servers: "<saslSsl>",
      security_protocol: "SASL_SSL",
      sasl_plain_username: "ann",
      sasl_plain_password: PASSWORD,
      topic: "secret",
    },
  });
  for (const line of ["produce --count 5", "consume", "consume --follow --idle 1s"]) {
    const { code, stderr } = await routes(dir, line.split(" "));
    assertMatch(stderr, /^ {2}the broker answered TOPIC_AUTHORIZATION_FAILED$/m, line);
    assertMatch(stderr, /^ {2}fix: grant /m, line);
    assertEquals(code, 77, line);
  }
});

Deno.test("check warns of a certificate that ends within 30 days", async () => {
  const { code, stdout } = await check({ client: "ending" }, ["produce"]);
  assertMatch(stdout, /^! certificate "ssl\/service.cert" expires in 12 days, on \d{4}-/m);
  assertEquals(code, 0);
});

Deno.test("check tests only what the command needs", async () => {
  const topics = (text: string) => [/Kafka/.test(text), /PostgreSQL/.test(text)];
  const seen = async (...args: string[]) => topics((await check({}, args)).stdout);
  assertEquals(await seen("produce"), [true, false]);
  assertEquals(await seen("consume"), [true, true]);
  assertEquals(await seen("migrate"), [false, true]);
  assertEquals(await seen("query"), [false, true]);
  const { code } = await check({ postgresql: { user: "reader" } }, ["query"]);
  assertEquals(code, 0);
});

Deno.test("check prints ASCII on an ASCII terminal", async () => {
  const { stdout } = await check({ kafka: { topic: "nowhere" } }, [], { LANG: "C" });
  assertMatch(stdout, /^ok +settings file/m);
  assertMatch(stdout, /^FAIL topic "nowhere" does not exist/m);
  assertEquals(stdout.match(/[^ -~\n]/g), null);
});

Deno.test("check --json prints one object with every step and the code of the first fault", async () => {
  const changes = { kafka: { topic: "nowhere" }, postgresql: { user: "reader" } };
  const { code, stdout, stderr } = await check(changes, ["--json"]);
  const { ok, checks, code: told } = JSON.parse(stdout);
  const faults = checks.filter(({ ok }: { ok: boolean }) => !ok);
  assertEquals([ok, told, code, stderr], [false, 69, 69, ""]);
  assertEquals(faults.map(({ check }: { check: string }) => check), [
    "kafka.topic",
    "postgresql.tables",
  ]);
  assertEquals([faults[0].code, faults[0].fix], [69, "routes migrate --topic"]);
});

Deno.test("no output contains a secret, for any failure and any verbosity", async () => {
  const secrets = [PASSWORD, encodeURIComponent(PASSWORD), PASSPHRASE, "m4rker-wrong"];
  const key = await Deno.readTextFile(clients.ecdsa.key);
  secrets.push(...key.split("\n").filter((line) => line.length > 20));
  const marked = (section: Section = {}): Section =>
    Object.fromEntries(
      Object.entries(section).map(([name, value]) => [
        name,
        typeof value === "string" ? value.replace(/^wrong$|sesame|wr%25ng/, "m4rker-wrong") : value,
      ]),
    );
  const runs = faults.flatMap(({ changes, args = [] }) => {
    const { kafka, postgresql, ...rest } = changes;
    const told = { ...rest, kafka: marked(kafka), postgresql: marked(postgresql) };
    const verb = postgresql ? ["query"] : ["produce", "--count", "1"];
    const flags = args[0] === "--config" ? args : [];
    return [[told, ["check", ...args, "-vv", "--json"]], [told, [
      ...verb,
      ...flags,
      "-vv",
    ]]] as const;
  });
  assert(JSON.stringify(runs).includes("m4rker-wrong"));
  await pairwise(runs, async ([changes, args]) => {
    const { code, stdout, stderr } = await routes(await writeFolder(services, changes), [...args]);
    const found = secrets.filter((secret) => (stdout + stderr).includes(secret));
    assertEquals(found, [], args.join(" "));
    assert(code !== 1, `${args.join(" ")}: ${stderr}`);
  });
});

Deno.test("a secret is removed from a failure message of any source", async () => {
  const marker = "m4rker-wrong";
  const told: [verb: string, changes: Changes][] = [
    ["produce", { kafka: { bootstrap_servers: `${marker}:9093`, ssl_password: marker } }],
    ["query", { postgresql: { user: marker, password: marker } }],
  ];
  const ways = (verb: string) => [
    ["check", verb],
    ["check", verb, "--json"],
    [verb, "-vv"],
    [verb, "--json", "-v"],
  ];
  const runs = told.flatMap(([verb, changes]) =>
    ways(verb).map((args) => [changes, args] as const)
  );
  await pairwise(runs, async ([changes, args]) => {
    const { code, stdout, stderr } = await routes(await writeFolder(services, changes), args);
    assert(code > 1 && !(stdout + stderr).includes(marker), stdout + stderr);
    assertMatch(stdout + stderr, /\*\*\*/, args.join(" "));
  });
});

/** Two at a time: the machine may have no more cores. */
async function pairwise<T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const next = Iterator.from(items);
  const hand = async () => {
    for (const item of next) await work(item);
  };
  await Promise.all([hand(), hand()]);
}

Deno.test("Kafka: every listener with every credential", () =>
  pairwise(kafkaCombinations, async ({ name, changes, code }) => {
    assertEquals((await check(changes, ["produce", "--quiet"])).code, code, name);
  }));

Deno.test("PostgreSQL: every sslmode with every certificate", () =>
  pairwise(postgresCombinations, async ({ name, changes, code }) => {
    assertEquals((await check(changes, ["query", "--quiet"])).code, code, name);
  }));

// It restarts services of the whole file, which the sanitizers would report.
const shared = { sanitizeOps: false, sanitizeResources: false };
Deno.test(
  "consume --follow goes on with certificates that were renewed under it",
  shared,
  async () => {
    const dir = await writeFolder(services, {});
    const settings = testSettings([
      `kafka.bootstrap_servers=127.0.0.1:${ports.plain}`,
      "kafka.topic=routes",
    ]);
    const kafka = connectKafka(settings);
    const send = async (userID: number) => {
      const producer = kafka.producer();
      await producer.connect();
      const value = JSON.stringify({ userID, timestamp: 1.5, coordinates: [60.5, 24.5] });
      await producer.send({ topic: "routes", messages: [{ value }] });
      await producer.disconnect();
    };
    const run = follow(dir, ["consume", "--follow", "--tee"]);
    try {
      await send(7001);
      await run.said(/"userID":7001,/);
      // The old certificates are no longer trusted; the renewed ones are missing for a while.
      const { ca, client } = await services.renew();
      await Deno.remove(`${dir}/ssl/ca.pem`);
      await Promise.all([services.broker.stop(), services.postgres.stop()]);
      await Promise.all([services.broker.start(), services.postgres.start()]);
      await run.said(/readfile 'ssl\/ca.pem'/);
      await Deno.copyFile(client.cert, `${dir}/ssl/service.cert`);
      await Deno.copyFile(client.key, `${dir}/ssl/service.key`);
      await Deno.copyFile(ca.cert, `${dir}/ssl/ca.pem`);
      await send(7002);
      const sentAt = performance.now();
      await run.said(/"userID":7002,/);
      // As a new group member it would wait 45 s for its former membership to expire.
      assert(performance.now() - sentAt < 30_000);
    } finally {
      run.kill("SIGTERM");
      assertEquals((await run.ended).code, 0);
    }
  },
);
