import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { jsonCases } from "../record/json_cases.ts";
import {
  assertOutcome,
  type Outcome,
  RECORD,
  type RecordCase,
  recordCases,
} from "../record/record_cases.ts";
import { withProgram } from "../support/program.ts";

interface Stored {
  outcome: Outcome;
  key: string | null;
  value: string | null;
  headers: unknown;
}

const hex = (bytes: Uint8Array | null | undefined) =>
  bytes ? Buffer.from(bytes).toString("hex") : null;

Deno.test("consume settles every kind of record in a real topic as the cases define", () =>
  // The default limit of the broker is lower than that of the program.
  withProgram({ configs: { "max.message.bytes": "33554432" } }, async (fixture) => {
    const cases: RecordCase[] = [...recordCases, ...jsonCases];
    const producer = fixture.kafka.producer();
    await producer.connect();
    await producer.send({
      topic: fixture.topic,
      messages: cases.map(({ key, value, headers }) => ({
        partition: 0,
        key: key ? Buffer.from(key) : null,
        value: value && Buffer.from(value),
        headers: toKafkajs(headers),
      })),
    });
    await producer.disconnect();

    const { code, stderr } = await fixture.routes(["consume"]);
    assertEquals(code, 0, stderr);
    const stored = await readAll(fixture);
    cases.forEach((given, offset) => {
      const { outcome, ...bytes } = stored.get(offset) ?? { outcome: "tombstone" as const };
      try {
        assertOutcome(outcome, given.outcome);
      } catch (error) {
        throw new Error(`${given.name}: ${(error as Error).message}`);
      }
      if (typeof outcome === "string" || Array.isArray(outcome)) return;
      if (outcome.code === "size") {
        // Only the beginning is kept.
        const { value } = bytes as { value: string };
        assert(hex(given.value)!.startsWith(value) && value.length <= 2 * 65_536);
        return;
      }
      const expected = { key: hex(given.key), value: hex(given.value), headers: listOf(given) };
      assertEquals(bytes, expected, given.name);
    });
    const tombstones = cases.filter(({ outcome }) => outcome === "tombstone").length;
    const rejects = cases.filter(({ outcome }) => typeof outcome === "object" && "code" in outcome);
    assertEquals(await fixture.counts(), {
      rows: cases.length - tombstones - rejects.length,
      rejects: rejects.length,
      next: cases.length,
      stored: cases.length - tombstones - rejects.length,
      rejected: rejects.length,
      tombstones,
    });
  }));

Deno.test("consume settles records with any time that a broker accepts", () =>
  withProgram(
    { configs: { "message.timestamp.after.max.ms": "9223372036854775807" } },
    async (fixture) => {
      const times = [
        "-1",
        "0",
        "1732431234567",
        "9999999999999999",
        "9223372036854775807",
        "-9223372036854775808",
      ];
      const producer = fixture.kafka.producer();
      await producer.connect();
      for (const value of [RECORD, "invalid"]) {
        // One send per time: a batch stores times relative to its first one.
        for (const timestamp of times) {
          await producer.send({ topic: fixture.topic, messages: [{ timestamp, value }] });
        }
      }
      await producer.disconnect();
      const { code, stderr } = await fixture.routes(["consume", "--batch-size", "1"]);
      assertEquals(code, 0, stderr);
      const rejects = await fixture.sql`
      select extract(epoch from record_time)::float8 as time
      from ${fixture.sql(`${fixture.schema}.routes_rejects`)} order by source_offset`;
      // -1 means that there is no time; the last three are beyond PostgreSQL's calendar.
      assertEquals(rejects.map(({ time }) => time), [null, 0, 1732431234.567, null, null, null]);
      const { rows, next } = await fixture.counts();
      assertEquals([rows, next], [times.length, 2 * times.length]);
    },
  ));

/** What the database contains for each offset. */
async function readAll({ sql, schema }: { sql: import("postgres").Sql; schema: string }) {
  const found = new Map<number, Stored>();
  const rows = await sql`
    select source_offset::int as offset, user_id, timestamp, latitude, longitude
    from ${sql(`${schema}.routes_table`)}`;
  for (const { offset, user_id, timestamp, latitude, longitude } of rows) {
    assert(!found.has(offset));
    const outcome: Outcome = [user_id, timestamp, latitude, longitude];
    found.set(offset, { outcome, key: null, value: null, headers: [] });
  }
  const rejects = await sql`
    select source_offset::int as offset, key, value, headers::text as headers, code, path, message
    from ${sql(`${schema}.routes_rejects`)}`;
  for (const { offset, key, value, headers, code, path, message } of rejects) {
    assert(!found.has(offset));
    const outcome = { code, path, reason: message };
    found.set(offset, { outcome, key: hex(key), value: hex(value), headers: JSON.parse(headers) });
  }
  return found;
}

/** Repeated names get a list, which kafkajs writes as separate headers. */
function toKafkajs(headers: RecordCase["headers"] = []) {
  const groups = Map.groupBy(headers, ({ key }) => key);
  const values = (group: typeof headers) =>
    group.map(({ value }) => value && Buffer.from(value)) as Buffer[];
  return Object.fromEntries([...groups].map(([key, group]) => [key, values(group)]));
}

/** Headers as they are stored: in order, as text if the database can store it, otherwise as base64. */
function listOf({ headers = [] }: RecordCase) {
  const field = (name: string, bytes: Buffer) => {
    const isText = !bytes.includes(0) && !bytes.includes(0xff);
    return isText ? { [name]: bytes.toString() } : { [`${name}_base64`]: bytes.toString("base64") };
  };
  return headers.map(({ key, value }) => ({
    ...field("key", Buffer.from(key)),
    ...(value ? field("value", Buffer.from(value)) : { value: null }),
  }));
}
