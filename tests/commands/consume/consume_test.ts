import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  type ConsumeDeps,
  runConsume,
  type RunOptions,
} from "../../../src/commands/consume/consume.ts";
import { type ErrorKind, OperationalError } from "../../../src/errors.ts";
import { type Health, readiness } from "../../../src/commands/consume/health.ts";
import type { Range } from "../../../src/record/offsets.ts";
import type { BatchHandler } from "../../../src/kafka/reader.ts";
import type { Member } from "../../../src/kafka/group.ts";
import type { Source } from "../../../src/postgres/store.ts";
import type { Message } from "../../../src/record/validate.ts";
import { fakeClock } from "../../fakes/fake_clock.ts";

const NOW_MS = 1_764_000_000_000;

const defaults: RunOptions = {
  follow: false,
  count: null,
  idleMs: null,
  from: null,
  until: null,
  batchSize: 4,
  onReject: "keep",
  maxRejects: null,
  acceptLoss: false,
  tee: false,
  strict: false,
};

/** What PostgreSQL throws while it is unavailable. */
class Unavailable extends Error {}

/** What Kafka throws. */
class KafkaFailure extends Error {
  constructor(message: string, readonly kind: ErrorKind = "temporary") {
    super(message);
  }
}

/** The topic, the database and the events of a test; values by partition, oldest first, one per second from NOW_MS on. */
interface Scenario {
  log: Record<number, (string | null)[]>;
  /** Positions of the partitions that were read before. */
  stored: Record<number, number>;
  /** Called before each database call; may throw as PostgreSQL does. */
  database(call: "sources" | "settle" | "position", controls: Controls): void;
  /** Called before each membership, counted from 1; may throw as Kafka does. */
  kafka(round: number, controls: Controls, signal: AbortSignal): Promise<void> | void;
  offsetsAt(ms: number): Map<number, number>;
  /** The members of the group; none by default. */
  members(controls: Controls): Member[];
  /** Called before Kafka returns the offset ranges; may throw as Kafka does. */
  ranges(): void;
  /** Called when nothing was read; may throw as Kafka does without the right to read. */
  mayRead(): void;
  /** Runs at the same time. */
  meanwhile(controls: Controls): Promise<void>;
  now(): number;
  clock(): number;
}

/** What a scenario can read and change. */
interface Controls {
  log: Map<number, (string | null)[]>;
  rows: Map<number, number>;
  stop: AbortController;
  /** Of the last membership. */
  partitions: BatchHandler | null;
  /** The health of the run; null before it has started. */
  health(): Health | null;
  nowMs(): number;
  sleep(ms: number): Promise<void>;
}

