import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  createSettler,
  type Ledger,
  makeStep,
  SourceGone,
} from "../../../src/commands/consume/settle.ts";
import type { Step } from "../../../src/postgres/store.ts";
import type { Message } from "../../../src/record/validate.ts";

const never = new AbortController().signal;

class Refused extends Error {
  constructor(readonly state: string) {
    super(`refused ${state}`);
  }
}

/** A ledger in memory that behaves as the statement: it writes the steps at `from` and no others. */
function memoryLedger(position = 0) {
  const ledger = {
    position: position as number | null,
    written: [] as Step[],
    statements: [] as number[],
    /** The number of calls of refusal(). */
    probes: 0,
    /** Called before (false) and after (true) each statement; may throw. */
    fault: (_steps: Step[], _after: boolean): void => {},
  };
  const seam: Ledger = {
    write: (steps) => {
      ledger.statements.push(steps.length);
      return attempt(() => {
        ledger.fault(steps, false);
        const won = steps.map((step) => {
          if (step.from !== ledger.position) return false;
          ledger.position = step.to;
          ledger.written.push(step);
          return true;
        });
        ledger.fault(steps, true);
        return won;
      });
    },
    refusal: async (step) => {
      ledger.probes++;
      try {
        await attempt(() => ledger.fault([step], false));
        return null;
      } catch (error) {
        return (error as Refused).state;
      }
    },
    position: () => Promise.resolve(ledger.position),
    judge: (error) => {
      if (!(error instanceof Refused)) return { act: "wait", state: "" };
      return { act: error.state.startsWith("22") ? "reject" : "stop", state: error.state };
    },
    explain: (error) => new Error("explained", { cause: error }),
  };
  return { ledger, seam };
}

function attempt<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => resolve(work()));
}

function settlerFor(seam: Ledger, rowsMax = 1000) {
  const reported: Step[] = [];
  const settle = createSettler(seam, {
    rowsMax,
    statementsMax: 2,
    wait: () => Promise.resolve(),
    written: (step) => {
      reported.push(step);
      return Promise.resolve();
    },
  });
  return { settle, reported };
}

function records(from: number, count: number): Message[] {
  return Array.from({ length: count }, (_, i) => ({
    offset: String(from + i),
    timestamp: "0",
    key: null,
    value: new TextEncoder().encode(
      `{"userID":${from + i},"timestamp":1.5,"coordinates":[1.5,2.5]}`,
    ),
    headers: [],
  }));
}

const offsetsOf = (steps: Step[]) => steps.flatMap(({ validated }) => validated.points.offsets);

Deno.test("settle() moves the position past the last record", async () => {
  const { ledger, seam } = memoryLedger();
  const { settle, reported } = settlerFor(seam);
  assertEquals(await settle(makeStep(1, 0, records(0, 3)), never), 3);
  assertEquals([ledger.position, offsetsOf(ledger.written), reported.length], [3, [0, 1, 2], 1]);
});

Deno.test("settle() writes nothing and returns the position when another writer was first", async () => {
  const { ledger, seam } = memoryLedger(7);
  const { settle, reported } = settlerFor(seam);
  assertEquals(await settle(makeStep(1, 0, records(0, 3)), never), 7);
  assertEquals([ledger.written.length, reported.length], [0, 0]);
});

Deno.test("settle() returns a lower position after the database was rewound", async () => {
  const { seam } = memoryLedger(2);
  const { settle } = settlerFor(seam);
  assertEquals(await settle(makeStep(1, 5, records(5, 3)), never), 2);
});

for (const executed of [false, true]) {
  const when = executed ? "after the statement was executed" : "before the statement arrived";
  Deno.test(`settle() writes once when the connection is lost ${when}`, async () => {
    const { ledger, seam } = memoryLedger();
    let cuts = 2;
    ledger.fault = (_steps, after) => {
      if (after === executed && cuts-- > 0) throw new Error("connection lost");
    };
    const { settle, reported } = settlerFor(seam);
    assertEquals(await settle(makeStep(1, 0, records(0, 3)), never), 3);
    assertEquals([offsetsOf(ledger.written), reported.length], [[0, 1, 2], 1]);
  });
}

Deno.test("settle() isolates the record that the database refuses", async () => {
  const { ledger, seam } = memoryLedger();
  ledger.fault = (steps, after) => {
    if (!after && offsetsOf(steps).includes(6)) throw new Refused("22003");
  };
  const { settle, reported } = settlerFor(seam);
  assertEquals(await settle(makeStep(1, 0, records(0, 11)), never), 11);
  assertEquals(offsetsOf(ledger.written), [0, 1, 2, 3, 4, 5, 7, 8, 9, 10]);
  const rejects = reported.flatMap(({ validated }) => validated.rejects);
  assertEquals(rejects.map(({ offset, code }) => [offset, code]), [[6, "db_22003"]]);
});

