import { assertEquals, assertRejects } from "@std/assert";
import type { MigrateOptions } from "../../../src/cli/commands/migrate.ts";
import { type MigrateDeps, runMigrate } from "../../../src/commands/migrate/migrate.ts";
import { OperationalError } from "../../../src/errors.ts";
import type { IndexState } from "../../../src/postgres/place_index.ts";
import type { Applied, Migration } from "../../../src/postgres/migration_plan.ts";

const defaults: MigrateOptions = {
  status: false,
  dryRun: false,
  createDatabase: false,
  topic: false,
  partitions: 3,
  replication: null,
  index: null,
  dropIndex: null,
  lockTimeoutMs: 10_000,
};

const known: Migration[] = [
  { version: 1, name: "tables", sql: "one", checksum: "a" },
  { version: 2, name: "index", sql: "two", checksum: "b" },
];

interface Changes {
  kafka?: Partial<MigrateDeps["kafka"]>;
  postgres?: Partial<MigrateDeps["postgres"]>;
  stdout?: MigrateDeps["stdout"];
}

/** A schema with this history; `steps` lists the calls in order. */
function fixtures(history: Applied[], changes: Changes = {}) {
  const steps: string[] = [];
  const index: { state: IndexState } = { state: "absent" };
  let printed = "";
  let nowMs = 0;
  const step = (name: string) => Promise.resolve(void steps.push(name));
  const deps: MigrateDeps = {
    known,
    database: "d",
    topic: "t",
    kafka: {
      createTopic: ({ partitions, replication }) =>
        step(`create topic ${partitions} ${replication}`)
          .then(() => ({ created: true, partitions })),
      ...changes.kafka,
    },
    postgres: {
      createDatabase: () => step("create database").then(() => "created"),
      checkDatabase: () => Promise.resolve(),
      applied: () => step("look").then(() => [...history]),
      lock: (ms) => step(`lock ${ms}`),
      unlock: () => step("unlock"),
      apply: (migration) => {
        nowMs += 12;
        history.push(migration);
        return step(`apply ${migration.version}`).then(() => true);
      },
      checkOriginal: () => step("check original").then(() => 0),
      placeIndex: {
        state: () => Promise.resolve(index.state),
        create: () => step("create index").then(() => void (index.state = "ready")),
        drop: () => step("drop index").then(() => void (index.state = "absent")),
      },
      script: ({ sql }) => `${sql};\n`,
      ...changes.postgres,
    },
    stdout: changes.stdout ?? { write: (text) => Promise.resolve(void (printed += text)) },
    system: { now: () => nowMs, isWindows: false },
  };
  const migrate = (options: Partial<MigrateOptions> = {}) =>
    runMigrate({ ...defaults, ...options }, deps);
  return { migrate, steps, index, history, printed: () => printed };
}

Deno.test("migrate applies pending migrations under the lock, in order, and prints each", async () => {
  const { migrate, steps, printed } = fixtures([]);
  assertEquals(await migrate(), {
    applied: ["0001 tables", "0002 index"],
    pending: [],
    failure: null,
  });
  assertEquals(steps, [
    "look",
    "lock 10000",
    "look",
    "check original",
    "apply 1",
    "apply 2",
    "unlock",
  ]);
  assertEquals(printed(), "applied 0001 tables (12 ms)\napplied 0002 index (12 ms)\n");
});

Deno.test("migrate checks for a table of the original program only before the first migration", async () => {
  const { migrate, steps } = fixtures([known[0]!]);
  assertEquals((await migrate()).applied, ["0002 index"]);
  assertEquals(steps, ["look", "lock 10000", "look", "apply 2", "unlock"]);
});

Deno.test("migrate reports an up-to-date database and takes no lock when nothing is pending", async () => {
  const { migrate, steps, printed } = fixtures([...known]);
  assertEquals(await migrate(), { applied: [], pending: [], failure: null });
  assertEquals([steps, printed()], [["look"], 'database "d": up to date\n']);
});

Deno.test("migrate skips what another run applied while this one waited", async () => {
  const { migrate, steps, history, printed } = fixtures([], {
    postgres: { lock: () => Promise.resolve(void history.push(...known)) },
  });
  assertEquals((await migrate()).applied, []);
  assertEquals([steps, printed()], [["look", "look", "unlock"], 'database "d": up to date\n']);
});

const fail = () => Promise.reject(new Error("why"));
const failing: [name: string, changes: Changes][] = [
  ["a migration", { postgres: { apply: fail } }],
  ["the look at the original table", { postgres: { checkOriginal: fail } }],
  ["printing", { stdout: { write: fail } }],
];

for (const [name, changes] of failing) {
  Deno.test(`migrate releases the lock and stops when ${name} fails`, async () => {
    const { migrate, steps } = fixtures([], changes);
    await assertRejects(() => migrate({ topic: true }), Error, "why");
    assertEquals([steps.at(-1), steps.includes("apply 2")], ["unlock", false]);
  });
}

Deno.test("migrate reports why it failed, not that it could not release the lock", async () => {
  const { migrate } = fixtures([], {
    postgres: { apply: fail, unlock: () => Promise.reject(new Error("connection lost")) },
  });
  await assertRejects(() => migrate(), Error, "why");
});

