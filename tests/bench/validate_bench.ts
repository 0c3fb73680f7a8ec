import { Buffer } from "node:buffer";
import { encodePoint, type Point } from "../../src/record/point.ts";
import { type Message, validate } from "../../src/record/validate.ts";
import { openTrack } from "../../src/commands/produce/generator.ts";

// Each iteration does one chunk: divide by RECORDS for the cost per record.
const RECORDS = 5000;

const fixOf = openTrack({
  seed: 1,
  model: "traffic",
  users: 100,
  center: [60.1699, 24.9384],
  radiusM: 25_000,
  speedKmh: 40,
  intervalMs: 5_000,
  startMs: 1_732_431_234_567,
});
const points = Array.from({ length: RECORDS }, (_, index) => fixOf(index));

/** Messages in the form of the Kafka client. */
function messagesOf(write: (point: Point) => string): Message[] {
  return points.map((point, i) => ({
    offset: String(1_000_000 + i),
    timestamp: "1732431234567",
    key: Buffer.from(String(point.userID)),
    value: Buffer.from(write(point)),
    headers: [],
  }));
}

function asPython({ userID, timestamp, coordinates: [latitude, longitude] }: Point): string {
  const long = [timestamp, latitude, longitude].map((number) => number * (1 + Number.EPSILON));
  return `{"userId": ${userID}, "timestamp": ${long[0]}, "coordinates": [${long[1]}, ${long[2]}]}`;
}

const inputs: [name: string, messages: Message[]][] = [
  ["records of this program", messagesOf(encodePoint)],
  ["records of the original program, 17 digits", messagesOf(asPython)],
  ["records with another key", messagesOf((point) => JSON.stringify({ ...point, note: "" }))],
  ["rejects by the schema", messagesOf((point) => JSON.stringify({ ...point, userID: "7" }))],
  ["rejects by syntax", messagesOf((point) => encodePoint(point) + "}")],
];

for (const [name, messages] of inputs) {
  Deno.bench(`validate ${RECORDS} ${name}`, { group: "validate" }, () => {
    validate(messages);
  });
}

Deno.bench(`encode ${RECORDS} points`, { group: "encode" }, () => {
  for (const point of points) encodePoint(point);
});
