import { assertEquals } from "@std/assert";
import { watchSends } from "../../../src/commands/produce/send_waits.ts";

Deno.test("watchSends notes a slow send, then the reason, then the end, and nothing before two seconds", async () => {
  const stop = new AbortController();
  const lines: string[] = [];
  let [nowMs, looks] = [0, 0];
  const send: { oldest: { partition: number; sinceMs: number } | null; why: string | null } = {
    oldest: { partition: 2, sinceMs: 0 },
    why: null,
  };
  await watchSends(
    {
      get oldestSend() {
        return send.oldest;
      },
    },
    { troubleOf: (partition) => partition === 2 ? send.why : "another partition" },
    {
      reporter: {
        note: (line, event) => lines.push(`${nowMs} ${event}: ${line}`),
        progress: (line) => lines.push(line),
      },
      system: {
        clock: () => nowMs,
        signal: stop.signal,
        sleep: () => {
          nowMs += 1_000;
          looks++;
          if (looks === 4) send.why = "the broker answered NOT_LEADER_FOR_PARTITION";
          if (looks === 6) send.oldest = { partition: 1, sinceMs: nowMs };
          if (looks === 8) stop.abort();
          return Promise.resolve();
        },
      },
      progress: () => "sent 10",
      hasFailed: () => false,
    },
  );
  const reason = "waiting for Kafka: the broker answered NOT_LEADER_FOR_PARTITION (partition 2)";
  assertEquals(lines, [
    "2000 waiting: waiting for Kafka to acknowledge records of partition 2",
    "sent 10 · waiting for Kafka to acknowledge records of partition 2 for 0:02",
    "sent 10 · waiting for Kafka to acknowledge records of partition 2 for 0:03",
    `4000 waiting: ${reason}`,
    `sent 10 · ${reason} for 0:04`,
    `sent 10 · ${reason} for 0:05`,
    "6000 resumed: Kafka is back after 0:06",
  ]);
});
