import { type Cluster, sleep, until } from "./cluster.ts";
import type { Row } from "./matrix.ts";
import { withScenario } from "./with_scenario.ts";

/** Faults of Kafka while `routes produce` sends. */
export const producerRows: Row[] = [
  { id: 18, fault: "producing: answers lost, resets, the broker killed, Ctrl-C", run: produce },
];

/** Each run prints the acknowledged records; each of them must be in the topic exactly once. */
function produce(cluster: Cluster): Promise<string> {
  return withScenario(cluster, async (scenario) => {
    const { toKafka, kafka: { brokers: [broker] } } = cluster;
    const faults: [name: string, args: string[], inject: () => Promise<void>][] = [
      // One user, so one partition: the next send goes to the same partition as the lost one.
      ["answers lost", ["--users", "1"], async () => {
        for (let i = 0; i < 8; i++) {
          toKafka.down = { blackHole: true };
          await sleep(300 + cluster.draw(500));
          toKafka.reset();
          toKafka.down = {};
          await sleep(1_000);
        }
      }],
      ["resets", [], async () => {
        for (let i = 0; i < 5; i++) {
          toKafka.reset();
          await sleep(100 + cluster.draw(400));
        }
      }],
      ["broker killed", [], async () => {
        await broker!.stop("SIGKILL");
        await sleep(4_000);
        await broker!.start();
      }],
    ];
    const results: string[] = [];
    for (const [name, args, inject] of faults) {
      const seed = String(cluster.draw(1e6));
      const process = await scenario.start(
        [...args, "--count", "0", "--rate", "9000", "--batch-size", "100", "--tee", "--seed", seed],
        { verb: "produce" },
      );
      const acked = () => process.out.split("\n").slice(0, -1);
      try {
        await until(`${name}: sending`, () => acked().length > 500, 30_000);
        await inject();
        const before = acked().length;
        await until(`${name}: sending again`, () => acked().length > before + 500, 60_000);
      } catch (error) {
        process.kill("SIGKILL");
        await process.ended;
        scenario.feed.acked.push(...acked());
        await scenario.assertConsistent({}, { unfinished: true });
        throw new Error(`${error}\n${process.err}`);
      }
      process.kill("SIGINT");
      const { code } = await process.end(20_000);
      if (code !== 0) throw new Error(`${name}: ended with ${code}:\n${process.err}`);
      scenario.feed.acked.push(...acked());
      const [, printed] = /sent ([\d ]+) records/.exec(process.err) ?? [];
      if (printed?.replaceAll(" ", "") !== String(acked().length)) {
        throw new Error(
          `${name}: ${acked().length} acknowledged, but the summary is:\n${process.err}`,
        );
      }
      if (
        name === "broker killed" &&
        !/^waiting for Kafka[^]*^Kafka is back after /m.test(process.err)
      ) {
        throw new Error(`${name}: the wait was not noted:\n${process.err}`);
      }
      results.push(`${name}: ${acked().length}`);
    }
    for (let i = 0; i < 2; i++) await scenario.start();
    await scenario.catchUp();
    const what = await scenario.check();
    return `${what}; ${results.join(", ")}`;
  }, { processes: 0, perSecond: 0, partitions: 8 });
}
