import { assert, assertEquals } from "@std/assert";
import { type Message, validate } from "../../src/record/validate.ts";
import { jsonCases } from "./json_cases.ts";
import { drawFrom, mutate, pick } from "../fakes/random.ts";
import {
  assertOutcome,
  bytesOf,
  type Outcome,
  RECORD,
  type RecordCase,
  recordCases,
} from "./record_cases.ts";

function messageOf({ value, key = undefined, headers }: Partial<RecordCase>, offset = 0): Message {
  return {
    offset: String(offset),
    timestamp: "1732431234567",
    key: key ?? null,
    value: value ?? null,
    ...(headers && { headers }),
  };
}

/** The outcome of one record, in the form of the tables. */
function outcomeOf(message: Message): Outcome {
  const { points, rejects, tombstones } = validate([message]);
  assertEquals(points.offsets.length + rejects.length + tombstones, 1);
  const [reject] = rejects;
  if (tombstones) return "tombstone";
  if (reject) {
    assert(reject.message === message);
    return { code: reject.code, path: reject.path, reason: reject.reason };
  }
  return [points.userIDs[0]!, points.timestamps[0]!, points.latitudes[0]!, points.longitudes[0]!];
}

for (const given of recordCases) {
  Deno.test(`validate() judges ${given.name}`, () => {
    assertOutcome(outcomeOf(messageOf(given)), given.outcome);
    assertEquals(outcomeOf(messageOf(given)), given.outcome);
  });
}

for (const given of jsonCases) {
  Deno.test(`validate() judges JSON that ${given.class}: ${given.name}`, () => {
    assertOutcome(outcomeOf(messageOf(given)), given.outcome);
  });
}

Deno.test("the tables have at least 120 JSON texts of every class, each once", () => {
  const classes = Map.groupBy(jsonCases, (given) => given.class);
  assertEquals(new Set(jsonCases.map(({ value }) => String(value))).size, jsonCases.length);
  assertEquals([...classes.keys()], ["must parse", "must not parse", "may parse"]);
  assert(jsonCases.length >= 120, `${jsonCases.length}`);
});

Deno.test("every JSON case has an outcome that its class allows", () => {
  for (const { name, class: group, outcome } of jsonCases) {
    const code = typeof outcome === "object" && "code" in outcome ? outcome.code : "row";
    if (group === "must parse") assert(code === "row" || code === "schema", name);
    if (group === "must not parse") assertEquals(code, "json_syntax", name);
  }
});

Deno.test("validate() keeps the order and the offsets of points and rejects, and counts tombstones", () => {
  const cases = [...recordCases, ...jsonCases];
  const first = Number.MAX_SAFE_INTEGER - 10 * cases.length;
  // Offsets have gaps where a topic is compacted.
  const messages = cases.map((given, i) => messageOf(given, first + i * 7));
  const { points, rejects, tombstones } = validate(messages);
  const isRow = (i: number) => Array.isArray(cases[i]!.outcome);
  const offsets = messages.map(({ offset }) => Number(offset));
  assertEquals(points.offsets, offsets.filter((_, i) => isRow(i)));
  assertEquals(
    rejects.map(({ offset }) => offset),
    offsets.filter((_, i) => !isRow(i) && messages[i]!.value !== null),
  );
  assertEquals(tombstones, messages.filter(({ value }) => value === null).length);
  for (const { offset, message } of rejects) assert(message === messages[offsets.indexOf(offset)]);
  for (const column of Object.values(points)) assertEquals(column.length, points.offsets.length);
});

Deno.test("validate() judges each record independently of the others", () => {
  const draw = drawFrom(1);
  for (let i = 0; i < 200; i++) {
    const chosen = Array.from({ length: 20 }, () => pick(draw, jsonCases));
    const { points, rejects } = validate(chosen.map((given, at) => messageOf(given, at)));
    const codes = new Map(rejects.map(({ offset, code }) => [offset, code]));
    chosen.forEach(({ name, outcome }, at) => {
      const expected = Array.isArray(outcome) ? undefined : (outcome as { code: string }).code;
      assertEquals(codes.get(at), expected, name);
    });
    assertEquals(points.offsets.length + rejects.length, 20);
  }
});

Deno.test("validate() of no messages returns an empty result", () => {
  const points = { offsets: [], userIDs: [], timestamps: [], latitudes: [], longitudes: [] };
  assertEquals(validate([]), { points, rejects: [], tombstones: 0 });
});

Deno.test("validate() changes no prototype", () => {
  const names = () =>
    [Object.prototype, Array.prototype, Function.prototype].map((prototype) =>
      Reflect.ownKeys(prototype).map(String)
    );
  const before = names();
  validate([...recordCases, ...jsonCases].map((given) => messageOf(given)));
  assertEquals(names(), before);
  assertEquals(({} as Record<string, unknown>).polluted, undefined);
});

Deno.test("validate() neither throws nor loses a record for 20 000 random and mutated values", () => {
  const draw = drawFrom(2);
  const spoil = (bytes: Uint8Array) => {
    const spoilt = Uint8Array.from(bytes);
    for (let times = draw(4); times > 0; times--) spoilt[draw(spoilt.length)] = draw(256);
    return draw(3) ? spoilt : spoilt.slice(draw(4), spoilt.length - draw(4));
  };
  const short = jsonCases.filter(({ value }) => value!.length < 300);
  const values = Array.from({ length: 20_000 }, () => {
    const random = Uint8Array.from({ length: draw(100) }, () => draw(256));
    const text = bytesOf(mutate(draw, RECORD));
    return pick(draw, [null, random, text, spoil(pick(draw, short).value!)]);
  });
  const messages = values.map((value, at) => messageOf({ value }, at));
  const { points, rejects, tombstones } = validate(messages);
  const settled = [...points.offsets, ...rejects.map(({ offset }) => offset)];
  const expected = values.flatMap((value, at) => value === null ? [] : [at]);
  assertEquals(settled.toSorted((a, b) => a - b), expected);
  assertEquals(tombstones, values.length - expected.length);
  for (const offsets of [points.offsets, rejects.map(({ offset }) => offset)]) {
    assertEquals(offsets, offsets.toSorted((a, b) => a - b));
  }
  for (const { code, path, reason } of rejects) {
    assertOutcome({ code, path, reason }, { code, path, reason: "expected " });
  }
  const codes = new Set(rejects.map(({ code }) => code));
  assertEquals(codes, new Set<string>(["json_syntax", "utf8", "schema", "depth"]));
});

Deno.test("validate() names the framing of a schema registry", () => {
  const value = Uint8Array.of(0, 0, 1, 2, 3, 14, 7);
  const { rejects } = validate([{ offset: "0", timestamp: "0", key: null, value }]);
  assertEquals(rejects.map(({ code, reason }) => [code, reason]), [
    ["json_syntax", "expected JSON, found the framing of schema 66051 of a schema registry"],
  ]);
});

Deno.test("validate() makes a reject of a record that could not be read, whatever is left of it", () => {
  const damage = { code: "unreadable" as const, reason: "its checksum is wrong", lastOffset: 9 };
  const left = { timestamp: "-1", key: null, damage };
  const { rejects, tombstones, points } = validate([
    { ...left, offset: "5", value: null },
    { ...left, offset: "7", value: new TextEncoder().encode(RECORD) },
  ]);
  assertEquals([tombstones, points.offsets], [0, []]);
  assertEquals(rejects.map(({ offset, lastOffset, code }) => [offset, lastOffset, code]), [
    [5, 9, "unreadable"],
    [7, 9, "unreadable"],
  ]);
});
