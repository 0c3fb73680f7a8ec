import { assert, assertEquals, assertRejects } from "@std/assert";
import { type ProduceDeps, runProduce } from "../../../src/commands/produce/produce.ts";
import {
  describeProgress,
  type ProduceTally,
  summarize,
} from "../../../src/commands/produce/tally.ts";
import { UsageError } from "../../../src/errors.ts";
import type { Outcome } from "../../../src/kafka/sender.ts";
import type { GeneratedRecord } from "../../../src/commands/produce/records.ts";
import { fakeClock } from "../../fakes/fake_clock.ts";

type ProduceOptions = Parameters<typeof runProduce>[0];

const START_MS = 1_732_431_234_567;
const NOW_MS = 1_764_000_000_000;

const defaults: ProduceOptions = {
  count: 1_000,
  durationMs: null,
  ratePerSecond: null,
  users: 100,
  model: "traffic",
  center: [60.1699, 24.9384],
  radiusM: 25_000,
  speedKmh: 40,
  intervalMs: 5_000,
  startMs: START_MS,
  seed: 42,
  invalidPercent: 0,
  stdin: false,
  key: "user",
  userField: "userID",
  acks: "all",
  compression: "gzip",
  batchSize: 1_000,
  dryRun: false,
  tee: false,
  strict: false,
  skipBad: false,
};

/** A run with a fake clock that advances only while all code sleeps, and a list in place of Kafka. */
async function run(changes: Partial<ProduceOptions>, fakes: Partial<Fakes> = {}) {
  const { now: clock, sleep, close } = fakeClock();
  const stop = new AbortController();
  const sent: (GeneratedRecord & { partition: number; atMs: number })[] = [];
  let printed = "";
  const progress: string[] = [];
  const notes: string[] = [];
  const decoder = new TextDecoder();
  const deps: ProduceDeps = {
    topic: "routes",
    sender: changes.dryRun ? null : {
      lanes: 1,
      partitions: 3,
      widen: () => Promise.resolve(),
      checkTopic: () => Promise.resolve(null),
      troubleOf: () => null,
      send: async (partition, records) => {
        const outcome = await fakes.answer?.(records, stop);
        if (outcome) return outcome;
        sent.push(...records.map((record) => ({ ...record, partition, atMs: clock() })));
        return { acked: records.length, failed: 0, unknown: 0, fault: null };
      },
    },
    reporter: { progress: (line) => progress.push(line), note: (line) => notes.push(line) },
    system: {
      stdin: fakes.stdin?.(sleep, stop) ?? ReadableStream.from([]),
      now: () => NOW_MS,
      clock,
      sleep,
      random: () => 7,
      signal: stop.signal,
    },
    stdout: {
      write: (data) => {
        const text = decoder.decode(data as Uint8Array);
        fakes.out?.(text, stop);
        printed += text;
        return Promise.resolve();
      },
    },
  };
  try {
    const { tally, failure } = await runProduce({ ...defaults, ...changes }, deps);
    return { tally, failure, sent, printed, progress };
  } finally {
    close();
  }
}

interface Fakes {
  /** Null: acknowledged. */
  answer(records: GeneratedRecord[], stop: AbortController): Promise<Outcome | null>;
  stdin(sleep: ProduceDeps["system"]["sleep"], stop: AbortController): ReadableStream<Uint8Array>;
  out(text: string, stop: AbortController): void;
}

const line = (n: number) => `{"userID":${n},"timestamp":1732431234.5,"coordinates":[1.5,2.5]}`;
const bytes = (text: string) => new TextEncoder().encode(text);
const forever = new AbortController().signal;

Deno.test("produce sends what was asked for and counts it", async () => {
  const { tally, failure, sent, progress } = await run({ count: 1_234 });
  assertEquals(failure, null);
  const { seconds: _seconds, ...counts } = tally;
  assertEquals(counts, {
    topic: "routes",
    seed: 42,
    startMs: START_MS,
    made: 1_234,
    invalid: 0,
    skipped: 0,
    acked: 1_234,
    failed: 0,
    unknown: 0,
  });
  assertEquals(sent.length, 1_234);
  assert(progress.length > 0);
});

Deno.test("produce prints with --dry-run what it would send, and sends nothing", async () => {
  const { tally, printed } = await run({ dryRun: true });
  const { sent } = await run({});
  assertEquals(
    printed.split("\n").slice(0, -1).toSorted(),
    sent.map(({ value }) => value).toSorted(),
  );
  assertEquals([tally.made, tally.acked], [1_000, 0]);
});

