import { assertEquals, assertRejects } from "@std/assert";
import { openPostgres } from "../../src/postgres/connect.ts";
import { openRewinder } from "../../src/postgres/rewind.ts";
import { openRetry } from "../../src/postgres/rejects.ts";
import { openStore } from "../../src/postgres/store.ts";
import { makeStep } from "../../src/commands/consume/step.ts";
import { type Message, validate } from "../../src/record/validate.ts";
import { testSettings, withSchema } from "../support/fixtures.ts";

const NAMES = { clusterId: "c", topic: "t" };
const GOOD = '{"userID":1,"timestamp":1.5,"coordinates":[1.5,2.5]}';

function message(offset: number, value: string, more: Partial<Message> = {}): Message {
  const bytes = new TextEncoder().encode(value);
  return { offset: String(offset), timestamp: "0", key: null, value: bytes, headers: [], ...more };
}

/** Writes the messages as rejects of one source; returns the source's id. */
async function keep(sql: import("postgres").Sql, schema: string, messages: Message[]) {
  const store = openStore(sql, { schema, ...NAMES });
  await store.addSources(new Map([[0, 0]]));
  const [source] = await store.sources();
  const step = makeStep(source!.id, 0, messages);
  step.validated.rejects = messages.map((message) => ({
    offset: Number(message.offset),
    message,
    code: "db_22003",
    path: "",
    reason: "",
  }));
  step.validated.points = validate([]).points;
  assertEquals(await store.write([step]), [true]);
  return source!.id;
}

Deno.test("kept() returns rejects unchanged", () =>
  withSchema(async ({ schema, sql }) => {
    const messages = [
      message(0, GOOD, {
        key: Uint8Array.of(0, 255),
        headers: [
          { key: "b", value: Uint8Array.of(0, 255) },
          { key: "a\0", value: null },
          { key: "b", value: new TextEncoder().encode("text") },
          { key: "", value: new Uint8Array() },
        ],
      }),
      message(3, "\xff{"),
    ];
    const id = await keep(sql, schema, messages);
    const kept = await openRetry(sql, { schema, ...NAMES }).kept(id, 0, 10);
    const bytes = (from: Uint8Array | null) => from && [...from];
    const shown = ({ offset, key, value, headers }: Message) => ({
      offset,
      key: bytes(key),
      value: bytes(value),
      headers: headers!.map(({ key, value }) => [key, bytes(value)]),
    });
    assertEquals(kept.map(shown), messages.map(shown));
  }));

Deno.test("kept() returns only a few large rejects at a time, and omits none", () =>
  withSchema(async ({ schema, sql }) => {
    const large = "x".repeat(1_500_000);
    const messages = [0, 1, 2, 3, 4].map((offset) => message(offset, large));
    messages.push(message(5, large.repeat(4)), message(6, "{"), message(7, "{"));
    const id = await keep(sql, schema, messages);
    const retry = openRetry(sql, { schema, ...NAMES });
    const pages: number[][] = [];
    for (let from = 0;;) {
      const page = (await retry.kept(id, from, 100)).map(({ offset }) => Number(offset));
      if (page.length === 0) break;
      pages.push(page);
      from = page.at(-1)! + 1;
    }
    assertEquals(pages, [[0, 1, 2], [3, 4, 5], [6, 7]]);
  }));

Deno.test("move() moves rejects to rows, corrects the counts, and moves each reject once", () =>
  withSchema(async ({ schema, sql }) => {
    const messages = [message(0, GOOD), message(1, GOOD), message(2, GOOD)];
    const id = await keep(sql, schema, messages);
    const retry = openRetry(sql, { schema, ...NAMES });
    const { points } = validate(messages.slice(0, 2));
    assertEquals(await retry.move(id, points), { moved: 2, before: 0 });
    assertEquals(await retry.move(id, validate(messages).points), { moved: 1, before: 2 });
    const [source] = await openStore(sql, { schema, ...NAMES }).sources();
    assertEquals([source!.stored, source!.rejected, source!.nextOffset], [3, 0, 3]);
    const rows = await sql`select source_offset from ${sql(`${schema}.routes_table`)} order by 1`;
    assertEquals(rows.map((row) => row.source_offset), ["0", "1", "2"]);
    assertEquals(await retry.remaining(), {});
  }));

Deno.test("move() fails and changes nothing when a trigger drops rows", () =>
  withSchema(async ({ schema, sql }) => {
    const messages = [message(0, GOOD), message(1, GOOD)];
    const id = await keep(sql, schema, messages);
    await sql.unsafe(`
      create function "${schema}".swallow() returns trigger language plpgsql as
        'begin if new.source_offset = 1 then return null; end if; return new; end';
      create trigger swallow before insert on "${schema}".routes_table
        for each row execute function "${schema}".swallow()`);
    const retry = openRetry(sql, { schema, ...NAMES });
    await assertRejects(
      () => retry.move(id, validate(messages).points),
      Error,
      "routes_table kept 1 of 2 rows",
    );
    assertEquals((await retry.kept(id, 0, 10)).length, 2);
  }));

Deno.test("a replay that waited for a retry does not delete the rows of that retry", () =>
  withSchema(async ({ schema, sql }) => {
    const messages = [message(0, GOOD), message(1, GOOD)];
    const id = await keep(sql, schema, messages);
    const { postgresql } = testSettings(["postgresql.dbname=postgres"]);
    const other = openPostgres(postgresql, {
      readFile: () => new Uint8Array(),
      log: null,
      max: 1,
    });
    try {
      const rewinder = openRewinder(other.sql, schema);
      await other.sql`select 1`;
      const [backend] = await other.sql`select pg_backend_pid() as pid`;
      const rewind = { source: id, from: 2, rejected: 2, to: 0 };
      let rewound: Promise<number> | undefined;
      await sql.begin(async (transaction) => {
        const retry = openRetry(transaction as unknown as typeof sql, { schema, ...NAMES });
        await retry.move(id, validate(messages).points);
        rewound = rewinder.rewind([rewind]);
        rewound.catch(() => {});
        for (let waits = false; !waits;) {
          const [row] = await transaction`
            select wait_event_type = 'Lock' as waits from pg_stat_activity
            where pid = ${backend!.pid}`;
          waits = row!.waits === true;
        }
      });
      assertEquals(await rewound, 0);
      const seen = { ...rewind, rejected: 0 };
      assertEquals(await rewinder.rewind([seen]), 1);
      const [left] = await sql`select count(*)::int from ${sql(`${schema}.routes_table`)}`;
      assertEquals(left!.count, 0);
    } finally {
      await other.sql.end();
    }
  }));