/** A run with a fake clock, and maps in place of Kafka and PostgreSQL. */
async function run(changes: Partial<RunOptions>, scenario: Partial<Scenario> = {}) {
  const time = fakeClock(NOW_MS);
  const stop = new AbortController();
  const log = new Map(Object.entries(scenario.log ?? {}).map(([p, values]) => [+p, values]));
  const rows = new Map(Object.entries(scenario.stored ?? {}).map(([p, next]) => [+p, next]));
  const controls: Controls = {
    log,
    rows,
    stop,
    partitions: null,
    health: () => null,
    nowMs: time.now,
    sleep: (ms) => time.sleep(ms, forever),
  };
  const notes: string[] = [];
  const warnings: string[] = [];
  const progress: string[] = [];
  const stored: string[] = [];
  const losses: [source: number, from: number, to: number][] = [];
  let printed = "";
  let rounds = 0;
  const ranges = () =>
    attempt(() => {
      scenario.ranges?.();
      return new Map([...log].map(([p, { length }]): [number, Range] => {
        return [p, { low: 0, high: length }];
      }));
    });
  const deps: ConsumeDeps = {
    topic: "t",
    topicId: null,
    claim: { groupId: "g", topic: "t", destination: "here" },
    sessionTimeoutMs: 45_000,
    kafka: {
      members: () => Promise.resolve(scenario.members?.(controls) ?? []),
      ranges,
      offsetsAt: (ms) =>
        attempt(() =>
          scenario.offsetsAt?.(ms) ??
            new Map([...log].map(([p, { length }]) => {
              return [p, Math.min(Math.max(Math.ceil((ms - NOW_MS) / 1000), 0), length)];
            }))
        ),
      mayRead: () => attempt(() => scenario.mayRead?.()),
      read: async (handler, admit, signal) => {
        await admit();
        rounds++;
        controls.partitions = handler;
        await attempt(() => scenario.kafka?.(rounds, controls, signal));
        if (!signal.aborted) await readLog(handler, log, time.sleep, signal);
      },
      explain: (error) =>
        error instanceof KafkaFailure
          ? new OperationalError(error.kind, error.message, { hint: "wait" })
          : error as Error,
    },
    postgres: {
      refusal: () => Promise.resolve(null),
      sources: () =>
        attempt(() => {
          scenario.database?.("sources", controls);
          return [...rows].map(([partition, nextOffset]): Source => {
            const counts = { stored: 0, rejected: 0, tombstones: 0, tombstonesTo: 0 };
            return {
              id: partition + 100,
              partition,
              topicId: null,
              nextOffset,
              last: null,
              ...counts,
            };
          });
        }),
      addSources: (starts) => {
        for (const [partition, start] of starts) rows.set(partition, start);
        return Promise.resolve();
      },
      pass: (moves) =>
        attempt(() =>
          moves.map(({ source, from, to }) => {
            if (rows.get(source - 100) !== from) return false;
            rows.set(source - 100, to);
            return true;
          })
        ),
      skip: (source, from, to) => {
        losses.push([source, from, to]);
        rows.set(source - 100, to);
        return Promise.resolve(true);
      },
      write: (steps) =>
        attempt(() => {
          scenario.database?.("settle", controls);
          return steps.map(({ source, from, to, validated: { points } }) => {
            if (rows.get(source - 100) !== from) return false;
            rows.set(source - 100, to);
            stored.push(...points.offsets.map((offset) => `${source - 100}:${offset}`));
            return true;
          });
        }),
      position: (source) =>
        attempt(() => {
          scenario.database?.("position", controls);
          return rows.get(source - 100) ?? null;
        }),
      fingerprint: () => "",
      judge: (error) => ({ act: error instanceof Unavailable ? "wait" : "stop", state: "" }),
      explain: (error) => {
        if (!(error instanceof Unavailable)) return error as Error;
        return new OperationalError("unavailable", "cannot reach it", {
          reason: error.message,
          hint: "wait",
        });
      },
    },
    reporter: {
      note: (line) => notes.push(line),
      warn: (line) => warnings.push(line),
      progress: (line) => progress.push(line),
    },
    system: {
      now: scenario.now ?? time.now,
      clock: scenario.clock ?? time.now,
      sleep: time.sleep,
      random: () => 2 ** 31,
      signal: stop.signal,
    },
    stdout: { write: (text) => Promise.resolve(void (printed += text)) },
    metrics: { started: (health) => controls.health = health, settled: () => {} },
  };
  try {
    void scenario.meanwhile?.(controls);
    const [tally, failure] = await runConsume({ ...defaults, ...changes }, deps)
      .then(
        ({ summary, failure }) => [summary, failure] as const,
        (error: Error) => [null, error] as const,
      );
    const summary = notes.at(-1)?.startsWith("read ") ? notes.pop() : undefined;
    const ranForMs = time.now() - NOW_MS;
    return {
      tally,
      failure,
      notes,
      warnings,
      summary,
      progress,
      printed,
      stored,
      rows,
      rounds,
      ranForMs,
    };
  } finally {
    time.close();
  }
}

/** Reads as the only member of the group: the partitions in turn, up to 1000 records at a time, then waits for more. */
async function readLog(
  partitions: BatchHandler,
  log: Controls["log"],
  sleep: ConsumeDeps["system"]["sleep"],
  signal: AbortSignal,
): Promise<void> {
  const positions = await partitions.assign([...log.keys()], signal);
  while (!signal.aborted) {
    for (const [partition, from] of positions) {
      const values = log.get(partition)!;
      const messages = values.slice(from, from + 1000).map((value, i) => record(from + i, value));
      if (messages.length === 0 || signal.aborted) continue;
      const next = await partitions.handleBatch({
        partition,
        from,
        messages,
        signal,
      });
      if (next === null) positions.delete(partition);
      else positions.set(partition, next);
    }
    await sleep(500, signal);
  }
}