Deno.test("produce makes the same record k for any count, batch size and rate", async () => {
  const { printed } = await run({ dryRun: true, count: 3_000, invalidPercent: 3 });
  const few = await run({
    dryRun: true,
    count: 700,
    batchSize: 7,
    ratePerSecond: 900,
    invalidPercent: 3,
  });
  assertEquals(few.printed.split("\n").slice(0, 700), printed.split("\n").slice(0, 700));
});

Deno.test("produce at a --rate without end goes on with the time of day", async () => {
  for (const ratePerSecond of [50, 1_000]) {
    const regular = { intervalMs: null, startMs: null, ratePerSecond, dryRun: true };
    // Four seconds of records, of any number.
    const count = 4 * ratePerSecond;
    const { printed, tally } = await run({ ...regular, count: null }, { out: stopAfter(200) });
    assert(tally.made >= 200);
    const stamps = stampsOf(printed);
    const spanMs = stamps.at(-1)! - stamps[0]! + 1000 / ratePerSecond;
    assertEquals(Math.round(spanMs), Math.round(tally.made * 1000 / ratePerSecond));
    assert(Math.abs(stamps[0]! - NOW_MS) < 50, `${stamps[0]}`);
    // With a known end, each user has a fix every 5 s.
    const bounded = stampsOf((await run({ ...regular, count, users: 10 })).printed);
    assertEquals(Math.round(bounded[10]! - bounded[0]!), 5_000);
  }
});

Deno.test("produce at a --rate above 1 000 makes no record twice, although it has one user", async () => {
  const options = { intervalMs: null, startMs: null, ratePerSecond: 9_000, users: 1, count: null };
  const { printed, tally } = await run({ ...options, dryRun: true }, { out: stopAfter(200) });
  assert(tally.made >= 200);
  assertEquals(new Set(printed.trimEnd().split("\n")).size, tally.made);
});

/** Stops the run when so many records were printed. */
function stopAfter(records: number): NonNullable<Fakes["out"]> {
  let printed = 0;
  return (text, stop) => {
    printed += text.split("\n").length - 1;
    if (printed >= records) stop.abort();
  };
}

function stampsOf(printed: string): number[] {
  return printed.trimEnd().split("\n").map((line) => JSON.parse(line).timestamp * 1000);
}

const lastTimes: [name: string, options: Partial<ProduceOptions>, lastMs: number][] = [
  ["of --count", { count: 950 }, NOW_MS],
  ["of one", { count: 1 }, NOW_MS],
  ["of --duration at a --rate", { count: null, durationMs: 2_000, ratePerSecond: 100 }, NOW_MS],
];

for (const [name, options, lastMs] of lastTimes) {
  Deno.test(`produce lets the last fix ${name} be about now`, async () => {
    const { printed } = await run({ ...options, startMs: null, dryRun: true });
    const last = JSON.parse(printed.trimEnd().split("\n").at(-1)!);
    assert(Math.abs(last.timestamp * 1000 - lastMs) <= 100, `${last.timestamp}`);
  });
}

Deno.test("produce refuses a count that would run past the year 9999", async () => {
  await assertRejects(
    () => run({ count: 1_000_000, users: 1, intervalMs: 86_400_000 * 365 }),
    UsageError,
    "--count 1000000 runs past the year 9999: at most 7 980 records fit",
  );
});

Deno.test("produce without end stops before the year 10000", async () => {
  const changes = { count: null, users: 2, intervalMs: 86_400_000 * 365 };
  const { tally, printed } = await run({ ...changes, dryRun: true });
  const last = JSON.parse(printed.trimEnd().split("\n").at(-1)!);
  assert(tally.made > 15_000 && last.timestamp < 253_402_300_800, printed.slice(-200));
});

Deno.test("produce --key none sends no key", async () => {
  const { sent } = await run({ key: "none", count: 10 });
  assertEquals(new Set(sent.map(({ key }) => key)), new Set([null]));
  assertEquals(new Set(sent.map(({ partition }) => partition)), new Set([0, 1, 2]));
});

