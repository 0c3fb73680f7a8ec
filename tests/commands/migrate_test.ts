import { assertEquals, assertRejects } from "@std/assert";
import { type MigrateDeps, type MigrateOptions, runMigrate } from "../../src/commands/migrate.ts";
import { Operation } from "../../src/failure.ts";
import type { Applied, Migration } from "../../src/plan.ts";

const defaults: MigrateOptions = {
  status: false,
  dryRun: false,
  createDatabase: false,
  topic: false,
  partitions: 3,
  replication: null,
  lockTimeoutMs: 10_000,
};

const step = (version: number): Migration => ({
  version,
  name: `step${version}`,
  sql: `select ${version}`,
  checksum: `sum${version}`,
});

/** A database in memory; `deeds` lists what was done to it, in order. */
function room(applied: number[] = [], changes: Partial<MigrateDeps> = {}) {
  const history: Applied[] = applied.map(step);
  const deeds: string[] = [];
  let printed = "";
  let nowMs = 0;
  const did = (deed: string) => Promise.resolve(void deeds.push(deed));
  const deps: MigrateDeps = {
    known: [1, 2].map(step),
    database: "routes",
    topicName: "tracks",
    createDatabase: () => did("create database").then(() => "created"),
    createTopic: ({ partitions, replication }) =>
      did(`create topic ${partitions} ${replication}`).then(() => "created"),
    applied: () => did("look").then(() => [...history]),
    lock: (ms) => did(`lock ${ms}`),
    unlock: () => did("unlock"),
    apply: (migration) => {
      nowMs += 7;
      history.push(migration);
      return did(`apply ${migration.version}`);
    },
    checkOriginal: () => did("check the original's table"),
    script: ({ sql }) => `begin; ${sql}; commit;\n`,
    out: (text) => Promise.resolve(void (printed += text)),
    now: () => nowMs,
    ...changes,
  };
  return {
    history,
    deeds,
    printed: () => printed,
    run: (options: Partial<MigrateOptions> = {}) => runMigrate({ ...defaults, ...options }, deps),
  };
}

const failing = (message: string) => () => Promise.reject(new Error(message));

Deno.test("migrate applies what is pending under the lock, and prints each", async () => {
  const { run, deeds, printed } = room();
  assertEquals(await run(), { applied: ["0001 step1", "0002 step2"], pending: [] });
  assertEquals(deeds, [
    "look",
    "lock 10000",
    "look",
    "check the original's table",
    "apply 1",
    "apply 2",
    "unlock",
  ]);
  assertEquals(printed(), "applied 0001 step1 (7 ms)\napplied 0002 step2 (7 ms)\n");
});

Deno.test("migrate that is run again finds all up to date, and takes no lock for it", async () => {
  const { run, deeds, printed } = room([1, 2]);
  assertEquals(await run(), { applied: [], pending: [] });
  assertEquals(deeds, ["look"]);
  assertEquals(printed(), 'database "routes": up to date\n');
});

Deno.test("migrate looks at the original's table only where that is still to be adopted", async () => {
  const { run, deeds } = room([1]);
  await run();
  assertEquals(deeds, ["look", "lock 10000", "look", "apply 2", "unlock"]);
});

Deno.test("migrate waits for another run and leaves alone what that has done", async () => {
  const { run, history, deeds, printed } = room([], {
    lock: () => Promise.resolve(void history.push(step(1), step(2))),
  });
  assertEquals(await run({ lockTimeoutMs: 5 }), { applied: [], pending: [] });
  assertEquals(deeds, ["look", "look", "unlock"]);
  assertEquals(printed(), 'database "routes": up to date\n');
});

Deno.test("migrate does nothing without the lock", async () => {
  const { run, deeds } = room([], { lock: failing("held by another") });
  await assertRejects(() => run({ topic: true }), Error, "held by another");
  assertEquals(deeds, ["look"]);
});

for (
  const [what, change] of [
    ["a migration fails", { apply: failing("syntax error") }],
    ["another table is in the way", { checkOriginal: failing("not the original's") }],
    ["nobody reads what it prints", { out: failing("closed pipe") }],
  ] as const
) {
  Deno.test(`migrate gives the lock back when ${what}`, async () => {
    const { run, deeds } = room([], change);
    await assertRejects(() => run({ topic: true }), Error);
    assertEquals(deeds.at(-1), "unlock");
    assertEquals(deeds.some((deed) => deed.startsWith("create topic")), false);
  });
}