function record(offset: number, value: string | null): Message {
  const bytes = value === null ? null : new TextEncoder().encode(value);
  return { offset: String(offset), timestamp: "0", key: null, value: bytes, headers: [] };
}

function attempt<T>(work: () => T): Promise<Awaited<T>> {
  return Promise.resolve().then(work) as Promise<Awaited<T>>;
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
}

const forever = new AbortController().signal;
const line = (n: number) => `{"userID":${n},"timestamp":24.0,"coordinates":[1.5,2.0]}`;
const lines = (count: number) => Array.from({ length: count }, (_, n) => line(n));
const offsets = (partition: number, count: number) =>
  Array.from({ length: count }, (_, offset) => `${partition}:${offset}`);
const kindOf = (failure: Error | null) => failure instanceof OperationalError ? failure.kind : null;

Deno.test("consume reads to the end of the topic as it was at the start, and stops", async () => {
  const { tally, failure, stored } = await run({}, {
    log: { 0: lines(25), 1: [], 2: lines(3) },
    meanwhile: async ({ sleep, log }) => {
      await sleep(1);
      log.get(2)!.push(line(3));
    },
  });
  assertEquals(failure, null);
  assertEquals(stored.toSorted(), [...offsets(0, 25), ...offsets(2, 3)].toSorted());
  assertEquals([tally?.read, tally?.stored], [28, 28]);
});

Deno.test("consume does not join the group when there is nothing to read", async () => {
  const { failure, rounds, summary } = await run({}, { log: { 0: lines(5) }, stored: { 0: 5 } });
  assertEquals([failure, rounds], [null, 0]);
  assertEquals(
    summary,
    "read 0 records in 0.0 s (0/s): 0 stored, 0 rejected, 0 tombstones · lag 0",
  );
});

Deno.test("consume that had nothing to read checks that it has the right to read", async () => {
  const mayRead = () => {
    throw new OperationalError("noPermission", "no right", { hint: "ask for it" });
  };
  const ended = async (records: number, stored: Record<number, number>) => {
    const { failure } = await run({}, { log: { 0: lines(records) }, stored, mayRead });
    return kindOf(failure);
  };
  assertEquals(await ended(0, {}), "noPermission");
  assertEquals(await ended(5, { 0: 5 }), "noPermission");
  assertEquals(await ended(5, {}), null);
});

Deno.test("consume --count stops after that many records over all partitions", async () => {
  const { tally, failure, rows } = await run({ count: 13 }, {
    log: { 0: lines(10), 1: lines(10) },
  });
  assertEquals(failure, null);
  assertEquals([tally?.read, rows], [13, new Map([[0, 10], [1, 3]])]);
});

Deno.test("consume --idle stops that long after the last record", async () => {
  const { failure, stored, ranForMs } = await run({ follow: true, idleMs: 10_000 }, {
    log: { 0: lines(2) },
    meanwhile: async ({ sleep, log }) => {
      await sleep(8_000);
      log.get(0)!.push(line(2));
    },
  });
  assertEquals([failure, stored], [null, offsets(0, 3)]);
  assert(ranForMs >= 18_000 && ranForMs < 19_000, `${ranForMs}`);
});

Deno.test("consume --idle does not count the time that the group takes to assign the partitions", async () => {
  const { stored } = await run({ follow: true, idleMs: 2_000 }, {
    log: { 0: lines(2) },
    kafka: (_round, { sleep }) => sleep(3_000),
  });
  assertEquals(stored, offsets(0, 2));
});

Deno.test("consume --idle does not count the time in which the database is unavailable", async () => {
  const { failure, stored } = await run({ follow: true, idleMs: 5_000 }, {
    log: { 0: lines(2) },
    database: (call, { nowMs }) => {
      if (call === "settle" && nowMs() < NOW_MS + 30_000) throw new Unavailable("nothing listens");
    },
  });
  assertEquals([failure, stored], [null, offsets(0, 2)]);
});

Deno.test("consume --until a time in the past stops before the first record that is not older", async () => {
  const { failure, stored } = await run({ until: { at: "time", ms: NOW_MS - 1 } }, {
    log: { 0: lines(9), 1: lines(9) },
    offsetsAt: () => new Map([[0, 4], [1, 0]]),
  });
  assertEquals([failure, stored], [null, offsets(0, 4)]);
});

