import { assert, assertEquals, assertMatch } from "@std/assert";
import { ConfigResourceTypes } from "kafkajs";
import { describeGroup } from "../support/consumer_groups.ts";
import { uniqueName } from "../support/fixtures.ts";
import { type ProgramFixture, withProgram } from "../support/program.ts";

const POINT = '{"userID":1,"timestamp":1.5,"coordinates":[2.5,3.5]}';
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Sends valid records; the keys repeat. */
async function send({ kafka, topic }: ProgramFixture, partition: number, count: number) {
  const producer = kafka.producer();
  await producer.connect();
  const messages = Array.from({ length: count }, (_, i) => {
    return { partition, key: `${i % 3}`, value: POINT };
  });
  await producer.send({ topic, messages });
  await producer.disconnect();
}

/** Sends valid records in one transaction, which adds a marker. */
async function transact(
  { kafka, topic }: ProgramFixture,
  partition: number,
  count: number,
  end: "commit" | "abort",
) {
  const transactionalId = uniqueName("tx");
  const producer = kafka.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  const transaction = await producer.transaction();
  const messages = Array.from({ length: count }, () => ({ partition, value: POINT }));
  await transaction.send({ topic, messages });
  await transaction[end]();
  await producer.disconnect();
}

async function compactFromNowOn({ admin, topic }: ProgramFixture) {
  const entries = {
    "cleanup.policy": "compact",
    "segment.ms": "500",
    "min.cleanable.dirty.ratio": "0.01",
  };
  const configEntries = Object.entries(entries).map(([name, value]) => ({ name, value }));
  const type = ConfigResourceTypes.TOPIC;
  await admin.alterConfigs({
    validateOnly: false,
    resources: [{ type, name: topic, configEntries }],
  });
}

/** Has the broker compact a partition that was consumed. */
async function compact(fixture: ProgramFixture, partition: number): Promise<void> {
  await compactFromNowOn(fixture);
  const pattern = new RegExp(`partition ${partition}: \\d+ consumed records are no longer in`);
  do {
    // Only closed segments are compacted, and a new record closes a segment after its time.
    await pause(1_000);
    await send(fixture, partition, 1);
  } while (!pattern.test((await fixture.routes(["verify"])).stdout));
}

interface Line {
  partition: number;
  position: number | null;
  committed: number | null;
  end: number;
  lag: number;
}

/** The lines of `check consume`; fails where Kafka's own tool says something else. */
async function compared(fixture: ProgramFixture): Promise<Line[]> {
  const checked = await fixture.routes(["check", "consume", "--json"]);
  assertEquals(checked.code, 0, checked.stdout);
  const { checks } = JSON.parse(checked.stdout);
  const group = checks.at(-1);
  assertEquals(group.check, "group");
  const lines: Line[] = group.partitions;
  const tool = await describeGroup(fixture.group);
  assert(tool.length > 0);
  for (const { partition, committed, end, lag } of tool) {
    const line = lines[partition]!;
    assertEquals([line.committed, line.end, line.lag], [committed, end, lag], `${partition}`);
    assertEquals(line.position, line.committed, `${partition}`);
  }
  assertEquals(group.lag, lines.reduce((sum, { lag }) => sum + lag, 0));
  return lines;
}

/** Consumes to the end, after which every part of the program says that nothing is left. */
async function consumeAll(fixture: ProgramFixture): Promise<void> {
  const { code, stderr } = await fixture.routes(["consume"]);
  assertEquals(code, 0, stderr);
  assertMatch(stderr, / · lag 0\n$/);
  assert((await compared(fixture)).every(({ lag }) => lag === 0));
  assertMatch((await fixture.routes(["verify"])).stderr, /are accounted for, each once\n$/);
}

Deno.test("the lag is that of Kafka's own tool: markers, aborted records, compaction, empty and new partitions", () =>
  withProgram({ partitions: 4 }, async (fixture) => {
    await send(fixture, 0, 20);
    await transact(fixture, 0, 5, "commit");
    await send(fixture, 1, 10);
    await transact(fixture, 1, 16, "abort");
    await send(fixture, 2, 30);
    await consumeAll(fixture);
    await transact(fixture, 0, 2, "abort");
    await compact(fixture, 2);
    await send(fixture, 3, 4);
    const behind = (await compared(fixture)).map(({ lag }) => lag);
    // Whether the aborted records can be read is only known when they are.
    assertEquals([behind[0], behind[1], behind[3]], [3, 0, 4]);
    assert(behind[2]! > 0);
    await consumeAll(fixture);

    const grown = { topicPartitions: [{ topic: fixture.topic, count: 5 }] };
    await fixture.admin.createPartitions(grown);
    await send(fixture, 4, 3);
    const [, , , , added] = await compared(fixture);
    assertEquals(added, { ...added!, position: null, committed: null, end: 3, lag: 3 });
    await consumeAll(fixture);
  }));

Deno.test("consume --follow passes markers in the database and in Kafka while it waits for more", () =>
  withProgram({ partitions: 1 }, async (fixture) => {
    const following = fixture.start(["consume", "--follow", "--flush", "100ms"]);
    await send(fixture, 0, 5);
    await transact(fixture, 0, 3, "abort");
    while ((await fixture.counts()).next !== 9) await pause(50);
    const committed = async () => {
      const [topic] = await fixture.admin.fetchOffsets({
        groupId: fixture.group,
        topics: [fixture.topic],
      });
      return topic?.partitions[0]?.offset;
    };
    while (await committed() !== "9") await pause(50);
    following.kill("SIGTERM");
    assertEquals((await following.ended).code, 0);
    assertEquals(await fixture.counts(), {
      rows: 5,
      rejects: 0,
      next: 9,
      stored: 5,
      rejected: 0,
      tombstones: 0,
    });
  }));
