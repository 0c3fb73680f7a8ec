import { type Arena, sleep, until } from "./arena.ts";
import type { Row } from "./matrix.ts";
import { withScene } from "./rows_processes.ts";

/** Faults of the way to Kafka while `routes produce` sends. */
export const producerRows: Row[] = [
  { id: 18, fault: "producing: answers lost, resets, the broker killed, Ctrl-C", run: produce },
];

/** Each run prints what was acknowledged; all of that, and nothing twice, must be in the topic. */
function produce(arena: Arena): Promise<string> {
  return withScene(arena, async (scene) => {
    const { toKafka, kafka: { brokers: [broker] } } = arena;
    const faults: [name: string, harm: () => Promise<void>][] = [
      ["answers lost", async () => {
        toKafka.down = { blackHole: true };
        await sleep(1_000);
        toKafka.down = {};
        toKafka.reset();
      }],
      ["resets", async () => {
        for (let i = 0; i < 5; i++) {
          toKafka.reset();
          await sleep(100 + arena.draw(400));
        }
      }],
      ["broker killed", async () => {
        await broker!.stop("SIGKILL");
        await broker!.start();
      }],
    ];
    const told: string[] = [];
    for (const [name, harm] of faults) {
      const process = await scene.start(
        [
          "--count",
          "0",
          "--rate",
          "3000",
          "--batch-size",
          "100",
          "--tee",
          "--seed",
          `${arena.draw(1e6)}`,
        ],
        { verb: "produce" },
      );
      const lines = () => process.out.split("\n").length;
      await until(`${name}: sending`, () => lines() > 500, 30_000);
      await harm();
      const before = lines();
      await until(`${name}: sending again`, () => lines() > before + 500, 60_000);
      process.kill("SIGINT");
      const { code } = await process.end(20_000);
      if (code !== 0) throw new Error(`${name}: ended with ${code}:\n${process.err}`);
      const acked = process.out.trimEnd().split("\n");
      scene.feed.acked.push(...acked);
      const [, said] = /sent ([\d ]+) records/.exec(process.err) ?? [];
      if (said?.replaceAll(" ", "") !== String(acked.length)) {
        throw new Error(`${name}: ${acked.length} acknowledged, but it says:\n${process.err}`);
      }
      told.push(`${name}: ${acked.length}`);
    }
    for (let i = 0; i < 2; i++) await scene.start();
    await scene.caughtUp();
    const what = await scene.check();
    return `${what}; ${told.join(", ")}`;
  }, { processes: 0, perSecond: 0, partitions: 3 });
}