Deno.test("consume --until a time in the future waits for it, and until Kafka returns the offsets of that time", async () => {
  let asked = 0;
  const { failure, stored, ranForMs } = await run({ until: { at: "time", ms: NOW_MS + 6_000 } }, {
    log: { 0: lines(2) },
    meanwhile: async ({ sleep, log }) => {
      await sleep(3_000);
      log.get(0)!.push(line(2));
    },
    offsetsAt: () => {
      if (++asked < 3) throw new KafkaFailure("no leader");
      return new Map([[0, 3]]);
    },
  });
  assertEquals([failure, stored, asked], [null, offsets(0, 3), 3]);
  assert(ranForMs >= 8_000 && ranForMs < 9_000, `${ranForMs}`);
});

Deno.test("consume stops with a correct summary when the signal aborts", async () => {
  const { tally, failure } = await run({ follow: true }, {
    log: { 0: lines(7) },
    meanwhile: ({ sleep, stop }) => sleep(5_000).then(() => stop.abort()),
  });
  assertEquals([failure, tally?.stored, tally?.lag], [null, 7, 0]);
});

Deno.test("consume that was stopped before it started reads nothing", async () => {
  const { failure, rounds } = await run({ follow: true }, {
    log: { 0: lines(7) },
    meanwhile: ({ stop }) => Promise.resolve(stop.abort()),
  });
  assertEquals([failure, rounds], [null, 0]);
});

Deno.test("consume --max-rejects stops when there are more, and its hint shows how to list them", async () => {
  const log = { 0: [line(0), "{", line(2), "{", line(4), "{", line(6)] };
  const { failure, summary } = await run({ maxRejects: 1, batchSize: 2 }, { log });
  assertEquals([kindOf(failure), failure?.message], ["data", "2 records rejected, more than 1"]);
  assertEquals((failure as OperationalError).hint, ["routes query --rejects"]);
  assertMatch(summary!, /: 2 stored, 2 rejected \(json_syntax 2\), 0 tombstones · lag 3$/);
  assertEquals((await run({ maxRejects: 3 }, { log })).failure, null);
});

Deno.test("consume --on-reject fail stores the records before the first reject and stops", async () => {
  const { failure, stored } = await run({ onReject: "fail" }, {
    log: { 0: [line(0), line(1), line(2), "{}", line(4)] },
  });
  assertEquals([kindOf(failure), stored], ["data", offsets(0, 3)]);
  assertEquals(failure?.message, "record rejected: partition 0, offset 3");
});

Deno.test("consume --from starts there, and is refused when the topic was read before", async () => {
  const log = { 0: lines(9) };
  const last: RunOptions["from"] = { at: "last", count: 2 };
  assertEquals((await run({ from: last }, { log })).stored, ["0:7", "0:8"]);
  const { failure, summary, rounds } = await run({ from: last }, { log, stored: { 0: 5 } });
  assertEquals(kindOf(failure), "data");
  assertEquals(
    failure?.message,
    '--from is refused: topic "t" was already read',
  );
  assertEquals([summary, rounds], [undefined, 0]);
});

Deno.test("consume ends at once when the database is unavailable at the start", async () => {
  const { failure, notes, summary } = await run({ follow: true }, {
    log: { 0: lines(2) },
    database: () => {
      throw new Unavailable("nothing listens");
    },
  });
  assertEquals([kindOf(failure), notes, summary], ["unavailable", [], undefined]);
});

Deno.test("consume waits for an unavailable database and notes each reason once per outage", async () => {
  let calls = 0;
  const { failure, notes, stored } = await run({ batchSize: 2 }, {
    log: { 0: lines(4) },
    database: (call) => {
      // The first step fails for two reasons in turn, the second step for one of them again.
      if (call === "sources" || ++calls === 7 || calls > 8) return;
      throw new Unavailable(calls % 2 === 0 ? "shutting down" : "nothing listens");
    },
  });
  assertEquals([failure, stored], [null, offsets(0, 4)]);
  assertEquals(notes, [
    "waiting for PostgreSQL: cannot reach it: nothing listens",
    "waiting for PostgreSQL: cannot reach it: shutting down",
    "PostgreSQL is back after 0:12",
  ]);
});

