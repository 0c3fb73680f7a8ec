import { assert, assertEquals, assertMatch } from "@std/assert";
import { type ProgramFixture, withProgram } from "../support/program.ts";

const EPOCH_S = 1_700_000_000;

/** Sends values to one partition, a second of Kafka's time apart; a number is a valid record of that user. */
async function send({ kafka, topic }: ProgramFixture, values: (string | number)[]): Promise<void> {
  const producer = kafka.producer();
  await producer.connect();
  await producer.send({
    topic,
    messages: values.map((value, i) => ({
      partition: 0,
      timestamp: String((EPOCH_S + i) * 1000),
      value: typeof value === "string"
        ? value
        : `{"userID":${value},"timestamp":1.5,"coordinates":[2.5,3.5]}`,
    })),
  });
  await producer.disconnect();
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

/** Waits until the positions add up to `expected`. */
async function settled({ counts }: ProgramFixture, expected: number): Promise<void> {
  while ((await counts()).next < expected) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** The number of members of a stable group; 0 during a rebalance. */
async function members({ admin, group }: ProgramFixture): Promise<number> {
  const { groups: [found] } = await admin.describeGroups([group]);
  return found!.state === "Stable" ? found!.members.length : 0;
}

async function joined(fixture: ProgramFixture, count: number): Promise<void> {
  while (await members(fixture) !== count) await new Promise((resolve) => setTimeout(resolve, 50));
}

Deno.test("consume stops with one message when a constraint refuses every record of a batch", () =>
  withProgram({}, async (fixture) => {
    assertEquals((await fixture.routes(["produce", "-n", "3000"])).code, 0);
    const table = `"${fixture.schema}".routes_table`;
    await fixture.sql.unsafe(
      `alter table ${table} add constraint near_the_equator check (abs(latitude) < 1)`,
    );
    const { code, stderr } = await fixture.routes(["consume"]);
    assertEquals(code, 65, stderr);
    const lines = stderr.split("\n").filter((line) => line.startsWith("routes:"));
    assertEquals(lines, [
      `routes: constraint "near_the_equator" of table ${table} refuses records`,
    ]);
    const { rows, rejects, next } = await fixture.counts();
    assertEquals([rows, rejects, next], [0, 0, 0]);
  }));

Deno.test("consume stops with one message and moves no position when a trigger drops rows", () =>
  withProgram({}, async (fixture) => {
    const { schema, sql, routes, counts } = fixture;
    await send(fixture, upTo(100));
    await sql.unsafe(`
      create function "${schema}".swallow() returns trigger language plpgsql as
        'begin if new.user_id % 5 = 0 then return null; end if; return new; end';
      create trigger swallow before insert on "${schema}".routes_table
        for each row execute function "${schema}".swallow()`);
    const { code, stderr } = await routes(["consume"]);
    assertEquals(code, 65, stderr);
    const text = `routes: table "${schema}.routes_table" kept only 80 of 100 rows\n`;
    assert(stderr.includes(text), stderr);
    assertEquals(await counts(), {
      rows: 0,
      rejects: 0,
      next: 0,
      stored: 0,
      rejected: 0,
      tombstones: 0,
    });
    await sql.unsafe(`drop trigger swallow on "${schema}".routes_table`);
    assertEquals((await routes(["consume"])).code, 0);
    assertEquals((await counts()).rows, 100);
  }));

Deno.test("topic, tables, labels and summary of consume agree", () =>
  withProgram({ partitions: 3 }, async (fixture) => {
    const produced = await fixture.routes(["produce", "-n", "2000", "--invalid", "5", "--json"]);
    assertEquals(produced.code, 0, produced.stderr);
    const { acked, invalid } = JSON.parse(produced.stdout);
    assertEquals([acked, invalid], [2000, 100]);
    const offsets = await fixture.admin.fetchTopicOffsets(fixture.topic);
    assertEquals(offsets.reduce((sum, { high }) => sum + Number(high), 0), 2000);

    const consumed = await fixture.routes(["consume", "--json"]);
    assertEquals(consumed.code, 0, consumed.stderr);
    const events = consumed.stderr.trimEnd().split("\n").map((line) => JSON.parse(line).code);
    assertEquals(events, ["end"]);
    const { read, stored, rejected, reasons, tombstones, lag } = JSON.parse(consumed.stdout);
    assertEquals([read, stored, rejected + tombstones, lag], [2000, 1900, 100, 0]);
    const counts = await fixture.counts();
    assertEquals(counts, {
      rows: stored,
      rejects: rejected,
      next: 2000,
      stored,
      rejected,
      tombstones,
    });
    assert(tombstones > 0);
    // The label of each invalid record has its code; a valid record has no label.
    const codes = await fixture.sql`
      select code, count(*)::int as count,
        bool_and(headers @> jsonb_build_array(jsonb_build_object('key', 'routes-invalid'))) as labelled,
        bool_and(split_part(jsonb_path_query_first(
          headers, '$[*] ? (@.key == "routes-invalid").value') #>> '{}', '/', 1) = code) as agree
      from ${fixture.sql(`${fixture.schema}.routes_rejects`)} group by code`;
    for (const { code, labelled, agree } of codes) {
      assertEquals([labelled, agree], [true, true], code);
    }
    assertEquals(Object.fromEntries(codes.map(({ code, count }) => [code, count])), reasons);
    assertEquals(Object.keys(reasons).sort(), ["depth", "json_syntax", "schema", "size", "utf8"]);

    const again = await fixture.routes(["consume"]);
    assertEquals([again.code, again.stdout], [0, ""]);
    assertMatch(again.stderr, /^read 0 records .* lag 0\n$/);
    const verified = await fixture.routes(["verify"]);
    assertEquals(verified.code, 0, verified.stderr);
  }));

Deno.test("consume --strict rejects unknown and duplicate keys; without it they are accepted", () =>
  withProgram({}, async (fixture) => {
    const unknown = '{"userID":1,"timestamp":1.5,"coordinates":[2.5,3.5],"speed":9}';
    const duplicate = '{"userID":1,"userID":2,"timestamp":1.5,"coordinates":[2.5,3.5]}';
    await send(fixture, [0, unknown, duplicate, 3]);
    const strict = await fixture.routes(["consume", "--strict", "--json"]);
    assertEquals(strict.code, 0, strict.stderr);
    const { stored, reasons } = JSON.parse(strict.stdout);
    assertEquals([stored, reasons], [2, { duplicate_key: 1, unknown_key: 1 }]);
    const rejects = await fixture.routes([
      "query",
      "--rejects",
      "--format",
      "csv",
      "--no-header",
      "--columns",
      "offset,code,path",
    ]);
    assertEquals(rejects.stdout, "2,duplicate_key,userID\n1,unknown_key,speed\n");
    assertEquals((await fixture.routes(["verify"])).code, 0);

    const again = await fixture.routes(["consume", "--retry-rejects", "--strict", "--json"]);
    assertEquals(JSON.parse(again.stdout).moved, 0);
    const plain = await fixture.routes(["consume", "--retry-rejects", "--json"]);
    assertEquals(JSON.parse(plain.stdout).moved, 2);
    assertEquals((await fixture.routes(["verify"])).code, 0);

    const refused = await fixture.routes(["produce", "--stdin", "--strict"], {
      stdin: `${unknown}\n`,
    });
    assertEquals(refused.code, 65);
    assertMatch(
      refused.stderr,
      /^routes: line 1 of stdin is not a valid record: speed: .*\n {2}unknown_key\n/m,
    );
    assertEquals((await fixture.routes(["produce", "--stdin"], { stdin: `${unknown}\n` })).code, 0);
  }));

Deno.test("consume stops at a given end, and continues from there in the next run", () =>
  withProgram({}, async (fixture) => {
    await send(fixture, upTo(100));
    const steps: [args: string[], next: number][] = [
      [["--count", "10"], 10],
      [["--count", "7", "--batch-size", "3"], 17],
      [["--until", "earliest"], 17],
      [["--until", "25"], 25],
      [["--until", "20"], 25],
      [["--until", "-50"], 50],
      [["--until", `@${EPOCH_S + 60}`], 60],
      [["--until", `@2023-11-14T22:14:30Z`], 70],
      [["--follow", "--count", "10"], 80],
      // It waits for a time in the future.
      [["--until", `@${Date.now() / 1000 + 3}`, "--count", "10"], 90],
      [["--follow", "--idle", "1s"], 100],
      [["--until", "1000"], 100],
      [["--until", `@${Date.now() / 1000 + 1}`], 100],
    ];
    for (const [args, next] of steps) {
      const { code, stderr } = await fixture.routes(["consume", ...args]);
      assertEquals([code, (await fixture.counts()).next], [0, next], `${args}: ${stderr}`);
    }
    assertEquals((await fixture.counts()).rows, 100);
    const late = await fixture.routes(["consume", "--from", "5"]);
    assertEquals(late.code, 65);
    assertMatch(
      late.stderr,
      /^routes: --from is refused: .*\n.* up to offset 100\n/,
    );
  }));

Deno.test("consume --from sets where a partition starts that was never read", () =>
  withProgram({}, async (fixture) => {
    await send(fixture, upTo(20));
    const starts: [spec: string, start: number][] = [
      ["earliest", 0],
      ["6", 6],
      ["-5", 15],
      ["-500", 0],
      [`@${EPOCH_S + 4}`, 4],
      [`@${EPOCH_S + 400}`, 20],
      ["latest", 20],
      ["500", 20],
    ];
    for (const [spec, start] of starts) {
      for (const table of ["routes_table", "routes_rejects", "routes_sources"]) {
        await fixture.sql`delete from ${fixture.sql(`${fixture.schema}.${table}`)}`;
      }
      const { code, stderr } = await fixture.routes(["consume", "--from", spec]);
      assertEquals(code, 0, stderr);
      const rows = await fixture.sql`
        select user_id from ${
        fixture.sql(`${fixture.schema}.routes_table`)
      } order by source_offset`;
      assertEquals(rows.map(({ user_id }) => user_id), upTo(20).slice(start), spec);
      assertEquals((await fixture.counts()).next, 20, spec);
    }
  }));

Deno.test("consume --on-reject fail stores the records before the first reject, and stops there in each run", () =>
  withProgram({}, async (fixture) => {
    await send(fixture, [0, 1, 2, "invalid", 4, "{}", 6]);
    for (const _ of [1, 2]) {
      const { code, stderr } = await fixture.routes(["consume", "--on-reject", "fail"]);
      assertEquals(code, 65);
      assertMatch(
        stderr,
        /\nroutes: record rejected: partition 0, offset 3\n {2}json_syntax: .*\n {2}fix: .* keep\n$/,
      );
      const { rows, rejects, next } = await fixture.counts();
      assertEquals([rows, rejects, next], [3, 0, 3]);
    }
    const over = await fixture.routes(["consume", "--max-rejects", "0", "--batch-size", "1"]);
    assertEquals(over.code, 65);
    assertMatch(
      over.stderr,
      /routes: 1 record rejected, more than 0\n {2}fix: routes query --rejects\n$/,
    );
    assertEquals((await fixture.counts()).next, 4);
    assertEquals((await fixture.routes(["consume", "--max-rejects", "1"])).code, 0);
    const { rows, rejects, next } = await fixture.counts();
    assertEquals([rows, rejects, next], [5, 2, 7]);
  }));

Deno.test("consume --tee prints stored records, which produce --stdin accepts", () =>
  withProgram({}, async (fixture) => {
    await send(fixture, [0, "invalid", 1]);
    const { code, stdout } = await fixture.routes(["consume", "--tee"]);
    assertEquals(code, 0);
    assertEquals(
      stdout,
      upTo(2).map((user) => `{"userID":${user},"timestamp":1.5,"coordinates":[2.5,3.5]}\n`).join(
        "",
      ),
    );
    const sent = await fixture.routes(["produce", "--stdin"], { stdin: stdout });
    assertEquals(sent.code, 0, sent.stderr);
    // If the reader closes the pipe, it ends without a message, and the stored rows remain.
    const closed = fixture.start(["consume", "--tee"]);
    await closed.closeStdout();
    assertEquals((await closed.ended).code, 0);
    assertEquals((await fixture.counts()).rows, 4);
  }));

Deno.test("consume ends for an empty topic, and for one record in five partitions", () =>
  withProgram({ partitions: 5 }, async (fixture) => {
    for (const args of [["--from", "-5"], [], ["--until", "latest"], ["--until", "@2020-01-01"]]) {
      const { code, stderr } = await fixture.routes(["consume", ...args]);
      assertEquals(code, 0, stderr);
      assertMatch(stderr, /^read 0 records .*: 0 stored, 0 rejected, 0 tombstones · lag 0\n$/);
    }
    await send(fixture, [7]);
    const { code, stderr } = await fixture.routes(["consume"]);
    assertEquals(code, 0, stderr);
    assertEquals((await fixture.counts()).rows, 1);
  }));

/** Ctrl-C, a service manager, the end of the terminal, and Ctrl-\\. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;
const EXIT_CODES = [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129], ["SIGQUIT", 131]] as const;

Deno.test("consume --follow stores new records until a signal, then leaves the group and exits with 0", () =>
  withProgram({ partitions: 3 }, async (fixture) => {
    for (const [round, signal] of SIGNALS.entries()) {
      const following = fixture.start(["consume", "--follow", "--flush", "100ms"]);
      await joined(fixture, 1);
      assertEquals((await fixture.routes(["produce", "-n", "500"])).code, 0);
      await settled(fixture, 500 * (round + 1));
      following.kill(signal);
      const { code, stderr } = await following.ended;
      assertEquals(code, 0, stderr);
      assertMatch(
        stderr,
        /read 500 records in .*: 500 stored, 0 rejected, 0 tombstones · lag 0\n$/,
      );
      assertEquals(await members(fixture), 0);
    }
    assertEquals((await fixture.counts()).rows, 500 * SIGNALS.length);
    // For lag tools.
    const committed = await fixture.admin.fetchOffsets({
      groupId: fixture.group,
      topics: [fixture.topic],
    });
    const partitions = committed[0]!.partitions;
    assertEquals(
      partitions.reduce((sum, { offset }) => sum + Number(offset), 0),
      500 * SIGNALS.length,
    );
  }));

Deno.test("the exit code of consume --until shows the signal that interrupted it", () =>
  withProgram({}, async (fixture) => {
    await send(fixture, upTo(10));
    for (const [signal, expected] of EXIT_CODES) {
      const running = fixture.start(["consume", "--until", `@${Date.now() / 1000 + 3600}`]);
      await joined(fixture, 1);
      await settled(fixture, 10);
      running.kill(signal);
      const { code, stderr } = await running.ended;
      assertEquals(code, expected, stderr);
      assertMatch(stderr, /read \d+ records/);
    }
    assertEquals((await fixture.counts()).rows, 10);
  }));

Deno.test("a second signal ends consume although a lock blocks it, and no record is lost", () =>
  withProgram({}, async (fixture) => {
    await send(fixture, upTo(10));
    await fixture.sql.unsafe(
      `begin; lock table "${fixture.schema}".routes_table in exclusive mode`,
    );
    const stuck = fixture.start(["consume", "--follow"]);
    while (
      !(await fixture.sql`select 1 from pg_locks where not granted
      and relation = ${`"${fixture.schema}".routes_table`}::text::regclass`).length
    ) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    stuck.kill("SIGINT");
    const second = setInterval(() => stuck.kill("SIGINT"), 200);
    const { code } = await stuck.ended;
    clearInterval(second);
    assertEquals(code, 130);
    await fixture.sql`commit`;
    // The old group waits for the member that did not leave, so another group is faster.
    const { code: other } = await fixture.routes([
      "consume",
      "-X",
      `kafka.group_id=${fixture.group}_2`,
    ]);
    assertEquals([other, (await fixture.counts()).rows], [0, 10]);
  }));

Deno.test("three processes of one group share the work, and no record is stored twice", () =>
  withProgram({ partitions: 6 }, async (fixture) => {
    const processes = upTo(3).map(() =>
      fixture.start(["consume", "--follow", "--json", "--flush", "100ms"])
    );
    await joined(fixture, 3);
    assertEquals((await fixture.routes(["produce", "-n", "3000", "--key", "none"])).code, 0);
    await settled(fixture, 3000);
    for (const one of processes) one.kill("SIGTERM");
    const ended = await Promise.all(processes.map((one) => one.ended));
    const reads = ended.map(({ code, stdout, stderr }) => {
      assertEquals(code, 0, stderr);
      return JSON.parse(stdout).read as number;
    });
    assertEquals(reads, [1000, 1000, 1000]);
    const { rows, next } = await fixture.counts();
    assertEquals([rows, next], [3000, 3000]);
    const verified = await fixture.routes(["verify"]);
    assertEquals(verified.code, 0, verified.stderr);
  }));
