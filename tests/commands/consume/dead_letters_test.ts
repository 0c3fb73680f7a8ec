import { assertEquals, assertRejects } from "@std/assert";
import { toLetter, withDeadLetters } from "../../../src/commands/consume/dead_letters.ts";
import { createCommitStep } from "../../../src/commands/consume/commit_step.ts";
import { makeStep } from "../../../src/commands/consume/step.ts";
import type { Letter } from "../../../src/kafka/dead_letters.ts";
import type { Step } from "../../../src/postgres/store.ts";
import type { Message } from "../../../src/record/validate.ts";

const never = new AbortController().signal;
const text = (bytes: Uint8Array | null) => bytes && new TextDecoder().decode(bytes);
const named = ({ headers }: Letter) => headers.map(({ key, value }) => [key, text(value)]);

function message(offset: number, value = "{"): Message {
  const bytes = new TextEncoder().encode(value);
  return { offset: String(offset), timestamp: "0", key: null, value: bytes, headers: [] };
}

Deno.test("toLetter() keeps the record as received and adds the headers of Kafka Connect", () => {
  const headers = [
    { key: "trace", value: null },
    { key: "trace", value: Uint8Array.of(0, 255) },
  ];
  const reject = {
    offset: 7,
    message: { ...message(7), key: Uint8Array.of(1), headers },
    code: "schema" as const,
    path: "userID",
    reason: "expected an integer, found none",
  };
  const letter = toLetter(reject, { topic: "t", partition: 2, group: "g" });
  assertEquals([letter.key, letter.value], [reject.message.key, reject.message.value]);
  assertEquals(letter.headers.slice(0, 2), headers);
  assertEquals(named({ ...letter, headers: letter.headers.slice(2) }), [
    ["__connect.errors.topic", "t"],
    ["__connect.errors.partition", "2"],
    ["__connect.errors.offset", "7"],
    ["__connect.errors.connector.name", "g"],
    ["__connect.errors.stage", "VALUE_CONVERTER"],
    ["__connect.errors.exception.class.name", "schema"],
    ["__connect.errors.exception.message", "userID: expected an integer, found none"],
  ]);
});

Deno.test("toLetter() gives records that the database refused a stage of their own", () => {
  const reject = {
    offset: 7,
    message: message(7),
    code: "db_22003" as const,
    path: "",
    reason: "x",
  };
  const headers = named(toLetter(reject, { topic: "t", partition: 2, group: "g" }));
  assertEquals(headers[4], ["__connect.errors.stage", "TASK_PUT"]);
  assertEquals(headers[6], ["__connect.errors.exception.message", "x"]);
});

/** A store that posts rejects, with a log of its calls. */
function postingStore(refuse: (steps: Step[]) => void = () => {}) {
  const events: string[] = [];
  const fault: { error: Error | null } = { error: null };
  const store = withDeadLetters(
    {
      sources: () => Promise.resolve([{ id: 11, partition: 1 }, { id: 12, partition: 2 }]),
      write: (steps) =>
        Promise.resolve().then(() => {
          refuse(steps);
          events.push(`written ${steps.map(({ from, to }) => `${from}-${to}`)}`);
          return steps.map(() => true);
        }),
    },
    { topic: "t", group: "g" },
    (partition, letters) => {
      if (fault.error) return Promise.reject(fault.error);
      const offsets = letters.map((letter) => Object.fromEntries(named(letter)))
        .map((headers) => headers["__connect.errors.offset"]);
      events.push(`posted ${partition}: ${offsets}`);
      return Promise.resolve();
    },
  );
  return { store, events, fault };
}

const GOOD = '{"userID":1,"timestamp":1.5,"coordinates":[1.5,2.5]}';

Deno.test("rejects are posted before the statement that settles them, by partition", async () => {
  const { store, events } = postingStore();
  await store.sources();
  await store.write([
    makeStep(11, 0, [message(0), message(1, GOOD), message(2)]),
    makeStep(12, 5, [message(5)]),
  ]);
  await store.write([makeStep(11, 3, [message(3, GOOD)])]);
  assertEquals(events, ["posted 1: 0,2", "posted 2: 5", "written 0-3,5-6", "written 3-4"]);
});

Deno.test("nothing is settled when its rejects cannot be posted, and a later attempt posts them", async () => {
  const { store, events, fault } = postingStore();
  await store.sources();
  const step = makeStep(11, 0, [message(0)]);
  fault.error = new Error("unavailable");
  await assertRejects(() => store.write([step]), Error, "unavailable");
  assertEquals(events, []);
  fault.error = null;
  await store.write([step]);
  assertEquals(events, ["posted 1: 0", "written 0-1"]);
});

Deno.test("a reject is posted once even when its statement is halved, also one that the database refused", async () => {
  const { store, events } = postingStore((steps) => {
    const refused = steps.some(({ validated }) => validated.points.offsets.includes(2));
    if (refused) throw new Error("22003");
  });
  await store.sources();
  const commitStep = createCommitStep({
    ...store,
    position: () => Promise.resolve(0),
    refusal: () => Promise.resolve(null),
    judge: () => ({ act: "reject", state: "22003" }),
    explain: (error) => error as Error,
  }, {
    rowsMax: 100,
    statementsMax: 1,
    backoff: { wait: () => Promise.resolve(), succeeded: () => {} },
    committed: () => Promise.resolve(),
  });
  const messages = [message(0), message(1, GOOD), message(2, GOOD), message(3)];
  assertEquals(await commitStep(makeStep(11, 0, messages), never), 4);
  assertEquals(events, [
    "posted 1: 0,3",
    "written 0-2",
    "posted 1: 2",
    "written 2-3",
    "written 3-4",
  ]);
});