Deno.test("consume notes the next outage of the database again", async () => {
  let calls = 0;
  const { notes } = await run({ batchSize: 2 }, {
    log: { 0: lines(4) },
    database: (call) => {
      if (call === "settle" && ++calls % 2 === 1) throw new Unavailable("nothing listens");
    },
  });
  assertEquals(notes, [
    "waiting for PostgreSQL: cannot reach it: nothing listens",
    "waiting for PostgreSQL: cannot reach it: nothing listens",
  ]);
});

Deno.test("consume without --follow waits two minutes for the database, even after a long time without records", async () => {
  let outageAtMs = 0;
  const { failure, notes, stored, ranForMs } = await run({
    until: { at: "time", ms: NOW_MS + 1e7 },
  }, {
    log: { 0: [] },
    meanwhile: async ({ sleep, log }) => {
      await sleep(150_000);
      log.get(0)!.push(line(0));
    },
    database: (call, { nowMs }) => {
      if (call === "sources") return;
      outageAtMs ||= nowMs();
      throw new Unavailable("nothing listens");
    },
  });
  assertEquals([kindOf(failure), failure?.message], ["unavailable", "cannot reach it"]);
  assertEquals([notes.length, stored], [1, []]);
  const waitedMs = NOW_MS + ranForMs - outageAtMs;
  assert(waitedMs > 120_000 && waitedMs < 126_000, `${waitedMs}`);
});

Deno.test("consume --follow waits for the database without a limit, and stays in the group", async () => {
  const { failure, stored, rounds } = await run({ follow: true, count: 3 }, {
    log: { 0: lines(3) },
    database: (call, { nowMs }) => {
      if (call !== "sources" && nowMs() < NOW_MS + 200_000) {
        throw new Unavailable("nothing listens");
      }
    },
  });
  assertEquals([failure, stored, rounds], [null, offsets(0, 3), 1]);
});

Deno.test("consume reads again after a failure of Kafka", async () => {
  const { failure, notes, stored, rounds } = await run({}, {
    log: { 0: lines(3) },
    kafka: (round) => {
      if (round < 4) throw new KafkaFailure(`no leader ${round}`);
    },
  });
  assertEquals([failure, stored, rounds], [null, offsets(0, 3), 4]);
  assertEquals(notes, [1, 2, 3].map((round) => `reading again after: no leader ${round}`));
});

Deno.test("consume gives up after two minutes of attempts without progress", async () => {
  const { failure, notes, rounds } = await run({ follow: true }, {
    log: { 0: lines(3) },
    kafka: (round) => {
      throw new KafkaFailure(`no leader ${round}`);
    },
  });
  const last = failure as OperationalError;
  assertEquals([last.kind, last.reason, last.hint], [
    "temporary",
    ["no leader 17"],
    ["run this again to continue"],
  ]);
  assertEquals(last.message, 'gave up reading topic "t" after 16 attempts without progress');
  assertEquals([notes.length, rounds], [16, 17]);
});

Deno.test("consume notes each reason once per outage, and again in the next outage", async () => {
  const { notes } = await run({}, {
    log: { 0: lines(2) },
    kafka: async (round, { partitions }, signal) => {
      if (round === 4) {
        await partitions!.assign([0], signal);
        const messages = [record(0, lines(1)[0]!)];
        await partitions!.handleBatch({
          partition: 0,
          from: 0,
          messages,
          signal,
        });
      }
      if (round < 6) throw new KafkaFailure(round === 2 ? "no broker" : "no leader");
    },
  });
  const [leader, broker] = ["no leader", "no broker"].map((why) => `reading again after: ${why}`);
  assertEquals(notes, [leader, broker, leader, "Kafka is back after 0:04"]);
});

Deno.test("consume does not add up failures that are far apart, even without records between them", async () => {
  const { failure, rounds } = await run({ follow: true }, {
    log: { 0: [] },
    kafka: async (round, controls, signal) => {
      if (round > 8) return controls.stop.abort();
      await controls.partitions!.assign([0], signal);
      await controls.sleep(70_000);
      throw new KafkaFailure("no leader");
    },
  });
  assertEquals([failure, rounds], [null, 9]);
});