Deno.test("settle() stops and rejects nothing when the database refuses every row of a batch", async () => {
  const { ledger, seam } = memoryLedger();
  ledger.fault = (steps, after) => {
    if (!after && offsetsOf(steps).length > 0) throw new Refused("22003");
  };
  const { settle, reported } = settlerFor(seam);
  const messages = records(0, 500);
  // Rejects and tombstones, which the database accepts, are no rows.
  Object.assign(messages[0]!, { value: null });
  Object.assign(messages[1]!, { value: new TextEncoder().encode("{") });
  await assertRejects(() => settle(makeStep(1, 0, messages), never), Error, "explained");
  assertEquals([ledger.position, reported.length, ledger.statements], [0, 0, [1]]);
});

for (
  const [what, isRefused, probes] of [
    ["half of a batch", (offset: number) => offset < 250, 13],
    ["all but the last record", (offset: number) => offset < 499, 500],
  ] as const
) {
  Deno.test(`settle() rejects each refused record when the database refuses ${what}`, async () => {
    const { ledger, seam } = memoryLedger();
    ledger.fault = (steps, after) => {
      if (!after && offsetsOf(steps).some(isRefused)) throw new Refused("22003");
    };
    const { settle, reported } = settlerFor(seam);
    const step = makeStep(1, 0, records(0, 500));
    assertEquals(await settle(step, never), 500);
    const rejects = reported.flatMap(({ validated }) => validated.rejects);
    assertEquals(rejects.length, step.messages.filter((_, i) => isRefused(i)).length);
    assert(ledger.probes <= probes, `${ledger.probes} probes`);
  });
}

Deno.test("settle() rejects the records of a small batch that the database refuses as a whole", async () => {
  const { ledger, seam } = memoryLedger();
  ledger.fault = (steps, after) => {
    if (!after && offsetsOf(steps).length > 0) throw new Refused("22003");
  };
  const { settle } = settlerFor(seam);
  assertEquals(await settle(makeStep(1, 0, records(0, 19)), never), 19);
  assertEquals(ledger.probes, 0);
});

Deno.test("settle() stops when even the reject cannot be stored", async () => {
  const { ledger, seam } = memoryLedger();
  ledger.fault = () => {
    throw new Refused("22003");
  };
  const { settle } = settlerFor(seam);
  await assertRejects(() => settle(makeStep(1, 0, records(0, 4)), never), Error, "explained");
  assertEquals(ledger.position, 0);
});

Deno.test("settle() stops on an error that waiting cannot fix, and writes nothing", async () => {
  const { ledger, seam } = memoryLedger();
  ledger.fault = () => {
    throw new Refused("42P01");
  };
  const { settle } = settlerFor(seam);
  await assertRejects(() => settle(makeStep(1, 0, records(0, 2)), never), Error, "explained");
  assertEquals([ledger.position, ledger.statements], [0, [1]]);
});

Deno.test("settle() throws SourceGone when the row of its source is missing", async () => {
  const { ledger, seam } = memoryLedger();
  ledger.position = null;
  const { settle } = settlerFor(seam);
  await assertRejects(() => settle(makeStep(1, 0, records(0, 2)), never), SourceGone);
});

Deno.test("steps that wait at the same time share a statement, up to its size", async () => {
  const { ledger, seam } = memoryLedger();
  seam.write = (steps) => {
    ledger.statements.push(steps.length);
    return Promise.resolve(steps.map(() => true));
  };
  const { settle } = settlerFor(seam, 25);
  await Promise.all(
    Array.from({ length: 7 }, (_, source) => settle(makeStep(source, 0, records(0, 5)), never)),
  );
  assertEquals(ledger.statements, [5, 2]);
});

Deno.test("a bad record in a shared statement does not affect the other partitions", async () => {
  const positions = new Map([[1, 0], [2, 0], [3, 0]]);
  const { seam } = memoryLedger();
  seam.write = (steps) =>
    attempt(() => {
      if (steps.some((step) => step.source === 2 && step.validated.rejects.length === 0)) {
        throw new Refused("22003");
      }
      for (const { source, to } of steps) positions.set(source, to);
      return steps.map(() => true);
    });
  const { settle, reported } = settlerFor(seam);
  await Promise.all([1, 2, 3].map((source) => settle(makeStep(source, 0, records(0, 1)), never)));
  assertEquals([...positions.values()], [1, 1, 1]);
  assertEquals(reported.map(({ source }) => source).sort(), [1, 2, 3]);
});
