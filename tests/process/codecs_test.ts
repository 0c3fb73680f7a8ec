import { assert, assertEquals } from "@std/assert";
import { fetchKafka } from "../support/kafka.ts";
import { atDesk } from "../support/program.ts";
import { testSettings } from "../support/room.ts";

const BROKER = testSettings().kafka.brokers.join();

/** Sends lines with Kafka's own console producer, which packs in every codec. */
async function sendPacked(topic: string, codec: string, lines: string[]): Promise<void> {
  const home = await fetchKafka(() => {});
  const producer = new Deno.Command("java", {
    args: [
      "-cp",
      `${home}/lib/*`,
      "org.apache.kafka.tools.ConsoleProducer",
      "--bootstrap-server",
      BROKER,
      "--topic",
      topic,
      "--compression-codec",
      codec,
      "--batch-size",
      "100000",
      "--timeout",
      "200",
    ],
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const [{ success, stderr }] = await Promise.all([
    producer.output(),
    new Blob(lines.map((line) => line + "\n")).stream().pipeTo(producer.stdin),
  ]);
  assert(success, new TextDecoder().decode(stderr));
}

Deno.test("consume unpacks every codec that Kafka's own producer packs with", async () => {
  const codecs = ["gzip", "snappy", "lz4", "zstd", "none"];
  await atDesk({ partitions: 1 }, async ({ topic, schema, sql, routes }) => {
    const line = (user: number, i: number) =>
      `{"userID":${user},"timestamp":${i}.5,"coordinates":[${i % 90}.25,-0.125]}`;
    for (const [user, codec] of codecs.entries()) {
      await sendPacked(topic, codec, Array.from({ length: 2_000 }, (_, i) => line(user, i)));
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
