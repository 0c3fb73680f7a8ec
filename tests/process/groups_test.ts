import { assert, assertEquals, assertMatch } from "@std/assert";
import { awaitLeaders } from "../../src/kafka/topic.ts";
import { uniqueName } from "../support/fixtures.ts";
import { startLibrdkafka } from "../support/librdkafka.ts";
import { type ProgramFixture, withProgram } from "../support/program.ts";

const hasPython = await new Deno.Command("python3", { args: ["-m", "venv", "--help"] }).output()
  .then(({ success }) => success, () => false);

const others: [name: string, settings: string[], conflict: string][] = [
  ["KIP-848 consumer", ["group.protocol=consumer"], "uses the consumer protocol (KIP-848)"],
  [
    "range assignor",
    ["partition.assignment.strategy=range", "session.timeout.ms=6000"],
    'uses the assignor "range"',
  ],
];
for (const [name, settings, conflict] of others) {
  Deno.test({
    name: `a ${name} that owns the partitions is named, never taken for the end of the work`,
    ignore: !hasPython,
    fn: () =>
      withProgram({ partitions: 3 }, async (fixture) => {
        const { topic, group, routes, start, counts } = fixture;
        assertEquals((await routes(["produce", "-n", "300", "--key", "none"])).code, 0);
        const other = await startLibrdkafka(topic, group, settings);
        try {
          const refused = await routes(["consume"]);
          assertEquals(refused.code, 69, refused.stderr);
          assertMatch(refused.stderr, / · lag 300\n/);
          const owner = /member rdkafka-\S{4} \(127\.0\.0\.1, partitions 0, 1, 2\) (.*)\n/;
          assertEquals(owner.exec(refused.stderr)?.[1], conflict, refused.stderr);
          assert(refused.stderr.includes(`-X kafka.group_id=${group}-2\n`), refused.stderr);

          const checked = await routes(["check", "consume"]);
          assertEquals(checked.code, 69, checked.stdout);
          assert(checked.stdout.includes(` ${conflict}\n`), checked.stdout);

          const following = start(["consume", "--follow", "--http", "127.0.0.1:0"]);
          const [, url] = await following.said(/^listening on (http:\S+)$/m);
          await following.said(new RegExp(`is also used for other work.*${group}-2$`, "m"));
          const ready = await fetch(`${url}/ready`);
          await ready.body?.cancel();
          assertEquals(ready.status, 503);
          await other.stop("SIGTERM");
          while ((await counts()).next < 300) await pause();
          following.kill("SIGTERM");
          assertEquals((await following.ended).code, 0);
        } finally {
          await other.stop("SIGKILL").catch(() => {});
        }
        const own = await routes(["consume", "-X", `kafka.group_id=${group}-2`]);
        assertEquals(own.code, 0, own.stderr);
      }),
  });
}

const pause = () => new Promise((resolve) => setTimeout(resolve, 100));

/** Creates a second topic, and removes it afterwards. */
async function withSecondTopic(
  { admin, kafka }: ProgramFixture,
  work: (topic: string) => Promise<void>,
): Promise<void> {
  const topic = uniqueName("topic");
  await admin.createTopics({ topics: [{ topic, numPartitions: 3 }], waitForLeaders: false });
  const other = kafka.admin();
  await other.connect();
  try {
    await awaitLeaders(other, topic);
    await work(topic);
  } finally {
    await other.deleteTopics({ topics: [topic] });
    await other.disconnect();
  }
}

Deno.test("two topics need two groups: one given group is refused, and the default groups differ", () =>
  withProgram({ partitions: 3 }, (fixture) =>
    withSecondTopic(fixture, async (second) => {
      const { group, topic, routes, start, counts, dir } = fixture;
      const flags = ["-X", `kafka.topic=${second}`];
      for (const set of [[], flags]) {
        const sent = await routes(["produce", "-n", "300", "--key", "none", ...set]);
        assertEquals(sent.code, 0, sent.stderr);
      }
      const first = start(["consume", "--follow"]);
      while ((await counts()).next < 300) await pause();
      const refused = await routes(["consume", ...flags]);
      assertEquals(refused.code, 69, refused.stderr);
      assertMatch(refused.stderr, / · lag 300\n/);
      assertMatch(
        refused.stderr,
        new RegExp(
          `group "${group}" is also used .*\n.*member routes-\\S+ \\(.*\\) reads topic "${topic}"`,
        ),
      );
      const schema = `${fixture.schema}_2`;
      const place = ["-X", `postgresql.schema=${schema}`];
      try {
        assertEquals((await routes(["migrate", ...place])).code, 0);
        const elsewhere = await routes(["consume", ...place]);
        assertEquals(elsewhere.code, 69, elsewhere.stderr);
        assertMatch(elsewhere.stderr, new RegExp(` stores into .* schema ${fixture.schema}\n`));
      } finally {
        await fixture.sql.unsafe(`drop schema if exists "${schema}" cascade`);
      }

      // Without a group_id, both run side by side.
      const file = `${dir}/host_settings.ini`;
      const text = await Deno.readTextFile(file);
      await Deno.writeTextFile(file, text.replace(/^group_id.*\n/m, ""));
      const other = await routes(["consume", ...flags]);
      assertEquals(other.code, 0, other.stderr);
      assertMatch(other.stderr, / 300 stored.* · lag 0\n$/);
      first.kill("SIGTERM");
      assertEquals((await first.ended).code, 0);
    })));

Deno.test("two runs that join one group for two topics at the same moment never report a false end", () =>
  withProgram({ partitions: 3 }, (fixture) =>
    withSecondTopic(fixture, async (second) => {
      const { routes } = fixture;
      const sets = [[], ["-X", `kafka.topic=${second}`]];
      for (const set of sets) await routes(["produce", "-n", "300", "--key", "none", ...set]);
      const ended = await Promise.all(sets.map((set) => routes(["consume", ...set])));
      for (const { code, stderr } of ended) {
        assert([0, 69].includes(code), stderr);
        assertMatch(
          stderr,
          code === 0 ? / 300 stored.* · lag 0\n$/ : /is also used for other work/,
        );
      }
      for (const set of sets) {
        const { code, stderr } = await routes(["consume", ...set]);
        assertEquals(code, 0, stderr);
      }
      assertEquals((await fixture.counts()).next, 600);
    })));