Deno.test("consume reads again when Kafka fails to return the offset ranges", async () => {
  let asked = 0;
  const { failure, stored, notes } = await run({}, {
    log: { 0: lines(3) },
    ranges: () => {
      if (asked++ === 1) throw new KafkaFailure("no answer in time");
    },
  });
  assertEquals([failure, stored], [null, offsets(0, 3)]);
  assertEquals(notes, ["reading again after: no answer in time"]);
});

for (const kind of ["noPermission", "settings", "noInput", "data"] as const) {
  Deno.test(`consume ends at once on a Kafka failure of kind ${kind}`, async () => {
    const { failure, rounds, notes, summary } = await run({ follow: true }, {
      log: { 0: lines(3) },
      kafka: () => {
        throw new KafkaFailure("not yours", kind);
      },
    });
    assertEquals([kindOf(failure), failure?.message], [kind, "not yours"]);
    assertEquals([rounds, notes, summary?.slice(0, 14)], [1, [], "read 0 records"]);
  });
}

Deno.test("consume does not treat a bug as a failure of Kafka", async () => {
  const { failure, rounds } = await run({}, {
    log: { 0: lines(3) },
    kafka: () => {
      throw new TypeError("x is undefined");
    },
  });
  assertEquals([failure?.name, rounds], ["TypeError", 1]);
});

Deno.test("consume rejoins the group when records wait and none is settled", async () => {
  const { failure, notes, stored } = await run({ count: 3 }, {
    log: { 0: lines(3) },
    kafka: async (round, controls, signal) => {
      if (round > 1) return;
      await controls.partitions!.assign([0], signal);
      await ended(signal);
    },
  });
  assertEquals([failure, stored], [null, offsets(0, 3)]);
  assertEquals(notes, [
    "waiting for Kafka to deliver records",
    "reading again after: no record was settled for 60 s although records are waiting",
  ]);
});

Deno.test("consume stays in the group when a record arrives after a long time without records", async () => {
  const { notes, stored, rounds } = await run({ count: 1, follow: true }, {
    log: { 0: [] },
    meanwhile: async ({ sleep, log }) => {
      await sleep(70_000);
      log.get(0)!.push(line(0));
    },
  });
  assertEquals([notes, stored, rounds], [[], offsets(0, 1), 1]);
});

Deno.test("consume reads again what a database restored to an earlier state has lost", async () => {
  const { failure, notes, stored } = await run({ follow: true, idleMs: 30_000 }, {
    log: { 0: lines(3) },
    meanwhile: async ({ sleep, rows }) => {
      await sleep(5_000);
      rows.set(0, 1);
    },
  });
  assertEquals([failure, stored], [null, [...offsets(0, 3), "0:1", "0:2"]]);
  assertEquals(notes, ["reading again after: the database was restored to an earlier state"]);
});

Deno.test("consume rejoins the group when the system clock is set back, and keeps its counts", async () => {
  let backMs = 0;
  const time = { at: () => 0 };
  const { failure, notes, stored, tally } = await run({ follow: true, idleMs: 20_000 }, {
    log: { 0: lines(3) },
    now: () => time.at() - backMs,
    meanwhile: async ({ sleep, nowMs }) => {
      time.at = nowMs;
      await sleep(5_000);
      backMs = 315_360_000_000;
    },
  });
  assertEquals([failure, stored], [null, offsets(0, 3)]);
  assertEquals(notes, ["reading again after: the system clock was changed"]);
  assert(tally!.seconds > 20 && tally!.seconds < 40, `${tally!.seconds} s`);
});

Deno.test("consume shows its progress", async () => {
  let atMs = NOW_MS;
  const { progress, summary } = await run({ follow: true, batchSize: 1_000 }, {
    log: { 0: [...lines(2_400), "{", null, "[]", "{}"] },
    now: () => atMs,
    clock: () => atMs,
    meanwhile: async ({ sleep, stop, log }) => {
      await sleep(5_000);
      log.get(0)!.push(...lines(1));
      atMs += 7_000;
      await sleep(1_000);
      stop.abort();
    },
  });
  assert(progress.includes("stored 2 401 · 0.14/s · lag 0 · rejected 3 · 0:07"), progress.at(-1));
  assertEquals(
    summary,
    "read 2 405 records in 7.0 s (344/s): 2 401 stored, 3 rejected (schema 2, json_syntax 1), " +
      "1 tombstone · lag 0",
  );
});

