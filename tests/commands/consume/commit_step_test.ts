import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  createCommitStep,
  SourceGone,
  type StepStore,
} from "../../../src/commands/consume/commit_step.ts";
import { makeStep } from "../../../src/commands/consume/step.ts";
import type { Step } from "../../../src/postgres/store.ts";
import type { Message } from "../../../src/record/validate.ts";

const never = new AbortController().signal;

class Refused extends Error {
  constructor(readonly state: string) {
    super(`refused ${state}`);
  }
}

/** A store in memory that behaves as the statement: it writes the steps at `from` and no others. */
function memoryStore(position = 0) {
  const database = {
    position: position as number | null,
    written: [] as Step[],
    statements: [] as number[],
    /** The number of calls of refusal(). */
    probes: 0,
    /** Called before (false) and after (true) each statement; may throw. */
    fault: (_steps: Step[], _after: boolean): void => {},
  };
  const store: StepStore = {
    write: (steps) => {
      database.statements.push(steps.length);
      return attempt(() => {
        database.fault(steps, false);
        const won = steps.map((step) => {
          if (step.from !== database.position) return false;
          database.position = step.to;
          database.written.push(step);
          return true;
        });
        database.fault(steps, true);
        return won;
      });
    },
    refusal: async (step) => {
      database.probes++;
      try {
        await attempt(() => database.fault([step], false));
        return null;
      } catch (error) {
        return (error as Refused).state;
      }
    },
    position: () => Promise.resolve(database.position),
    judge: (error) => {
      if (!(error instanceof Refused)) return { act: "wait", state: "" };
      return { act: error.state.startsWith("22") ? "reject" : "stop", state: error.state };
    },
    explain: (error) => new Error("explained", { cause: error }),
  };
  return { database, store };
}

function attempt<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => resolve(work()));
}