Deno.test("migrate stops before it looks at the history when the database cannot be used", async () => {
  const { migrate, steps } = fixtures([...known], {
    postgres: { checkDatabase: () => Promise.reject(new Error("why")) },
  });
  await assertRejects(() => migrate(), Error, "why");
  assertEquals(steps, []);
});

Deno.test("migrate does not release a lock that it did not get", async () => {
  const { migrate, steps } = fixtures([], {
    postgres: { lock: () => Promise.reject(new Error("held")) },
  });
  await assertRejects(() => migrate({ lockTimeoutMs: 1 }), Error, "held");
  assertEquals(steps, ["look"]);
});

Deno.test("migrate rejects an unknown history before it changes anything", async () => {
  for (const options of [{}, { status: true }, { dryRun: true }]) {
    const { migrate, steps, printed } = fixtures([{ version: 3, name: "later", checksum: "c" }]);
    const failure = await assertRejects(() => migrate(options), OperationalError, "newer");
    assertEquals([failure.kind, steps, printed()], ["settings", ["look"], ""]);
  }
});

Deno.test("migrate --status lists applied and pending, and fails while some are pending", async () => {
  const { migrate, steps, printed } = fixtures([known[0]!]);
  const done = await migrate({ status: true, createDatabase: true, topic: true });
  assertEquals([done.applied, done.pending], [["0001 tables"], ["0002 index"]]);
  const { kind, message, hint: fix } = done.failure!;
  assertEquals(message, '1 migration pending in database "d"');
  assertEquals([kind, fix], ["unavailable", ["routes migrate"]]);
  assertEquals([steps, printed()], [["look"], "applied 0001 tables\npending 0002 index\n"]);
});

Deno.test("migrate --status succeeds when nothing is pending", async () => {
  const { migrate, steps, printed } = fixtures([...known]);
  assertEquals(await migrate({ status: true }), {
    applied: ["0001 tables", "0002 index"],
    pending: [],
    failure: null,
  });
  assertEquals([steps, printed()], [["look"], "applied 0001 tables\napplied 0002 index\n"]);
});

Deno.test("migrate --dry-run prints the exact SQL of pending migrations and changes nothing", async () => {
  const { migrate, steps, printed } = fixtures([known[0]!]);
  const done = await migrate({ dryRun: true, createDatabase: true, topic: true });
  assertEquals(done, { applied: [], pending: ["0002 index"], failure: null });
  assertEquals([steps, printed()], [["look"], "two;\n"]);
});

Deno.test("migrate --create-database creates the database first, and does not mention an existing one", async () => {
  const fresh = fixtures([]);
  await fresh.migrate({ createDatabase: true });
  assertEquals(fresh.steps.slice(0, 2), ["create database", "look"]);
  assertEquals(fresh.printed().split("\n")[0], 'created database "d"');
  const old = fixtures([...known], {
    postgres: { createDatabase: () => Promise.resolve("exists") },
  });
  await old.migrate({ createDatabase: true });
  assertEquals(old.printed(), 'database "d": up to date\n');
});

const topics: [how: Partial<MigrateOptions>, found: number | null, line: string][] = [
  [{}, null, 'created topic "t" with 3 partitions'],
  [{ partitions: 1, replication: 2 }, null, 'created topic "t" with 1 partition'],
  [
    { partitions: 6 },
    3,
    'topic "t" already exists with 3 partitions\n' +
    "to add partitions, which changes the partition of some users: " +
    "kafka-topics.sh --alter --topic t --partitions 6",
  ],
  [{ partitions: 2 }, 3, 'topic "t" already exists with 3 partitions'],
];

for (const [how, found, line] of topics) {
  Deno.test(`migrate --topic prints ${line}`, async () => {
    const asked: unknown[] = [];
    const { migrate, printed } = fixtures([...known], {
      kafka: {
        createTopic: (how) => {
          asked.push(how);
          return Promise.resolve({ created: found === null, partitions: found ?? how.partitions });
        },
      },
    });
    await migrate({ topic: true, ...how });
    assertEquals(asked, [
      { partitions: how.partitions ?? 3, replication: how.replication ?? null },
    ]);
    assertEquals(printed(), `database "d": up to date\n${line}\n`);
  });
}

Deno.test("migrate creates no topic without --topic", async () => {
  const { migrate, steps } = fixtures([]);
  await migrate();
  assertEquals(steps.filter((step) => step.startsWith("create")), []);
});

Deno.test("migrate builds the index on places once, drops it, and shows its state", async () => {
  const { migrate, steps, index, printed } = fixtures([...known]);
  await migrate({ index: "place" });
  await migrate({ index: "place" });
  await migrate({ status: true });
  await migrate({ dropIndex: "place" });
  await migrate({ dropIndex: "place" });
  index.state = "broken";
  await migrate({ status: true });
  await migrate({ index: "place" });
  assertEquals(steps.filter((step) => step.includes("index")), [
    "create index",
    "drop index",
    "create index",
  ]);
  assertEquals(printed().split("\n").filter((line) => line.startsWith("index")), [
    "index place: ready (0 ms)",
    "index place: ready already",
    "index place ready",
    "index place: dropped (0 ms)",
    "index place: absent already",
    "index place broken: its building was interrupted; routes migrate --index place",
    "index place: ready (0 ms)",
  ]);
});
