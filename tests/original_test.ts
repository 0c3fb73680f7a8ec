import { assertEquals } from "@std/assert";
import { encodePoint, type Point } from "../src/record/point.ts";
import { validate } from "../src/record/validate.ts";
import { drawFrom } from "./fakes/random.ts";

const needed = findMissing();
const note = needed ? ` (left out, needs ${needed})` : "";

/** What is missing to run Python; null when nothing is. */
function findMissing(): string | null {
  const run = Deno.permissions.querySync({ name: "run", command: "python3" });
  if (run.state !== "granted") return "--allow-run=python3";
  try {
    return new Deno.Command("python3", { args: ["--version"] }).outputSync().success
      ? null
      : "a working python3";
  } catch {
    return "python3";
  }
}

/** Lines that the original program prints for these on stdin. */
async function runOriginal(args: string[], lines: string[]): Promise<string[]> {
  const script = `${import.meta.dirname}/original.py`;
  const python = new Deno.Command("python3", {
    args: [script, ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const [, { stdout, success }] = await Promise.all([
    new Blob(lines.map((line) => line + "\n")).stream().pipeTo(python.stdin),
    python.output(),
  ]);
  assertEquals(success, true);
  return new TextDecoder().decode(stdout).trimEnd().split("\n");
}

function unit(draw: (below: number) => number): number {
  return (draw(2 ** 32) + draw(2 ** 21) / 2 ** 21) / 2 ** 32;
}

function somePoints(): Point[] {
  const draw = drawFrom(1);
  const drawn = Array.from({ length: 1000 }, (): Point => ({
    userID: draw(2 ** 32) - 2 ** 31,
    timestamp: draw(2) ? draw(2 ** 31) : unit(draw) * 253_402_300_800,
    coordinates: [unit(draw) * 180 - 90, draw(2) ? draw(361) - 180 : unit(draw) * 10 ** -draw(20)],
  }));
  return [
    ...drawn,
    { userID: 0, timestamp: 0, coordinates: [0, 0] },
    { userID: 2_147_483_647, timestamp: 253_402_300_799, coordinates: [90, 180] },
    { userID: -2_147_483_648, timestamp: 5e-324, coordinates: [-90, -180] },
    { userID: -0, timestamp: -0, coordinates: [-0, -0] },
  ];
}

Deno.test({
  name: `the original consumer takes what --user-field userId writes, to the last bit${note}`,
  ignore: needed !== null,
  fn: async () => {
    const points = somePoints().filter(({ userID }) => userID >= 0);
    const lines = points.map((point) => encodePoint(point, "userId"));
    const taken = await runOriginal(["consume"], lines);
    assertEquals(taken.length, points.length);
    points.forEach(({ userID, timestamp, coordinates }, i) => {
      const numbers = [userID, timestamp, ...coordinates].map((number) => number + 0);
      assertEquals(JSON.parse(taken[i]!), numbers, taken[i]);
    });
  },
});

Deno.test({
  name: `the original consumer leaves what it does not require${note}`,
  ignore: needed !== null,
  fn: async () => {
    const point: Point = { userID: 7, timestamp: 1.5, coordinates: [60.5, 24.5] };
    const right = encodePoint(point, "userId");
    const wrong = [
      encodePoint(point),
      encodePoint({ ...point, userID: -1 }, "userId"),
      right.replace("1.5", "-1.5"),
      right.replace("24.5", "24.5,0.5"),
      right.replace(/\[.*\]/, "null"),
    ];
    assertEquals(await runOriginal(["consume"], [...wrong, right]), [
      ...wrong.map(() => "null"),
      "[7, 1.5, 60.5, 24.5]",
    ]);
  },
});

Deno.test({
  name: `the original consumer leaves integral numbers that JSON.stringify() writes${note}`,
  ignore: needed !== null,
  fn: async () => {
    const points: Point[] = [
      { userID: 7, timestamp: 1732431234, coordinates: [60.5, 24.5] },
      { userID: 7, timestamp: 1732431234.5, coordinates: [60, 24.5] },
      { userID: 7, timestamp: 1732431234.5, coordinates: [60.5, 24] },
    ];
    const taken = await runOriginal(
      ["consume"],
      points.map((point) => JSON.stringify(point).replace("userID", "userId")),
    );
    assertEquals(taken, ["null", "null", "null"]);
  },
});

Deno.test({
  name: `validate() makes rows of what the original producer writes, to the last bit${note}`,
  ignore: needed !== null,
  fn: async () => {
    const lines = await runOriginal(["produce", "1000"], []);
    const { points, rejects } = validate(lines.map((line, i) => ({
      offset: String(i),
      timestamp: "0",
      key: null,
      value: new TextEncoder().encode(line),
    })));
    assertEquals(rejects, []);
    const written = lines.map((line) => JSON.parse(line));
    assertEquals(points.offsets, lines.map((_, i) => i));
    assertEquals(points.userIDs, written.map(({ userId }) => userId));
    assertEquals(points.timestamps, written.map(({ timestamp }) => timestamp));
    assertEquals(points.latitudes, written.map(({ coordinates }) => coordinates[0]));
    assertEquals(points.longitudes, written.map(({ coordinates }) => coordinates[1]));
  },
});
