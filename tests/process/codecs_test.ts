import { assertEquals } from "@std/assert";
import { fetchKafka, sendCompressed } from "../support/kafka.ts";
import { withProgram } from "../support/program.ts";
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