Deno.test("consume --tee prints the records that it has stored and nothing else", async () => {
  const { printed } = await run({ tee: true }, {
    log: { 0: [line(0), "{", null, `{"timestamp":1e3,"userID":7,"coordinates":[-0,2.5],"x":1}`] },
  });
  assertEquals(
    printed,
    `${line(0)}\n{"userID":7,"timestamp":1000.0,"coordinates":[0.0,2.5]}\n`,
  );
});

Deno.test("consume --tee does not print what another process has stored", async () => {
  const { printed, tally } = await run({ tee: true }, {
    log: { 0: lines(3) },
    database: (call, { rows }) => {
      if (call === "settle") rows.set(0, 3);
    },
  });
  assertEquals([printed, tally?.read], ["", 0]);
});

Deno.test("consume reports its counts and whether it is ready", async () => {
  const seen: Record<string, [ready: boolean, health: Health | null]> = {};
  let isUnavailable = false;
  await run({ follow: true }, {
    log: { 0: [line(0), "{", null], 1: [line(1)] },
    database: (call) => {
      if (isUnavailable && call !== "sources") throw new Unavailable("gone");
    },
    meanwhile: async (controls) => {
      const observe = (when: string) => {
        const health = controls.health();
        seen[when] = [readiness(health).ready, health];
      };
      observe("before");
      await controls.sleep(200_000);
      observe("idle");
      isUnavailable = true;
      controls.log.get(1)!.push(line(2), line(3));
      await controls.sleep(50_000);
      observe("unavailable for less than a minute");
      await controls.sleep(20_000);
      observe("unavailable for longer");
      isUnavailable = false;
      await controls.sleep(20_000);
      observe("back");
      controls.stop.abort();
    },
  });
  const figures = Object.entries(seen).map(([when, [ready, health]]) => [
    when,
    ready,
    health && [health.stored, health.rejected, health.tombstones, ...health.lags.values()],
  ]);
  assertEquals(figures, [
    ["before", false, null],
    ["idle", true, [2, 1, 1, 0, 0]],
    ["unavailable for less than a minute", true, [2, 1, 1, 0, 2]],
    ["unavailable for longer", false, [2, 1, 1, 0, 2]],
    ["back", true, [4, 1, 1, 0, 0]],
  ]);
  assertEquals(seen.idle![1]!.reasons, { json_syntax: 1 });
  const sinceSettled = seen.idle![1]!.settledMs;
  assert(sinceSettled > 199_000 && sinceSettled <= 200_000, `${sinceSettled}`);
});

/** Another member of the group that owns these partitions. */
function member(partitions: number[], changes: Partial<Member> = {}): Member {
  return {
    name: "routes-1a2b",
    host: "10.0.0.7",
    protocol: "classic",
    otherAssignor: null,
    topics: ["t"],
    partitions,
    destination: "here",
    ...changes,
  };
}

/** A membership that owns only partition 0, while partition 1 belongs to another member. */
const halfOwned: Partial<Scenario> = {
  log: { 0: lines(3), 1: lines(5) },
  stored: { 0: 0, 1: 0 },
  members: () => [member([0]), member([1], { name: "routes-9f00" })],
  kafka: async (_, { partitions, log }, signal) => {
    await readLog(partitions!, new Map([[0, log.get(0)!]]), untilAborted, signal);
  },
};

const untilAborted = (_ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });

Deno.test("consume with an end waits until other members have settled their partitions", async () => {
  const { tally, failure, notes, rows, ranForMs } = await run({}, {
    ...halfOwned,
    meanwhile: async ({ rows, sleep }) => {
      // Slow, but never still for as long as the session timeout.
      for (let next = 1; next <= 5; next++) {
        await sleep(40_000);
        rows.set(1, next);
      }
    },
  });
  assertEquals([failure, tally?.read, tally?.lag, [...rows.values()]], [null, 3, 0, [3, 5]]);
  assertEquals(notes, ["waiting: 1 of 2 partitions belong to other members, lag 5"]);
  assert(ranForMs >= 200_000 && ranForMs < 203_000, String(ranForMs));
});

