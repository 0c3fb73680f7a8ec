import { assert, assertEquals } from "@std/assert";
import * as v from "valibot";
import {
  encodePoint,
  isPoint,
  type ParsedPoint,
  parsePoint,
  type Point,
  PointSchema,
} from "../../src/record/point.ts";
import { drawFrom } from "../fakes/random.ts";

const point: Point = {
  userID: 7,
  timestamp: 1732431234.567,
  coordinates: [60.1699123, 24.9384567],
};
const original = { userId: 7, timestamp: 1732431234.567, coordinates: [60.1699123, 24.9384567] };

function pathOf(parsed: ParsedPoint): string | null {
  return parsed.ok ? null : parsed.path;
}

Deno.test("parsePoint() accepts both spellings of the user key", () => {
  assertEquals(parsePoint(point), { ok: true, point });
  assertEquals(parsePoint(original), { ok: true, point });
});

Deno.test("parsePoint() refuses a record with both spellings, even with equal values", () => {
  const reason = "expected one of userID and userId, found both";
  assertEquals(parsePoint({ ...point, userId: 7 }), { ok: false, path: "userId", reason });
});

Deno.test("parsePoint() ignores unknown keys", () => {
  assertEquals(parsePoint({ ...point, speed: 3, note: { a: [] } }), { ok: true, point });
  assertEquals(parsePoint({ ...original, speed: 3 }), { ok: true, point });
});

Deno.test("parsePoint() converts -0 to 0", () => {
  const parsed = parsePoint({ userID: -0, timestamp: -0, coordinates: [-0, -0] });
  if (!parsed.ok) throw new Error(parsed.reason);
  const { userID, timestamp, coordinates } = parsed.point;
  for (const number of [userID, timestamp, ...coordinates]) assert(Object.is(number, 0));
});

// The bounds of each field, with the nearest doubles outside them.
const ends: [field: string, inside: number[], outside: number[]][] = [
  ["userID", [-2147483648, -1, 0, 2147483647], [
    -2147483649,
    2147483648,
    0.5,
    NaN,
    Infinity,
    -Infinity,
  ]],
  ["timestamp", [0, 5e-324, 253402300799.99997], [-5e-324, 253402300800, NaN, Infinity, -Infinity]],
  ["latitude", [-90, 90, 5e-324], [
    -90.00000000000001,
    90.00000000000001,
    NaN,
    Infinity,
    -Infinity,
  ]],
  ["longitude", [-180, 180, -5e-324], [
    -180.00000000000003,
    180.00000000000003,
    NaN,
    Infinity,
    -Infinity,
  ]],
];

for (const [field, inside, outside] of ends) {
  Deno.test(`parsePoint() and isPoint() apply the bounds of ${field}`, () => {
    const judge = (value: number): (boolean | string | null)[] => {
      const numbers = { userID: 7, timestamp: 1, latitude: 2, longitude: 3, [field]: value };
      const { userID, timestamp, latitude, longitude } = numbers;
      const parsed = parsePoint({ userID, timestamp, coordinates: [latitude, longitude] });
      return [isPoint(userID, timestamp, latitude, longitude), pathOf(parsed)];
    };
    const path = { latitude: "coordinates[0]", longitude: "coordinates[1]" }[field] ?? field;
    for (const value of inside) assertEquals(judge(value), [true, null], `${value}`);
    for (const value of outside) assertEquals(judge(value), [false, path], `${value}`);
  });
}

Deno.test("isPoint() agrees with the schema on 20 000 random values near the bounds", () => {
  const draw = drawFrom(1);
  const near = (...ends: number[]) => {
    const end = ends[draw(ends.length)]!;
    return end +
      [0, 1, -1, 0.5, -0.5, end * 2 ** -52, -end * 2 ** -52, NaN, Infinity, -Infinity][draw(10)]!;
  };
  let good = 0;
  for (let i = 0; i < 20_000; i++) {
    const [userID, timestamp, latitude, longitude] = [
      draw(4) ? draw(1000) : near(-2147483648, 2147483647, 0),
      draw(4) ? draw(1000) : near(0, 253402300800),
      draw(4) ? draw(90) : near(-90, 90),
      draw(4) ? draw(180) : near(-180, 180),
    ] as const;
    const value = { userID, timestamp, coordinates: [latitude, longitude] };
    const isGood = v.safeParse(PointSchema, value).success;
    assertEquals(
      isPoint(userID, timestamp, latitude, longitude),
      isGood,
      String(Object.values(value)),
    );
    if (isGood) good++;
  }
  assert(good > 5_000 && good < 19_000, `${good}`);
});

// Values of a wrong type, some of which JavaScript would convert to numbers.
const wrongValues: unknown[] = ["7", true, false, null, "", [], [7], {}, "NaN", "1e3", [[7]], {
  valueOf: 7,
}];

for (const path of ["userID", "timestamp", "coordinates[0]", "coordinates[1]"]) {
  Deno.test(`parsePoint() never converts the value at ${path}`, () => {
    for (const wrongValue of wrongValues) {
      const [latitude, longitude] = point.coordinates;
      const coordinates = path === "coordinates[0]"
        ? [wrongValue, longitude]
        : [latitude, wrongValue];
      const value = path.startsWith("c")
        ? { ...point, coordinates }
        : { ...point, [path]: wrongValue };
      assertEquals(pathOf(parsePoint(value)), path, JSON.stringify(wrongValue));
    }
  });
}

