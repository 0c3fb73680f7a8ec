import { assertEquals } from "@std/assert";
import { contradiction, holds, place, type Spec } from "../../src/record/offsets.ts";

const range = { low: 10, high: 20 };
const cases: [Spec, number | undefined, number][] = [
  [{ at: "earliest" }, undefined, 10],
  [{ at: "latest" }, undefined, 20],
  [{ at: "offset", offset: 15 }, undefined, 15],
  [{ at: "offset", offset: 3 }, undefined, 10],
  [{ at: "offset", offset: 99 }, undefined, 20],
  [{ at: "last", count: 4 }, undefined, 16],
  [{ at: "last", count: 400 }, undefined, 10],
  [{ at: "time", ms: 1 }, 12, 12],
  [{ at: "time", ms: 1 }, undefined, 20],
];
for (const [spec, atTime, expected] of cases) {
  Deno.test(`place() puts ${JSON.stringify(spec)} at ${expected} of [10, 20)`, () => {
    assertEquals(place(spec, range, atTime), expected);
  });
}

Deno.test("place() of an empty partition is its one offset", () => {
  for (const [spec] of cases) assertEquals(place(spec, { low: 5, high: 5 }), 5);
});

Deno.test("holds() accepts both ends of the log as positions", () => {
  assertEquals([9, 10, 20, 21].map((position) => holds(range, position)), [
    false,
    true,
    true,
    false,
  ]);
});

Deno.test("contradiction() names the lost range of offsets", () => {
  assertEquals(contradiction("t", 2, 4, range).reason, [
    "offsets 4 to 9 were deleted before they were read",
  ]);
  assertEquals(
    contradiction("t", 2, 4, range).message,
    'partition 2 of topic "t" lost 6 unread records',
  );
  assertEquals(contradiction("t", 2, 30, range).kind, "data");
});