Deno.test("produce at a low rate lets no record wait longer than 100 ms", async () => {
  const { sent } = await run({ count: 50, ratePerSecond: 20, key: "none" });
  const times = sent.map(({ value, atMs }) => [fixNumber(value as string), atMs]);
  assertEquals(times.length, 50);
  for (const [index, atMs] of times) {
    const dueMs = index! * 50;
    assert(atMs! >= dueMs && atMs! <= dueMs + 110, `record ${index} due ${dueMs} left ${atMs}`);
  }
});

/** Which record of the defaults this is, by its time. */
function fixNumber(value: string): number {
  return Math.round((JSON.parse(value).timestamp * 1000 - START_MS) / 50);
}

Deno.test("produce ends with --duration", async () => {
  const { tally, failure } = await run({ count: null, durationMs: 3_000, ratePerSecond: 100 });
  assertEquals(failure, null);
  assert(Math.abs(tally.made - 300) <= 1, `${tally.made}`);
  assertEquals(tally.acked, tally.made);
});

Deno.test("produce stopped by a signal sends the records that it has made, and no more", async () => {
  const answer = (records: GeneratedRecord[], stop: AbortController) => {
    if (records.some(({ key }) => key === "1")) stop.abort();
    return Promise.resolve(null);
  };
  const { tally, failure, sent } = await run({ count: null, batchSize: 50 }, { answer });
  assertEquals(failure, null);
  assertEquals([tally.acked, sent.length], [tally.made, tally.made]);
  assert(tally.made > 0 && tally.made < 5_000);
});

const troubles: { name: string; outcome: Outcome; message: string }[] = [
  {
    name: "failed",
    outcome: {
      acked: 0,
      failed: 50,
      unknown: 0,
      fault: { code: "CODE", kind: "temporary", reason: "why", hint: "how" },
    },
    message:
      'cannot send to topic "routes": the broker did not store 50 records, later records were not sent',
  },
  {
    name: "unknown",
    outcome: {
      acked: 0,
      failed: 0,
      unknown: 50,
      fault: { code: "CODE", kind: "temporary", reason: "why", hint: "how" },
    },
    message: 'cannot tell whether 50 records reached topic "routes": no answer',
  },
];

for (const { name, outcome, message } of troubles) {
  Deno.test(`produce stops at the first send that is ${name}, and says so`, async () => {
    let sends = 0;
    const answer = () => Promise.resolve(++sends === 3 ? outcome : null);
    const { tally, failure, sent } = await run({ batchSize: 50, users: 1 }, { answer });
    assertEquals(sends, 3);
    assertEquals([tally.acked, sent.length], [100, 100]);
    assertEquals([tally.failed, tally.unknown], [outcome.failed, outcome.unknown]);
    assertEquals([failure?.kind, failure?.message], ["temporary", message]);
    assertEquals([failure?.reason, failure?.hint], [["why"], ["how"]]);
  });
}

Deno.test("produce --stdin reports a failed and a successful send before more input arrives", async () => {
  for (const outcome of [troubles[0]!.outcome, null]) {
    let printed = "";
    let waited = false;
    const stdin: Fakes["stdin"] = (sleep) =>
      ReadableStream.from((async function* () {
        yield bytes(line(1) + "\n");
        await sleep(60_000, forever);
        waited = true;
        yield bytes(line(2) + "\n");
      })());
    const ran = await run({ stdin: true, count: null, tee: true }, {
      stdin,
      answer: () => Promise.resolve(outcome),
      out: (text) => {
        if (!waited) printed += text;
      },
    });
    assertEquals(waited, outcome === null);
    assertEquals(ran.failure?.reason, outcome?.fault?.reason.split("\n"));
    assertEquals(printed, outcome ? "" : line(1) + "\n");
  }
});

Deno.test("produce --tee prints what was acknowledged and nothing else", async () => {
  let sends = 0;
  const answer = () => Promise.resolve(++sends === 2 ? troubles[0]!.outcome : null);
  const { printed, sent } = await run({ tee: true, batchSize: 50 }, { answer });
  assertEquals(printed, sent.map(({ value }) => value + "\n").join(""));
  assertEquals(sent.length, 50);
});

Deno.test("produce --stdin sends each line as it is, keyed by its user", async () => {
  const odd = `  { "timestamp":1e3, "userID":3,"coordinates":[1.50,2],"more":"é" } `;
  const { tally, sent } = await run({ stdin: true, count: null }, {
    stdin: () => new Blob([`${line(1)}\n${line(2)}\r\n${odd}`]).stream(),
  });
  assertEquals([tally.seed, tally.made, tally.acked], [null, 3, 3]);
  const texts = sent.map(({ key, value }) => [key, new TextDecoder().decode(value as Uint8Array)]);
  assertEquals(texts.toSorted(), [["1", line(1)], ["2", line(2)], ["3", odd]]);
});