Deno.test("migrate tells why a migration failed, not that the lock could not be given back", async () => {
  const { run } = room([], {
    apply: failing("connection lost"),
    unlock: failing("connection lost too"),
  });
  await assertRejects(() => run(), Error, "connection lost");
});

Deno.test("migrate stops at the first migration that fails, and keeps those before", async () => {
  const { run, history, printed } = room([], {
    apply: (migration) => {
      if (migration.version === 2) return Promise.reject(new Error("syntax error"));
      history.push(migration);
      return Promise.resolve();
    },
  });
  await assertRejects(() => run(), Error, "syntax error");
  assertEquals(history.map(({ version }) => version), [1]);
  assertEquals(printed(), "applied 0001 step1 (0 ms)\n");
});

Deno.test("migrate refuses a history that it does not know before it takes the lock", async () => {
  const { run, deeds } = room([1, 2, 3]);
  await assertRejects(() => run(), Operation, "the database is newer than this program");
  assertEquals(deeds, ["look"]);
});

Deno.test("migrate --create-database comes first, and is told when it made one", async () => {
  const { run, deeds, printed } = room([1, 2]);
  await run({ createDatabase: true });
  assertEquals(deeds, ["create database", "look"]);
  assertEquals(printed(), 'created database "routes"\ndatabase "routes": up to date\n');
});

Deno.test("migrate --create-database says nothing of a database that is there", async () => {
  const { run, printed } = room([1, 2], { createDatabase: () => Promise.resolve("exists") });
  await run({ createDatabase: true });
  assertEquals(printed(), 'database "routes": up to date\n');
});

Deno.test("migrate --topic makes the topic last, as it was asked for", async () => {
  const { run, deeds, printed } = room();
  await run({ topic: true, partitions: 12, replication: 3 });
  assertEquals(deeds.slice(-2), ["unlock", "create topic 12 3"]);
  assertEquals(printed().split("\n").at(-2), 'created topic "tracks" with 12 partitions');
});

Deno.test("migrate --topic leaves the replication to the broker", async () => {
  const { run, deeds, printed } = room([1, 2]);
  await run({ topic: true, partitions: 1 });
  assertEquals(deeds, ["look", "create topic 1 null"]);
  assertEquals(
    printed(),
    'database "routes": up to date\ncreated topic "tracks" with 1 partition\n',
  );
});

Deno.test("migrate --topic leaves a topic alone that is there", async () => {
  const { run, printed } = room([1, 2], { createTopic: () => Promise.resolve("exists") });
  await run({ topic: true, partitions: 12 });
  assertEquals(printed(), 'database "routes": up to date\ntopic "tracks": up to date\n');
});

Deno.test("migrate touches no topic unasked", async () => {
  const { run, deeds } = room();
  await run();
  assertEquals(deeds.filter((deed) => deed.startsWith("create")), []);
});

Deno.test("migrate --status lists what is applied, and is content when nothing is pending", async () => {
  const { run, deeds, printed } = room([1, 2]);
  assertEquals(await run({ status: true }), { applied: ["0001 step1", "0002 step2"], pending: [] });
  assertEquals(printed(), "applied 0001 step1\napplied 0002 step2\n");
  assertEquals(deeds, ["look"]);
});

Deno.test("migrate --status lists what is pending and ends with 69", async () => {
  const { run, deeds, printed } = room([1]);
  const failure = await assertRejects(() => run({ status: true }), Operation) as Operation;
  assertEquals([failure.kind, failure.message, failure.fix], [
    "unavailable",
    '1 pending in database "routes"',
    ["routes migrate"],
  ]);
  assertEquals(printed(), "applied 0001 step1\npending 0002 step2\n");
  assertEquals(deeds, ["look"]);
});

Deno.test("migrate --dry-run prints the exact SQL of what is pending and changes nothing", async () => {
  const { run, deeds, printed } = room([1]);
  assertEquals(await run({ dryRun: true }), { applied: [], pending: ["0002 step2"] });
  assertEquals(printed(), "begin; select 2; commit;\n");
  assertEquals(deeds, ["look"]);
});

Deno.test("migrate --dry-run prints nothing when nothing is pending", async () => {
  const { run, printed } = room([1, 2]);
  assertEquals(await run({ dryRun: true }), { applied: [], pending: [] });
  assertEquals(printed(), "");
});