function committerFor(store: StepStore, rowsMax = 1000) {
  const reported: Step[] = [];
  const commitStep = createCommitStep(store, {
    rowsMax,
    statementsMax: 2,
    backoff: { wait: () => Promise.resolve(), succeeded: () => {} },
    committed: (step) => {
      reported.push(step);
      return Promise.resolve();
    },
  });
  return { commitStep, reported };
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

Deno.test("commitStep() moves the position past the last record", async () => {
  const { database, store } = memoryStore();
  const { commitStep, reported } = committerFor(store);
  assertEquals(await commitStep(makeStep(1, 0, records(0, 3)), never), 3);
  assertEquals([database.position, offsetsOf(database.written), reported.length], [
    3,
    [0, 1, 2],
    1,
  ]);
});

Deno.test("commitStep() writes nothing and returns the position when another writer was first", async () => {
  const { database, store } = memoryStore(7);
  const { commitStep, reported } = committerFor(store);
  assertEquals(await commitStep(makeStep(1, 0, records(0, 3)), never), 7);
  assertEquals([database.written.length, reported.length], [0, 0]);
});

Deno.test("commitStep() returns a lower position after the database was rewound", async () => {
  const { store } = memoryStore(2);
  const { commitStep } = committerFor(store);
  assertEquals(await commitStep(makeStep(1, 5, records(5, 3)), never), 2);
});

for (const executed of [false, true]) {
  const when = executed ? "after the statement was executed" : "before the statement arrived";
  Deno.test(`commitStep() writes once when the connection is lost ${when}`, async () => {
    const { database, store } = memoryStore();
    let cuts = 2;
    database.fault = (_steps, after) => {
      if (after === executed && cuts-- > 0) throw new Error("connection lost");
    };
    const { commitStep, reported } = committerFor(store);
    assertEquals(await commitStep(makeStep(1, 0, records(0, 3)), never), 3);
    assertEquals([offsetsOf(database.written), reported.length], [[0, 1, 2], 1]);
  });
}

Deno.test("commitStep() isolates the record that the database refuses", async () => {
  const { database, store } = memoryStore();
  database.fault = (steps, after) => {
    if (!after && offsetsOf(steps).includes(6)) throw new Refused("22003");
  };
  const { commitStep, reported } = committerFor(store);
  assertEquals(await commitStep(makeStep(1, 0, records(0, 11)), never), 11);
  assertEquals(offsetsOf(database.written), [0, 1, 2, 3, 4, 5, 7, 8, 9, 10]);
  const rejects = reported.flatMap(({ validated }) => validated.rejects);
  assertEquals(rejects.map(({ offset, code }) => [offset, code]), [[6, "db_22003"]]);
});

Deno.test("commitStep() stops and rejects nothing when the database refuses every row of a batch", async () => {
  const { database, store } = memoryStore();
  database.fault = (steps, after) => {
    if (!after && offsetsOf(steps).length > 0) throw new Refused("22003");
  };
  const { commitStep, reported } = committerFor(store);
  const messages = records(0, 500);
  // Rejects and tombstones, which the database accepts, are no rows.
  Object.assign(messages[0]!, { value: null });
  Object.assign(messages[1]!, { value: new TextEncoder().encode("{") });
  await assertRejects(() => commitStep(makeStep(1, 0, messages), never), Error, "explained");
  assertEquals([database.position, reported.length, database.statements], [0, 0, [1]]);
});

for (
  const [what, isRefused, probes] of [
    ["half of a batch", (offset: number) => offset < 250, 13],
    ["all but the last record", (offset: number) => offset < 499, 500],
  ] as const
) {
  Deno.test(`commitStep() rejects each refused record when the database refuses ${what}`, async () => {
    const { database, store } = memoryStore();
    database.fault = (steps, after) => {
      if (!after && offsetsOf(steps).some(isRefused)) throw new Refused("22003");
    };
    const { commitStep, reported } = committerFor(store);
    const step = makeStep(1, 0, records(0, 500));
    assertEquals(await commitStep(step, never), 500);
    const rejects = reported.flatMap(({ validated }) => validated.rejects);
    assertEquals(rejects.length, step.messages.filter((_, i) => isRefused(i)).length);
    assert(database.probes <= probes, `${database.probes} probes`);
  });
}

Deno.test("commitStep() rejects the records of a small batch that the database refuses as a whole", async () => {
  const { database, store } = memoryStore();
  database.fault = (steps, after) => {
    if (!after && offsetsOf(steps).length > 0) throw new Refused("22003");
  };
  const { commitStep } = committerFor(store);
  assertEquals(await commitStep(makeStep(1, 0, records(0, 19)), never), 19);
  assertEquals(database.probes, 0);
});

Deno.test("commitStep() stops when even the reject cannot be stored", async () => {
  const { database, store } = memoryStore();
  database.fault = () => {
    throw new Refused("22003");
  };
  const { commitStep } = committerFor(store);
  await assertRejects(() => commitStep(makeStep(1, 0, records(0, 4)), never), Error, "explained");
  assertEquals(database.position, 0);
});

Deno.test("commitStep() stops on an error that waiting cannot fix, and writes nothing", async () => {
  const { database, store } = memoryStore();
  database.fault = () => {
    throw new Refused("42P01");
  };
  const { commitStep } = committerFor(store);
  await assertRejects(() => commitStep(makeStep(1, 0, records(0, 2)), never), Error, "explained");
  assertEquals([database.position, database.statements], [0, [1]]);
});

Deno.test("commitStep() throws SourceGone when the row of its source is missing", async () => {
  const { database, store } = memoryStore();
  database.position = null;
  const { commitStep } = committerFor(store);
  await assertRejects(() => commitStep(makeStep(1, 0, records(0, 2)), never), SourceGone);
});

Deno.test("steps that wait at the same time share a statement, up to its size", async () => {
  const { database, store } = memoryStore();
  store.write = (steps) => {
    database.statements.push(steps.length);
    return Promise.resolve(steps.map(() => true));
  };
  const { commitStep } = committerFor(store, 25);
  await Promise.all(
    Array.from({ length: 7 }, (_, source) => commitStep(makeStep(source, 0, records(0, 5)), never)),
  );
  assertEquals(database.statements, [5, 2]);
});

Deno.test("a bad record in a shared statement does not affect the other partitions", async () => {
  const positions = new Map([[1, 0], [2, 0], [3, 0]]);
  const { store } = memoryStore();
  store.write = (steps) =>
    attempt(() => {
      if (steps.some((step) => step.source === 2 && step.validated.rejects.length === 0)) {
        throw new Refused("22003");
      }
      for (const { source, to } of steps) positions.set(source, to);
      return steps.map(() => true);
    });
  const { commitStep, reported } = committerFor(store);
  await Promise.all(
    [1, 2, 3].map((source) => commitStep(makeStep(source, 0, records(0, 1)), never)),
  );
  assertEquals([...positions.values()], [1, 1, 1]);
  assertEquals(reported.map(({ source }) => source).sort(), [1, 2, 3]);
});
