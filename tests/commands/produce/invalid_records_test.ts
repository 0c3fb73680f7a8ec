import { assert, assertEquals } from "@std/assert";
import {
  invalidBefore,
  type InvalidRecord,
  makeInvalid,
} from "../../../src/commands/produce/invalid_records.ts";
import type { Point } from "../../../src/record/point.ts";
import { type Message, validate } from "../../../src/record/validate.ts";

const point: Point = {
  userID: 7,
  timestamp: 1732431234.567,
  coordinates: [60.1699123, 24.9384567],
};
const integral: Point = { userID: 1, timestamp: 1732431234, coordinates: [0, 25] };

/** One round of all kinds: the heavy ones first, then the light ones until the first comes again. */
function kinds(of: Point): InvalidRecord[] {
  const all = [0, 1].map((before) => makeInvalid(of, before, { heavy: true }));
  for (let before = 2;; before++) {
    const flawed = makeInvalid(of, before, { heavy: true });
    if (flawed.label === all[2]?.label) return all;
    all.push(flawed);
  }
}

function toMessage({ value, header, label }: InvalidRecord): Message {
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  const texts = { "routes-invalid": label, ...(header && { "routes-padding": header }) };
  const headers = Object.entries(texts).map(([key, text]) => {
    return { key, value: new TextEncoder().encode(text) };
  });
  return { offset: "0", timestamp: "0", key: null, value: bytes, headers };
}

function outcome(flawed: InvalidRecord): string[] {
  const { points, rejects, tombstones } = validate([toMessage(flawed)]);
  const codes: string[] = rejects.map(({ code }) => code);
  return [...points.offsets.map(() => "row"), ...codes, ...Array(tombstones).fill("tombstone")];
}

for (const flawed of kinds(point)) {
  Deno.test(`makeInvalid() makes a record with the labelled result: ${flawed.label}`, () => {
    assertEquals(outcome(flawed), [flawed.label.split("/")[0]!]);
  });
}

Deno.test("makeInvalid() makes every point invalid, also with integral numbers", () => {
  for (const flawed of kinds(integral)) {
    assertEquals(outcome(flawed), [flawed.label.split("/")[0]!], flawed.label);
  }
});

Deno.test("makeInvalid() gives each kind its own label and value", () => {
  const all = kinds(point);
  assertEquals(new Set(all.map(({ label }) => label)).size, all.length);
  const values = all.filter(({ header }) => header === null)
    .map(({ value }) => `${typeof value} ${value}`);
  assertEquals(new Set(values).size, values.length);
});

Deno.test("makeInvalid() shows every outcome within the first seven", () => {
  const codes = kinds(point).slice(0, 7).map(({ label }) => label.split("/")[0]!);
  assertEquals(
    new Set(codes),
    new Set(["size", "json_syntax", "utf8", "schema", "depth", "tombstone"]),
  );
});

Deno.test("makeInvalid() makes no value that breaks a line", () => {
  for (const { label, value } of kinds(point)) {
    const broken = typeof value === "string" ? value.includes("\n") : value?.includes(10);
    assert(!broken, label);
  }
});

Deno.test("makeInvalid() makes few records of 1 MiB, and none without heavy", () => {
  const count = (heavy: boolean) => {
    let giants = 0;
    for (let before = 0; before < 50_000; before++) {
      if (makeInvalid(point, before, { heavy }).label.startsWith("size/")) giants++;
    }
    return giants;
  };
  assertEquals(count(false), 0);
  const giants = count(true);
  assert(giants > 2 && giants < 250, `${giants}`);
});

const shares: [percent: number, records: number, flawed: number][] = [
  [0, 1_000_000, 0],
  [5, 1_000_000, 50_000],
  [2, 1_000, 20],
  [100, 777, 777],
  [2.5, 1_000, 25],
  [0.1, 1_000_000, 1_000],
  [33.3333, 1_000_000, 333_333],
  [5, 19, 0],
  [5, 20, 1],
];

for (const [percent, records, flawed] of shares) {
  Deno.test(`invalidBefore() counts ${flawed} in ${records} at ${percent} %`, () => {
    assertEquals(invalidBefore(records, percent), flawed);
  });
}

Deno.test("invalidBefore() spreads the share evenly", () => {
  for (let index = 0; index < 10_000; index += 20) {
    assertEquals(invalidBefore(index, 5), index / 20);
  }
});