Deno.test("consume with an end gives up when other members settle nothing, and names them", async () => {
  const { tally, failure, ranForMs } = await run({}, halfOwned);
  const { kind, message, reason } = failure as OperationalError;
  assertEquals([kind, tally?.lag], ["temporary", 5]);
  assertMatch(message, /^partition 1: other members have settled nothing for 7\d s$/);
  assertEquals(reason, ["partition 1: member routes-9f00 (10.0.0.7, partition 1), lag 5"]);
  assert(ranForMs > 75_000 && ranForMs < 90_000, String(ranForMs));
});

const conflicts: [what: string, changes: Partial<Member>][] = [
  ["uses the consumer protocol (KIP-848)", { protocol: "consumer", otherAssignor: "uniform" }],
  ['uses the assignor "range"', { otherAssignor: "range" }],
  ['reads topic "other"', { topics: ["other"], partitions: [] }],
  ["stores into there", { destination: "there" }],
];
for (const [what, changes] of conflicts) {
  Deno.test(`consume does not join a group whose member ${what}`, async () => {
    const other = member([0], changes);
    const { failure, rounds } = await run({}, { log: { 0: lines(3) }, members: () => [other] });
    const { kind, reason, hint } = failure as OperationalError;
    assertEquals([kind, rounds], ["unavailable", 0]);
    const owned = other.partitions.length > 0 ? "partition 0" : "no partition";
    assertEquals(reason, [`member routes-1a2b (10.0.0.7, ${owned}) ${what}`]);
    assertEquals(hint, ["give this run its own group: -X kafka.group_id=g-2"]);
  });
}

Deno.test("consume --follow warns once a minute of members that do other work, and joins when they have left", async () => {
  const ready: boolean[] = [];
  const { failure, warnings, rows } = await run({ follow: true }, {
    log: { 0: lines(3) },
    members: ({ nowMs }) => nowMs() < NOW_MS + 150_000 ? [member([0], { topics: ["x"] })] : [],
    meanwhile: async (controls) => {
      await controls.sleep(149_000);
      ready.push(readiness(controls.health()).ready);
      await controls.sleep(10_000);
      ready.push(readiness(controls.health()).ready);
      controls.stop.abort();
    },
  });
  assertEquals([failure, rows.get(0), ready], [null, 3, [false, true]]);
  assertEquals(warnings.map((line) => /\(for .*\)/.exec(line)?.[0]), [
    undefined,
    "(for 1:00)",
    "(for 2:00)",
  ]);
  assertMatch(
    warnings[0]!,
    /^group "g" is also used for other work: .*reads topic "x"; give this run/,
  );
});

Deno.test("consume ends when a member that does other work joins its group", async () => {
  const { failure, tally } = await run({}, {
    ...halfOwned,
    members: ({ nowMs }) =>
      nowMs() < NOW_MS + 20_000 ? [] : [member([1], { protocol: "consumer" })],
  });
  assertEquals([(failure as OperationalError).kind, tally?.read], ["unavailable", 3]);
});

Deno.test("of two runs that joined one group for different work, one leaves it", async () => {
  for (const [destination, expected] of [["a", 2], ["z", 1]] as const) {
    const { rounds, warnings } = await run({ follow: true }, {
      ...halfOwned,
      members: ({ nowMs }) => {
        const since = nowMs() - NOW_MS;
        return since > 3_000 && since < 20_000 ? [member([1], { destination })] : [];
      },
      meanwhile: async ({ sleep, stop }) => {
        await sleep(60_000);
        stop.abort();
      },
    });
    assertEquals([rounds, warnings.length], [expected, 1], destination);
  }
});

Deno.test("consume does not know its lag when neither Kafka nor the database answers", async () => {
  let isDown = false;
  const { progress } = await run({ follow: true }, {
    log: { 0: lines(3) },
    ranges: () => {
      if (isDown) throw new KafkaFailure("no leader");
    },
    meanwhile: async ({ sleep, stop, log }) => {
      await sleep(7_000);
      isDown = true;
      log.get(0)!.push(...lines(2));
      await sleep(30_000);
      stop.abort();
    },
  });
  assertMatch(progress.at(-1)!, / · lag \? \(0, 3\d s ago\) · /);
});
