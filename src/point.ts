import * as v from "valibot";

/** One GPS record: who, when (seconds since 1970), where (degrees: latitude, then longitude). */
export type Point = v.InferOutput<typeof PointSchema>;

/** What a value must be to become a row; the one place that says so. */
export const PointSchema = v.object({
  userID: v.pipe(v.number(), v.integer(), v.minValue(-2_147_483_648), v.maxValue(2_147_483_647)),
  /** Up to the year 10000. */
  timestamp: v.pipe(v.number(), v.finite(), v.minValue(0), v.ltValue(253_402_300_800)),
  coordinates: v.strictTuple([degrees(90), degrees(180)]),
});

function degrees(max: number) {
  return v.pipe(v.number(), v.finite(), v.minValue(-max), v.maxValue(max));
}

/** A point, or where the value is at fault and why. */
export type Parsed = { ok: true; point: Point } | { ok: false; path: string; reason: string };

const FOUND_MAX = 120;

/** The only way from the outside to a point: checks, never converts. */
export function parsePoint(value: unknown): Parsed {
  const spelled = spell(value);
  if (!spelled) {
    return { ok: false, path: "userId", reason: "expected one of userID and userId, found both" };
  }
  const result = v.safeParse(PointSchema, spelled.value, { abortEarly: true });
  if (!result.success) {
    const [issue] = result.issues;
    const path = pathOf(issue).replace(/^userID/, spelled.name);
    return { ok: false, path, reason: `expected ${expected(issue)}, found ${found(issue.input)}` };
  }
  const { userID, timestamp, coordinates: [latitude, longitude] } = result.output;
  // Adding zero turns -0 into 0.
  const point: Point = {
    userID: userID + 0,
    timestamp: timestamp + 0,
    coordinates: [latitude + 0, longitude + 0],
  };
  return { ok: true, point };
}

/** JSON in the form of the topic: the original consumer takes only numbers with a fraction for time and place. */
export function encodePoint(
  { userID, timestamp, coordinates: [latitude, longitude] }: Point,
): string {
  return `{"userID":${userID + 0},"timestamp":${float(timestamp)},"coordinates":[${
    float(latitude)
  },${float(longitude)}]}`;
}

function float(value: number): string {
  return Number.isInteger(value) ? `${value + 0}.0` : String(value);
}

/** The original program writes `userId`; null when a record has both spellings. */
function spell(value: unknown): { value: unknown; name: string } | null {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, "userId")) {
    return { value, name: "userID" };
  }
  if (Object.hasOwn(value, "userID")) return null;
  const { userId, timestamp, coordinates } = value as Record<string, unknown>;
  return { value: { userID: userId, timestamp, coordinates }, name: "userId" };
}

type Issue = v.InferIssue<typeof PointSchema>;

function pathOf(issue: Issue): string {
  return (issue.path ?? []).map(({ key }) =>
    typeof key === "number" ? `[${key}]` : `.${String(key)}`
  )
    .join("").replace(/^\./, "");
}

function expected({ type, expected, requirement }: Issue & { requirement?: unknown }): string {
  if (type === "strict_tuple") return "two numbers";
  if (type === "integer") return "an integer";
  if (type === "finite") return "a finite number";
  if (requirement !== undefined) return String(expected);
  const names: Record<string, string> = {
    number: "a number",
    Object: "an object",
    Array: "two numbers",
  };
  return names[expected ?? ""] ??
    String(expected);
}

function found(input: unknown): string {
  if (input === undefined) return "nothing";
  const text = typeof input === "number" ? String(input) : JSON.stringify(input);
  return text.length > FOUND_MAX ? `${text.slice(0, FOUND_MAX)}…` : text;
}