Deno.test("parsePoint() refuses values that are not objects", () => {
  for (const value of [null, 7, "7", true, [], [7, 1, [2, 3]], undefined]) {
    assertEquals(pathOf(parsePoint(value)), "");
  }
});

Deno.test("parsePoint() refuses any other number of coordinates", () => {
  const paths = [[], [1], [1, 2, 3], [1, 2, 3, 4], [1, 2, null]].map((coordinates) =>
    pathOf(parsePoint({ ...point, coordinates }))
  );
  assertEquals(paths, ["coordinates[0]", "coordinates[1]", ...Array(3).fill("coordinates[2]")]);
  for (const coordinates of [null, "1,2", 1, { 0: 1, 1: 2, length: 2 }]) {
    assertEquals(pathOf(parsePoint({ ...point, coordinates })), "coordinates");
  }
});

Deno.test("parsePoint() reports the first invalid key in schema order", () => {
  assertEquals(pathOf(parsePoint({ coordinates: 1, timestamp: 1, userID: "7" })), "userID");
  assertEquals(pathOf(parsePoint({ coordinates: 1, timestamp: "1", userID: 7 })), "timestamp");
});

Deno.test("parsePoint() without the source text quotes a number as JavaScript prints it", () => {
  const parsed = parsePoint({ ...point, userID: Infinity });
  if (parsed.ok) throw new Error("Infinity was accepted as a user");
  assertEquals(parsed.reason, "expected an integer from -2147483648 to 2147483647, found Infinity");
});

Deno.test("parsePoint() neither reads nor changes a prototype", () => {
  const before = Object.getOwnPropertyNames(Object.prototype);
  const good = '"userID":7,"timestamp":1732431234.567,"coordinates":[60.1699123,24.9384567]';
  const poison = '{"polluted":1,"userID":1,"toString":null}';
  const texts = [
    `{"__proto__":${poison},${good}}`,
    `{${good},"__proto__":${poison},"constructor":{"prototype":${poison}}}`,
    `{${good.replace("ID", "Id")},"__proto__":${poison}}`,
    `{${good},"hasOwnProperty":1,"toString":1,"valueOf":1}`,
  ];
  for (const text of texts) {
    const parsed = parsePoint(JSON.parse(text), text);
    assertEquals(parsed, { ok: true, point });
    assert(parsed.ok && Object.getPrototypeOf(parsed.point) === Object.prototype);
  }
  const hidden = `{"__proto__":{${good}}}`;
  assertEquals(pathOf(parsePoint(JSON.parse(hidden), hidden)), "userID");
  assertEquals(Object.getOwnPropertyNames(Object.prototype), before);
  assertEquals(({} as Record<string, unknown>).polluted, undefined);
});

const encoded: [name: string, point: Point, json: string][] = [
  [
    "a record",
    point,
    '{"userID":7,"timestamp":1732431234.567,"coordinates":[60.1699123,24.9384567]}',
  ],
  [
    "integral numbers",
    { userID: -7, timestamp: 24, coordinates: [-90, 180] },
    '{"userID":-7,"timestamp":24.0,"coordinates":[-90.0,180.0]}',
  ],
  [
    "minus zero",
    { userID: -0, timestamp: -0, coordinates: [-0, -0] },
    '{"userID":0,"timestamp":0.0,"coordinates":[0.0,0.0]}',
  ],
  [
    "the ends",
    { userID: -2147483648, timestamp: 253402300799.99997, coordinates: [90, -180] },
    '{"userID":-2147483648,"timestamp":253402300799.99997,"coordinates":[90.0,-180.0]}',
  ],
  [
    "tiny numbers",
    { userID: 1, timestamp: 5e-324, coordinates: [1e-7, -1.5e-9] },
    '{"userID":1,"timestamp":5e-324,"coordinates":[1e-7,-1.5e-9]}',
  ],
  [
    "as many digits as it takes",
    { userID: 1, timestamp: 0.1 + 0.2, coordinates: [60.16991234567891, 1 / 3] },
    '{"userID":1,"timestamp":0.30000000000000004,"coordinates":[60.16991234567891,0.3333333333333333]}',
  ],
];

for (const [name, given, json] of encoded) {
  Deno.test(`encodePoint() writes ${name}`, () => assertEquals(encodePoint(given), json));
}

Deno.test("parsePoint() reads what encodePoint() writes, exact to the last bit", () => {
  const draw = drawFrom(2);
  const unit = () => (draw(2 ** 32) + draw(2 ** 21) / 2 ** 21) / 2 ** 32;
  for (let i = 0; i < 5_000; i++) {
    const given: Point = {
      userID: draw(2 ** 32) - 2 ** 31,
      timestamp: unit() * 253_402_300_800 * 10 ** -draw(20),
      coordinates: [(unit() * 180 - 90) * 10 ** -draw(20), unit() * 360 - 180],
    };
    assertEquals(parsePoint(JSON.parse(encodePoint(given))), { ok: true, point: given });
  }
});
