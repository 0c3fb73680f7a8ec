import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  type ConsumeDeps,
  type ConsumeOptions,
  runConsume,
} from "../../../src/commands/consume/consume.ts";
import { type ErrorKind, OperationalError } from "../../../src/errors.ts";
import { type Health, isReady } from "../../../src/commands/consume/metrics.ts";
import type { Range } from "../../../src/record/offsets.ts";
import type { AssignedPartitions, Source } from "../../../src/commands/consume/partitions.ts";
import type { Message } from "../../../src/record/validate.ts";
import { fakeClock } from "../../fakes/fake_clock.ts";

const NOW_MS = 1_764_000_000_000;

const defaults: ConsumeOptions = {
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

/** What PostgreSQL throws while it is away. */
class Away extends Error {}

/** What Kafka throws. */
class Broken extends Error {
  constructor(message: string, readonly kind: ErrorKind = "temporary") {
    super(message);
  }
}

/** What a run meets; records are values of a partition, oldest first, one a second from NOW_MS on. */
interface World {
  log: Record<number, (string | null)[]>;
  /** Where partitions stand that were read before. */
  stored: Record<number, number>;
  /** Called before each call of the database; throws as that does. */
  database(call: "sources" | "settle" | "position", room: Room): void;
  /** Called before each membership, counted from 1; throws as Kafka does. */
  kafka(round: number, room: Room, signal: AbortSignal): Promise<void> | void;
  offsetsAt(ms: number): Map<number, number>;
  /** Called before Kafka tells what the topic holds; throws as that does. */
  ranges(): void;
  /** Called when nothing was read; throws as Kafka does that lets nobody read. */
  mayRead(): void;
  /** What happens meanwhile. */
  meanwhile(room: Room): Promise<void>;
  now(): number;
  clock(): number;
}

/** What a script can see and touch. */
interface Room {
  log: Map<number, (string | null)[]>;
  rows: Map<number, number>;
  stop: AbortController;
  /** Of the newest membership. */
  share: AssignedPartitions | null;
  /** How the run looks from outside; null before it has begun. */
  look(): Health | null;
  nowMs(): number;
  sleep(ms: number): Promise<void>;
}

/** A run in a world where time only passes when somebody sleeps, and Kafka and PostgreSQL are maps. */
async function run(changes: Partial<ConsumeOptions>, system: Partial<World> = {}) {
  const time = fakeClock(NOW_MS);
  const stop = new AbortController();
  const log = new Map(Object.entries(system.log ?? {}).map(([p, values]) => [+p, values]));
  const rows = new Map(Object.entries(system.stored ?? {}).map(([p, next]) => [+p, next]));
  const room: Room = {
    log,
    rows,
    stop,
    share: null,
    look: () => null,
    nowMs: time.now,
    sleep: (ms) => time.sleep(ms, forever),
  };
  const notes: string[] = [];
  const progress: string[] = [];
  const stored: string[] = [];
  const losses: [source: number, from: number, to: number][] = [];
  let printed = "";
  let rounds = 0;
  const ranges = () =>
    attempt(() => {
      system.ranges?.();
      return new Map([...log].map(([p, { length }]): [number, Range] => {
        return [p, { low: 0, high: length }];
      }));
    });
  const deps: ConsumeDeps = {
    topic: "t",
    ranges,
    offsetsAt: (ms) =>
      attempt(() =>
        system.offsetsAt?.(ms) ??
          new Map([...log].map(([p, { length }]) => {
            return [p, Math.min(Math.max(Math.ceil((ms - NOW_MS) / 1000), 0), length)];
          }))
      ),
    mayRead: () => attempt(() => system.mayRead?.()),
    read: async (share, signal) => {
      rounds++;
      room.share = share;
      await attempt(() => system.kafka?.(rounds, room, signal));
      if (!signal.aborted) await readLog(share, log, time.sleep, signal);
    },
    ledger: {
      sources: () =>
        attempt(() => {
          system.database?.("sources", room);
          return [...rows].map(([partition, nextOffset]): Source => {
            return { id: partition + 100, partition, nextOffset, last: null, tombstonesTo: 0 };
          });
        }),
      addSources: (starts) => {
        for (const [partition, start] of starts) rows.set(partition, start);
        return Promise.resolve();
      },
      skip: (source, from, to) => {
        losses.push([source, from, to]);
        rows.set(source - 100, to);
        return Promise.resolve();
      },
      write: (steps) =>
        attempt(() => {
          system.database?.("settle", room);
          return steps.map(({ source, from, to, validated: { points } }) => {
            if (rows.get(source - 100) !== from) return false;
            rows.set(source - 100, to);
            stored.push(...points.offsets.map((offset) => `${source - 100}:${offset}`));
            return true;
          });
        }),
      position: (source) =>
        attempt(() => {
          system.database?.("position", room);
          return rows.get(source - 100) ?? null;
        }),
      fingerprint: () => "",
      judge: (error) => ({ act: error instanceof Away ? "wait" : "stop", state: "" }),
      explain: (error) => {
        if (!(error instanceof Away)) return error as Error;
        return new OperationalError("unavailable", "cannot reach it", {
          reason: error.message,
          hint: "wait",
        });
      },
    },
    explain: (error) =>
      error instanceof Broken
        ? new OperationalError(error.kind, error.message, { hint: "wait" })
        : error,
    watched: (look) => room.look = look,
    out: (text) => Promise.resolve(void (printed += text)),
    note: (line) => notes.push(line),
    progress: (line) => progress.push(line),
    now: system.now ?? time.now,
    clock: system.clock ?? time.now,
    sleep: time.sleep,
    signal: stop.signal,
  };
  try {
    void system.meanwhile?.(room);
    const [tally, failure] = await runConsume({ ...defaults, ...changes }, deps)
      .then(
        ({ tally, failure }) => [tally, failure] as const,
        (error: Error) => [null, error] as const,
      );
    const summary = notes.at(-1)?.startsWith("read ") ? notes.pop() : undefined;
    const ranForMs = time.now() - NOW_MS;
    return { tally, failure, notes, summary, progress, printed, stored, rows, rounds, ranForMs };
  } finally {
    time.close();
  }
}

/** The only member of the group: it reads the partitions in turn, up to 1000 records at a time, and then waits for more. */
async function readLog(
  share: AssignedPartitions,
  log: Room["log"],
  sleep: ConsumeDeps["sleep"],
  signal: AbortSignal,
): Promise<void> {
  const positions = await share.assign([...log.keys()], signal);
  while (!signal.aborted) {
    for (const [partition, from] of positions) {
      const values = log.get(partition)!;
      const messages = values.slice(from, from + 1000).map((value, i) => record(from + i, value));
      if (messages.length === 0 || signal.aborted) continue;
      const highWatermark = values.length;
      const next = await share.handleBatch({ partition, from, messages, highWatermark, signal });
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

Deno.test("consume that had nothing to read asks whether it might have", async () => {
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

Deno.test("consume --idle does not count the time that the group takes to share the partitions", async () => {
  const { stored } = await run({ follow: true, idleMs: 2_000 }, {
    log: { 0: lines(2) },
    kafka: (_round, { sleep }) => sleep(3_000),
  });
  assertEquals(stored, offsets(0, 2));
});

Deno.test("consume --idle does not count the time in which the database is away", async () => {
  const { failure, stored } = await run({ follow: true, idleMs: 5_000 }, {
    log: { 0: lines(2) },
    database: (call, { nowMs }) => {
      if (call === "settle" && nowMs() < NOW_MS + 30_000) throw new Away("nothing listens");
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

Deno.test("consume --until a time in the future waits for it, and for Kafka to tell its offsets", async () => {
  let asked = 0;
  const { failure, stored, ranForMs } = await run({ until: { at: "time", ms: NOW_MS + 6_000 } }, {
    log: { 0: lines(2) },
    meanwhile: async ({ sleep, log }) => {
      await sleep(3_000);
      log.get(0)!.push(line(2));
    },
    offsetsAt: () => {
      if (++asked < 3) throw new Broken("no leader");
      return new Map([[0, 3]]);
    },
  });
  assertEquals([failure, stored, asked], [null, offsets(0, 3), 3]);
  assert(ranForMs >= 8_000 && ranForMs < 9_000, `${ranForMs}`);
});

Deno.test("consume stops with a good tally when the signal ends", async () => {
  const { tally, failure } = await run({ follow: true }, {
    log: { 0: lines(7) },
    meanwhile: ({ sleep, stop }) => sleep(5_000).then(() => stop.abort()),
  });
  assertEquals([failure, tally?.stored, tally?.lag], [null, 7, 0]);
});

Deno.test("consume that was stopped before it began reads nothing", async () => {
  const { failure, rounds } = await run({ follow: true }, {
    log: { 0: lines(7) },
    meanwhile: ({ stop }) => Promise.resolve(stop.abort()),
  });
  assertEquals([failure, rounds], [null, 0]);
});

Deno.test("consume --max-rejects stops when there are more, and says where they are", async () => {
  const log = { 0: [line(0), "{", line(2), "{", line(4), "{", line(6)] };
  const { failure, summary } = await run({ maxRejects: 1, batchSize: 2 }, { log });
  assertEquals([kindOf(failure), failure?.message], ["data", "2 records rejected, more than 1"]);
  assertEquals((failure as OperationalError).hint, ["routes query --rejects"]);
  assertMatch(summary!, /: 2 stored, 2 rejected \(json_syntax 2\), 0 tombstones · lag 3$/);
  assertEquals((await run({ maxRejects: 3 }, { log })).failure, null);
});

Deno.test("consume --on-reject fail stores what comes before the first reject, and stops", async () => {
  const { failure, stored } = await run({ onReject: "fail" }, {
    log: { 0: [line(0), line(1), line(2), "{}", line(4)] },
  });
  assertEquals([kindOf(failure), stored], ["data", offsets(0, 3)]);
  assertEquals(failure?.message, "partition 0 offset 3 is no record");
});

Deno.test("consume --from begins there, and is refused where reading has begun", async () => {
  const log = { 0: lines(9) };
  const last: ConsumeOptions["from"] = { at: "last", count: 2 };
  assertEquals((await run({ from: last }, { log })).stored, ["0:7", "0:8"]);
  const { failure, summary, rounds } = await run({ from: last }, { log, stored: { 0: 5 } });
  assertEquals(kindOf(failure), "data");
  assertEquals(
    failure?.message,
    '--from is refused: topic "t" was already read',
  );
  assertEquals([summary, rounds], [undefined, 0]);
});

Deno.test("consume ends at once when the database is away before it has begun", async () => {
  const { failure, notes, summary } = await run({ follow: true }, {
    log: { 0: lines(2) },
    database: () => {
      throw new Away("nothing listens");
    },
  });
  assertEquals([kindOf(failure), notes, summary], ["unavailable", [], undefined]);
});

Deno.test("consume waits for a database that is away and says each reason once an outage", async () => {
  let calls = 0;
  const { failure, notes, stored } = await run({ batchSize: 2 }, {
    log: { 0: lines(4) },
    database: (call) => {
      // The first step meets two reasons in turn, and the second one of them again.
      if (call === "sources" || ++calls === 7 || calls > 8) return;
      throw new Away(calls % 2 === 0 ? "shutting down" : "nothing listens");
    },
  });
  assertEquals([failure, stored], [null, offsets(0, 4)]);
  assertEquals(notes, [
    "waiting for the database: cannot reach it: nothing listens",
    "waiting for the database: cannot reach it: shutting down",
  ]);
});

Deno.test("consume says again that the database is away when it was back meanwhile", async () => {
  let calls = 0;
  const { notes } = await run({ batchSize: 2 }, {
    log: { 0: lines(4) },
    database: (call) => {
      if (call === "settle" && ++calls % 2 === 1) throw new Away("nothing listens");
    },
  });
  assertEquals(notes, [
    "waiting for the database: cannot reach it: nothing listens",
    "waiting for the database: cannot reach it: nothing listens",
  ]);
});

Deno.test("consume that is to end waits for the database two minutes, however long nothing came", async () => {
  let awayAtMs = 0;
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
      awayAtMs ||= nowMs();
      throw new Away("nothing listens");
    },
  });
  assertEquals([kindOf(failure), failure?.message], ["unavailable", "cannot reach it"]);
  assertEquals([notes.length, stored], [1, []]);
  const waitedMs = NOW_MS + ranForMs - awayAtMs;
  assert(waitedMs > 120_000 && waitedMs < 126_000, `${waitedMs}`);
});

Deno.test("consume --follow waits for the database as long as it takes, and stays in the group", async () => {
  const { failure, stored, rounds } = await run({ follow: true, count: 3 }, {
    log: { 0: lines(3) },
    database: (call, { nowMs }) => {
      if (call !== "sources" && nowMs() < NOW_MS + 200_000) throw new Away("nothing listens");
    },
  });
  assertEquals([failure, stored, rounds], [null, offsets(0, 3), 1]);
});

Deno.test("consume reads again after a failure of Kafka", async () => {
  const { failure, notes, stored, rounds } = await run({}, {
    log: { 0: lines(3) },
    kafka: (round) => {
      if (round < 4) throw new Broken(`no leader ${round}`);
    },
  });
  assertEquals([failure, stored, rounds], [null, offsets(0, 3), 4]);
  assertEquals(notes, [1, 2, 3].map((round) => `reading again after: no leader ${round}`));
});

Deno.test("consume gives up after two minutes of rounds without progress", async () => {
  const { failure, notes, rounds } = await run({ follow: true }, {
    log: { 0: lines(3) },
    kafka: (round) => {
      throw new Broken(`no leader ${round}`);
    },
  });
  const last = failure as OperationalError;
  assertEquals([last.kind, last.reason, last.hint], [
    "temporary",
    ["no leader 17"],
    ["run again to go on"],
  ]);
  assertEquals(last.message, 'gave up reading topic "t" after 16 rounds without progress');
  assertEquals([notes.length, rounds], [16, 17]);
});

Deno.test("consume tells each reason once an outage, and again in the next one", async () => {
  const { notes } = await run({}, {
    log: { 0: lines(2) },
    kafka: async (round, { share }, signal) => {
      if (round === 4) {
        await share!.assign([0], signal);
        const messages = [record(0, lines(1)[0]!)];
        await share!.handleBatch({ partition: 0, from: 0, messages, highWatermark: 2, signal });
      }
      if (round < 6) throw new Broken(round === 2 ? "no broker" : "no leader");
    },
  });
  const [leader, broker] = ["no leader", "no broker"].map((why) => `reading again after: ${why}`);
  assertEquals(notes, [leader, broker, leader]);
});

Deno.test("consume does not add up failures that lie far apart, though no record comes between", async () => {
  const { failure, rounds } = await run({ follow: true }, {
    log: { 0: [] },
    kafka: async (round, room, signal) => {
      if (round > 8) return room.stop.abort();
      await room.share!.assign([0], signal);
      await room.sleep(70_000);
      throw new Broken("no leader");
    },
  });
  assertEquals([failure, rounds], [null, 9]);
});

Deno.test("consume reads again when Kafka fails while it is asked what the topic holds", async () => {
  let asked = 0;
  const { failure, stored, notes } = await run({}, {
    log: { 0: lines(3) },
    ranges: () => {
      if (asked++ === 1) throw new Broken("no answer in time");
    },
  });
  assertEquals([failure, stored], [null, offsets(0, 3)]);
  assertEquals(notes, ["reading again after: no answer in time"]);
});

for (const kind of ["noPermission", "settings", "noInput", "data"] as const) {
  Deno.test(`consume ends at once at a failure of Kafka of the kind ${kind}`, async () => {
    const { failure, rounds, notes, summary } = await run({ follow: true }, {
      log: { 0: lines(3) },
      kafka: () => {
        throw new Broken("not yours", kind);
      },
    });
    assertEquals([kindOf(failure), failure?.message], [kind, "not yours"]);
    assertEquals([rounds, notes, summary?.slice(0, 14)], [1, [], "read 0 records"]);
  });
}

Deno.test("consume does not take a bug for a failure of Kafka", async () => {
  const { failure, rounds } = await run({}, {
    log: { 0: lines(3) },
    kafka: () => {
      throw new TypeError("x is undefined");
    },
  });
  assertEquals([failure?.name, rounds], ["TypeError", 1]);
});

Deno.test("consume joins the group anew when records wait and nothing moves", async () => {
  const { failure, notes, stored } = await run({ count: 3 }, {
    log: { 0: lines(3) },
    kafka: async (round, room, signal) => {
      if (round > 1) return;
      await room.share!.assign([0], signal);
      await ended(signal);
    },
  });
  assertEquals([failure, stored], [null, offsets(0, 3)]);
  assertEquals(notes, [
    "reading again after: nothing was settled for 60 s though records wait",
  ]);
});

Deno.test("consume stays in the group when a record comes after long silence", async () => {
  const { notes, stored, rounds } = await run({ count: 1, follow: true }, {
    log: { 0: [] },
    meanwhile: async ({ sleep, log }) => {
      await sleep(70_000);
      log.get(0)!.push(line(0));
    },
  });
  assertEquals([notes, stored, rounds], [[], offsets(0, 1), 1]);
});

Deno.test("consume reads again what a database put back to an earlier state has lost", async () => {
  const { failure, notes, stored } = await run({ follow: true, idleMs: 30_000 }, {
    log: { 0: lines(3) },
    meanwhile: async ({ sleep, rows }) => {
      await sleep(5_000);
      rows.set(0, 1);
    },
  });
  assertEquals([failure, stored], [null, [...offsets(0, 3), "0:1", "0:2"]]);
  assertEquals(notes, ["reading again after: the database was put back to an earlier state"]);
});

Deno.test("consume begins a new membership when the clock is put back, and counts on", async () => {
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
  assertEquals(notes, ["reading again after: the clock was moved"]);
  assert(tally!.seconds > 20 && tally!.seconds < 40, `${tally!.seconds} s`);
});

Deno.test("consume shows how far it has come", async () => {
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
  assert(progress.includes("stored 2 401 · 0/s · lag 0 · rejected 3 · 0:07"), progress.at(-1));
  assertEquals(
    summary,
    "read 2 405 records in 7.0 s (344/s): 2 401 stored, 3 rejected (schema 2, json_syntax 1), " +
      "1 tombstone · lag 0",
  );
});

Deno.test("consume --tee prints the records it has stored and nothing else", async () => {
  const { printed } = await run({ tee: true }, {
    log: { 0: [line(0), "{", null, `{"timestamp":1e3,"userID":7,"coordinates":[-0,2.5],"x":1}`] },
  });
  assertEquals(
    printed,
    `${line(0)}\n{"userID":7,"timestamp":1000.0,"coordinates":[0.0,2.5]}\n`,
  );
});

Deno.test("consume --tee prints nothing that another process has stored", async () => {
  const { printed, tally } = await run({ tee: true }, {
    log: { 0: lines(3) },
    database: (call, { rows }) => {
      if (call === "settle") rows.set(0, 3);
    },
  });
  assertEquals([printed, tally?.read], ["", 0]);
});

Deno.test("consume shows from outside what it has done, and whether it does what it should", async () => {
  const seen: Record<string, [ready: boolean, health: Health | null]> = {};
  let away = false;
  await run({ follow: true }, {
    log: { 0: [line(0), "{", null], 1: [line(1)] },
    database: (call) => {
      if (away && call !== "sources") throw new Away("gone");
    },
    meanwhile: async (room) => {
      const look = (when: string) => {
        const health = room.look();
        seen[when] = [isReady(health), health];
      };
      look("before");
      await room.sleep(200_000);
      look("idle");
      away = true;
      room.log.get(1)!.push(line(2), line(3));
      await room.sleep(50_000);
      look("away for less than a minute");
      await room.sleep(20_000);
      look("away for longer");
      away = false;
      await room.sleep(20_000);
      look("back");
      room.stop.abort();
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
    ["away for less than a minute", true, [2, 1, 1, 0, 2]],
    ["away for longer", false, [2, 1, 1, 0, 2]],
    ["back", true, [4, 1, 1, 0, 0]],
  ]);
  assertEquals(seen.idle![1]!.reasons, { json_syntax: 1 });
  const sinceSettled = seen.idle![1]!.settledMs;
  assert(sinceSettled > 199_000 && sinceSettled <= 200_000, `${sinceSettled}`);
});