Deno.test("produce --stdin sends nothing after a bad line", async () => {
  const lines = [...Array(1_500).keys()].map((n) => n === 1_200 ? "{}" : line(n));
  const { tally, failure, sent } = await run({ stdin: true, count: null }, {
    stdin: () => new Blob([lines.join("\n") + "\n"]).stream(),
  });
  assertEquals(failure?.kind, "data");
  assert(
    failure?.message.startsWith("line 1201 of stdin is not a valid record: "),
    failure?.message,
  );
  assertEquals([tally.acked, sent.length], [1_200, 1_200]);
});

Deno.test("produce --stdin sends a line within 100 ms while no other comes", async () => {
  const stdin: Fakes["stdin"] = (sleep) =>
    ReadableStream.from((async function* () {
      yield bytes(line(1) + "\n");
      await sleep(5_000, forever);
      yield bytes(line(2) + "\n" + line(3) + "\n");
      await sleep(5_000, forever);
    })());
  const { sent } = await run({ stdin: true, count: null }, { stdin });
  assertEquals(sent.map(({ key, atMs }) => [key, atMs]).toSorted(), [
    ["1", 100],
    ["2", 5_100],
    ["3", 5_100],
  ]);
});

Deno.test("produce --stdin stopped by a signal does not wait for the line to end", async () => {
  const stdin: Fakes["stdin"] = (sleep, stop) =>
    new ReadableStream({
      async start(controller) {
        controller.enqueue(bytes(line(1) + "\n" + line(2).slice(0, 20)));
        await sleep(1_000, forever);
        stop.abort();
      },
    });
  const { tally, failure } = await run({ stdin: true, count: null }, { stdin });
  assertEquals(failure, null);
  assertEquals([tally.made, tally.acked], [1, 1]);
});

const tally: ProduceTally = {
  topic: "routes",
  seed: 42,
  startMs: START_MS,
  made: 1_000,
  skipped: 0,
  invalid: 0,
  acked: 1_000,
  failed: 0,
  unknown: 0,
  seconds: 0.8,
};

Deno.test("summarize() prints the three counts and the seed", () => {
  assertEquals(
    summarize(tally, { dry: false }),
    "sent 1 000 records to routes in 0.8 s (1 250/s), 0 failed, 0 unknown · seed 42",
  );
  assertEquals(
    summarize({ ...tally, seed: null, acked: 0, unknown: 1_000 }, { dry: false }),
    "sent 0 records to routes in 0.8 s (0/s), 0 failed, 1 000 unknown",
  );
});

Deno.test("summarize() counts one record as one, and long runs in minutes", () => {
  assertEquals(
    summarize({ ...tally, acked: 1, seconds: 4_210 }, { dry: false }),
    "sent 1 record to routes in 1:10:10 (below 0.001/s), 0 failed, 0 unknown · seed 42",
  );
});

Deno.test("summarize() of a dry run says that nothing was sent", () => {
  assertEquals(summarize(tally, { dry: true }), "made 1 000 records in 0.8 s, sent none · seed 42");
});

Deno.test("describeProgress() prints count, rate, elapsed and remaining time", () => {
  const now = { ...tally, acked: 12_400, seconds: 7 };
  const endless = { count: null, durationMs: null, stdin: false };
  const cases: [{ count?: number; durationMs?: number; stdin?: boolean }, string][] = [
    [{}, "sent 12 400 · 1 771/s · 0:07"],
    [{ count: 100_000 }, "sent 12 400 of 100 000 · 1 771/s · 0:07 · 0:50 left"],
    [{ durationMs: 600_000 }, "sent 12 400 · 1 771/s · 0:07 · 9:53 left"],
    [{ count: 100_000, durationMs: 8_000 }, "sent 12 400 of 100 000 · 1 771/s · 0:07 · 0:01 left"],
    [{ count: 1_000, stdin: true }, "sent 12 400 · 1 771/s · 0:07"],
  ];
  for (const [changes, line] of cases) {
    assertEquals(describeProgress(now, { ...endless, ...changes }, 1_771.4), line);
  }
});
