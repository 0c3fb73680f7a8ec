import { assert, assertEquals } from "@std/assert";
import { CompressionCodecs } from "kafkajs";
import { fetchKafka, sendCompressed } from "../support/kafka.ts";
import { startLibrdkafka } from "../support/librdkafka.ts";
import { forms } from "../support/packed.ts";
import { type ProgramFixture, withProgram } from "../support/program.ts";
import { testSettings } from "../support/fixtures.ts";

const bootstrap = testSettings().kafka.brokers.join();

Deno.test("consume reads every codec of Kafka's own producer", async () => {
  const codecs = ["gzip", "snappy", "lz4", "zstd", "none"];
  await withProgram({ partitions: 1 }, async ({ topic, schema, sql, routes }) => {
    const line = (user: number, i: number) =>
      `{"userID":${user},"timestamp":${i}.5,"coordinates":[${i % 90}.25,-0.125]}`;
    const classpath = `${await fetchKafka(() => {})}/lib/*`;
    for (const [user, codec] of codecs.entries()) {
      const lines = Array.from({ length: 2_000 }, (_, i) => line(user, i));
      await sendCompressed({ classpath, bootstrap, topic, codec, lines });
    }
    const consumed = await routes(["consume"]);
    assertEquals(consumed.code, 0, consumed.stderr);
    const rows = await sql.unsafe(
      `select user_id, count(*)::int, sum(timestamp) as times, sum(latitude) as latitudes
       from "${schema}".routes_table group by user_id order by user_id`,
    );
    const sum = (of: (i: number) => number) =>
      Array.from({ length: 2_000 }, (_, i) => of(i)).reduce((a, b) => a + b);
    assertEquals(
      rows.map((row) => Object.values(row)),
      codecs.map((_, user) => [user, 2_000, sum((i) => i + 0.5), sum((i) => (i % 90) + 0.25)]),
    );
  });
});

const PER_BATCH = 3;

/** Sends a batch in each form to a partition of its own; returns the forms that the broker refuses. */
async function sendForms({ kafka, topic }: ProgramFixture): Promise<Set<number>> {
  const refused = new Set<number>();
  for (const [partition, [, codec, pack]] of forms.entries()) {
    const before = CompressionCodecs[codec];
    CompressionCodecs[codec] = () => ({
      compress: ({ buffer }: { buffer: Uint8Array }) => Promise.resolve(pack(buffer)),
    });
    const producer = kafka.producer({ retry: { retries: 0 } });
    await producer.connect();
    const messages = Array.from({ length: PER_BATCH }, (_, i) => ({
      partition,
      value: `{"userID":${partition},"timestamp":${i}.5,"coordinates":[1.5,2.5]}`,
    }));
    try {
      await producer.send({ topic, messages, compression: codec });
    } catch {
      // Kafka's own decoder, which the broker uses, does not read it.
      refused.add(partition);
    } finally {
      await producer.disconnect();
      CompressionCodecs[codec] = before;
    }
  }
  return refused;
}

/** How many records of each partition Kafka's own consumer reads; it stops at a batch that it cannot read. */
async function readWithJava(topic: string, partition: number): Promise<number> {
  const { stdout } = await new Deno.Command("java", {
    args: [
      "-XX:TieredStopAtLevel=1",
      "-cp",
      `${await fetchKafka(() => {})}/lib/*`,
      "org.apache.kafka.tools.consumer.ConsoleConsumer",
      ...["--bootstrap-server", bootstrap, "--topic", topic, "--partition", String(partition)],
      ...["--offset", "earliest", "--max-messages", String(PER_BATCH), "--timeout-ms", "5000"],
    ],
    stderr: "null",
  }).output();
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line.startsWith("{")).length;
}

Deno.test("consume reads every packed form that the Java client or librdkafka reads", async () => {
  await withProgram({ partitions: forms.length }, async (fixture) => {
    const { topic, group, routes, sql, schema } = fixture;
    const refused = await sendForms(fixture);
    const consumed = await routes(["consume"]);
    assertEquals(consumed.code, 0, consumed.stderr);
    const rows = await sql`
      select user_id, count(*)::int as count from ${sql(schema)}.routes_table group by user_id`;
    const ours = new Map(rows.map(({ user_id, count }) => [user_id, count]));
    const peer = await startLibrdkafka(topic, `${group}-peer`, []);
    const expected = PER_BATCH * (forms.length - refused.size);
    // It says nothing about a batch that it cannot read, so there is no event to wait for.
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    await peer.stop();
    const theirs = new Map(
      [...peer.tail().matchAll(/(\d+)=(\d+)/g)].map(([, key, count]) => [+key!, +count!]),
    );
    assert(theirs.size > 0, peer.tail());
    let total = 0;
    for (const [partition, [name]] of forms.entries()) {
      if (refused.has(partition)) continue;
      const java = await readWithJava(topic, partition);
      const [own, peers] = [ours.get(partition) ?? 0, theirs.get(partition) ?? 0];
      const what = `${name}: routes ${own}, Java ${java}, librdkafka ${peers} of ${PER_BATCH}`;
      assert(own >= java && own >= peers, what);
      total += own;
    }
    assertEquals(total, expected);
  });
});
