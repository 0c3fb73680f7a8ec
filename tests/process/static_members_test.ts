import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { type GroupView, withGroup } from "../support/group.ts";
import { type ProgramFixture, type Running, withProgram } from "../support/program.ts";

const IDS = ["a", "b", "c", "d"];
const pause = () => new Promise((resolve) => setTimeout(resolve, 50));

interface Fixture extends ProgramFixture {
  view: GroupView;
  /** Starts a member. */
  begin(id: string): Running;
  /** Waits until that many records are settled. */
  settled(count: number): Promise<void>;
  /** By partition, the position. */
  positions(): Promise<number[]>;
}

/** A group whose members never lose their sessions during a test. */
function withStaticMembers(
  partitions: number,
  work: (fixture: Fixture) => Promise<void>,
): Promise<void> {
  return withProgram(
    { partitions },
    (fixture) =>
      withGroup(fixture.kafka, fixture.group, async (view) => {
        const { start, sql, schema, counts } = fixture;
        const running = new Set<Running>();
        const begin = (id: string) => {
          const process = start([
            ...["consume", "--follow", "--no-progress"],
            ...["-X", `kafka.group_instance_id=${id}`, "-X", "kafka.session_timeout=10m"],
          ]);
          running.add(process);
          process.ended.then(() => running.delete(process));
          return process;
        };
        const settled = async (count: number) => {
          while ((await counts()).next < count) await pause();
        };
        const positions = async () => {
          const rows = await sql.unsafe(
            `select next_offset::int as next from "${schema}".routes_sources order by partition`,
          );
          return rows.map(({ next }) => next);
        };
        try {
          await work({ ...fixture, view, begin, settled, positions });
        } finally {
          for (const process of running) process.kill("SIGKILL");
          await Promise.all([...running].map(({ ended }) => ended));
          await view.clear();
        }
      }),
  );
}

/** Starts the members, and waits until each has its share of the partitions. */
async function startAll({ begin, view, settled, routes }: Fixture): Promise<Map<string, Running>> {
  const running = new Map(IDS.map((id) => [id, begin(id)]));
  while ((await view.memberIds()).length < IDS.length || await view.state() !== "Stable") {
    await pause();
  }
  await produce(routes);
  await settled(RECORDS);
  return running;
}

const RECORDS = 800;

async function produce(routes: ProgramFixture["routes"]): Promise<void> {
  const sent = await routes(["produce", "-n", String(RECORDS), "--key", "none"]);
  assertEquals(sent.code, 0, sent.stderr);
}

for (const signal of ["SIGKILL", "SIGTERM"] as const) {
  Deno.test(`after ${signal} only the partitions of that member wait, and it reads them on when it is back`, () =>
    withStaticMembers(8, async (fixture) => {
      const { view, begin, settled, positions, routes } = fixture;
      const running = await startAll(fixture);
      const generation = await view.generation();
      let sent = RECORDS;
      // One of them is the leader of the group, and it makes no difference.
      for (const id of IDS) {
        running.get(id)!.kill(signal);
        await running.get(id)!.ended;
        const before = await positions();
        const members = await view.memberIds();
        await produce(routes);
        const others = before.length / IDS.length * (IDS.length - 1);
        const moved = async () => (await positions()).filter((at, i) => at > before[i]!).length;
        while (await moved() < others) await pause();
        assertEquals(await moved(), others, `the partitions of ${id} moved without it`);

        running.set(id, begin(id));
        await settled(sent += RECORDS);
        assertEquals(await view.generation(), generation, "the others had to join again");
        const isOf = (memberId: string) => memberId.startsWith(`${id}-`);
        const now = await view.memberIds();
        assertEquals(now.filter((name) => !isOf(name)), members.filter((name) => !isOf(name)));
        assertNotEquals(now.find(isOf), members.find(isOf));
      }
      assertEquals((await routes(["verify"])).code, 0);
    }));
}

Deno.test("partitions that were added while no member ran are read", () =>
  withStaticMembers(4, async (fixture) => {
    const { admin, topic, begin, settled, positions, routes } = fixture;
    for (const process of (await startAll(fixture)).values()) {
      process.kill("SIGKILL");
      await process.ended;
    }
    await admin.createPartitions({ topicPartitions: [{ topic, count: 6 }] });
    await produce(routes);
    for (const id of IDS) begin(id);
    await settled(2 * RECORDS);
    assertEquals((await positions()).length, 6);
  }));

Deno.test("of two processes with one group_instance_id, the older ends and says why, and the newer reads", () =>
  withStaticMembers(2, async (fixture) => {
    const { begin, settled, routes, group, view } = fixture;
    const older = begin("a");
    await produce(routes);
    await settled(RECORDS);
    const newer = begin("a");
    const { code, stderr } = await older.ended;
    assertEquals(code, 78, stderr);
    assertMatch(
      stderr,
      new RegExp(
        `^routes: another process took over group_instance_id = a in group "${group}"\n` +
          " {2}the broker answered FENCED_INSTANCE_ID\n" +
          " {2}fix: give each process a \\[kafka\\] group_instance_id of its own\n$",
        "m",
      ),
    );
    await produce(routes);
    await settled(2 * RECORDS);
    newer.kill("SIGTERM");
    assertEquals((await newer.ended).code, 0);
    assertEquals((await view.memberIds()).length, 1);
    assertEquals((await routes(["verify"])).code, 0);
  }));

Deno.test("check names a static member by its group_instance_id", () =>
  withStaticMembers(2, async ({ begin, settled, routes }) => {
    begin("worker-17");
    await produce(routes);
    await settled(RECORDS);
    const { code, stdout } = await routes(["check", "consume"]);
    assertEquals(code, 0, stdout);
    assert(stdout.includes(" worker-17 "), stdout);
  }));
