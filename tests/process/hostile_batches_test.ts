import { assert, assertEquals, assertMatch } from "@std/assert";
import { Buffer } from "node:buffer";
import { CompressionTypes } from "kafkajs";
import { openSender } from "../../src/kafka/sender.ts";
import { openAlteringProxy } from "../support/altering_proxy.ts";
import { watchMemory } from "../support/memory.ts";
import { type ProgramFixture, withProgram } from "../support/program.ts";
import { testSettings } from "../support/fixtures.ts";

const MIB = 1_048_576;
const RECORD = '{"userID":7,"timestamp":1732431234.5,"coordinates":[60.25,24.5]}';
const LARGE = { "max.message.bytes": String(16 * MIB) };
const never = new AbortController().signal;

/** The most memory that a command may use at any time. */
const MEMORY_MAX_MIB = 450;
const TIME_MAX_MS = 60_000;

/** Runs a command and gives how it ended, with the most memory that it used. */
async function measure(fixture: ProgramFixture, args: string[]) {
  const startedMs = performance.now();
  const running = fixture.start(args);
  const peakMib = await watchMemory(running.pid, running.ended);
  const ended = await running.ended;
  const what = `${args.join(" ")}: ${ended.stderr}`;
  assert(peakMib > 0 && peakMib < MEMORY_MAX_MIB, `${peakMib.toFixed()} MiB, ${what}`);
  assert(performance.now() - startedMs < TIME_MAX_MS, `too slow, ${what}`);
  return ended;
}

/** Odd records that a broker takes, each between two good ones in a partition of its own. */
const odd: [
  name: string,
  record: () => { value: Uint8Array | string; headers?: Record<string, Buffer> },
][] = [
  ["a value of 127 MiB", () => ({ value: Buffer.alloc(127 * MIB, "x") })],
  ["a value of 135 MiB", () => ({ value: Buffer.alloc(135 * MIB, "x") })],
  ["a header of 100 MiB", () => ({ value: RECORD, headers: { h: Buffer.alloc(100 * MIB) } })],
  [
    "1 001 headers",
    () => ({
      value: RECORD,
      headers: Object.fromEntries(
        Array.from({ length: 1_001 }, (_, i) => [`h${i}`, Buffer.alloc(0)]),
      ),
    }),
  ],
];

Deno.test({
  name: "a record that is too large costs one record, whatever it unpacks to",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withProgram({ partitions: odd.length, configs: LARGE }, async (fixture) => {
      const producer = fixture.kafka.producer();
      await producer.connect();
      for (const [partition, [, record]] of odd.entries()) {
        for (const message of [{ value: RECORD }, record(), { value: RECORD }]) {
          await producer.send({
            topic: fixture.topic,
            compression: CompressionTypes.GZIP,
            messages: [{ ...message, partition } as never],
          });
        }
      }
      await producer.disconnect();

      const consumed = await measure(fixture, ["consume"]);
      assertEquals(consumed.code, 0, consumed.stderr);
      const { rows, rejects, next } = await fixture.counts();
      assertEquals([rows, rejects, next], [2 * odd.length, odd.length, 3 * odd.length]);
      const verified = await measure(fixture, ["verify"]);
      assertEquals(verified.code, 0, verified.stderr);
      const shown = await measure(fixture, ["query", "--rejects", "--format", "ndjson"]);
      assertEquals(shown.code, 0, shown.stderr);
      for (const line of shown.stdout.trim().split("\n")) {
        const reject = JSON.parse(line);
        assertEquals(reject.code, "size");
        assertMatch(reject.message, /SHA-256 of its \d+ bytes: [0-9a-f]{64}$/);
      }
    }),
});

Deno.test({
  name: "a million empty values in one batch are as many rejects",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withProgram({ partitions: 1, configs: LARGE }, async (fixture) => {
      const count = 1_100_000;
      const sender = await openSender(fixture.kafka, {
        topic: fixture.topic,
        acks: "all",
        compression: "gzip",
        deadlineMs: 30_000,
        signal: never,
      });
      const { fault } = await sender.send(0, Array(count).fill({ key: null, value: "" }));
      await sender.close();
      assertEquals(fault, null);
      const { code, stderr } = await measure(fixture, ["consume", "--count", "100000"]);
      assertEquals(code, 0, stderr);
      assertEquals((await fixture.counts()).rejects, 100_000);
    }),
});

Deno.test({
  name: "twelve partitions of large records are read in small parts",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withProgram({ partitions: 12, configs: LARGE }, async (fixture) => {
      const producer = fixture.kafka.producer();
      await producer.connect();
      const value = RECORD.padEnd(MIB);
      // With six of 120 it takes minutes, and no more memory.
      const sizes = [20, 20, 20, 20, 20, 120];
      for (let partition = 0; partition < 12; partition++) {
        for (const count of sizes) {
          const messages = Array(count).fill({ value, partition });
          await producer.send({
            topic: fixture.topic,
            compression: CompressionTypes.GZIP,
            messages,
          });
        }
      }
      await producer.disconnect();
      const { code, stderr } = await measure(fixture, ["consume"]);
      assertEquals(code, 0, stderr);
      assertEquals((await fixture.counts()).rows, 12 * 220);
      assertEquals((await measure(fixture, ["verify"])).code, 0);
    }),
});

Deno.test("a batch with a flipped bit is one reject, and the others are stored", () =>
  withProgram({ partitions: 8 }, async (fixture) => {
    const producer = fixture.kafka.producer();
    await producer.connect();
    const odd = RECORD.replace("7", "4711");
    for (let partition = 0; partition < 8; partition++) {
      for (const [value, count] of [[RECORD, 1], [odd, 3], [RECORD, 1]] as const) {
        const messages = Array(count).fill({ value, partition });
        await producer.send({ topic: fixture.topic, messages });
      }
    }
    await producer.disconnect();
    const [broker] = testSettings().kafka.brokers;
    const proxy = await openAlteringProxy(Number(broker!.split(":")[1]), (response) => {
      for (let at; (at = response.indexOf("4711")) >= 0;) response[at]! ^= 1;
    });
    const through = ["-X", `kafka.bootstrap_servers=127.0.0.1:${proxy.port}`];
    try {
      const failed = await fixture.routes(["consume", "--on-reject", "fail", ...through]);
      assertEquals(failed.code, 65, failed.stderr);
      assertMatch(failed.stderr, /record rejected: partition \d, offset 1\n.*unreadable: .*1 to 3/);
      const { code, stderr } = await fixture.routes(["consume", ...through]);
      assertEquals(code, 0, stderr);
      const { rows, rejects, next } = await fixture.counts();
      assertEquals([rows, rejects, next], [16, 8, 40]);
      const verified = await fixture.routes(["verify", ...through]);
      assertEquals(verified.code, 0, verified.stderr);
    } finally {
      await proxy.close();
    }
    // The topic itself is whole, so the rejects are not what it has.
    const { code, stdout } = await fixture.routes(["verify"]);
    assertEquals(code, 65, stdout);
    const replayed = await fixture.routes(["consume", "--replay", "earliest", "--yes"]);
    assertEquals(replayed.code, 0, replayed.stderr);
    assertEquals((await fixture.counts()).rows, 40);
  }));
