import { assertEquals, assertMatch } from "@std/assert";
import { withProgram } from "../support/program.ts";
import { uniqueName } from "../support/fixtures.ts";

Deno.test("consume --from group:NAME takes over from the original program without a gap or a duplicate", () =>
  withProgram({ partitions: 2, migrated: false }, async (fixture) => {
    const { routes, sql, schema, admin, topic, kafka } = fixture;
    const demo = uniqueName("demo-group");
    // The original program has stored the records below these offsets.
    const done = [40, 0];
    const produced = ["produce", "-n", "200", "--user-field", "userId", "--start", "2026-01-01"];
    assertEquals((await routes([...produced, "--seed", "1"])).code, 0);
    await sql.unsafe(`create schema "${schema}"; create table "${schema}".routes_table
      (user_id int, timestamp float8, latitude float8, longitude float8)`);
    const records: { partition: number; offset: number; value: string }[] = [];
    const reader = kafka.consumer({ groupId: demo });
    await reader.connect();
    await reader.subscribe({ topic, fromBeginning: true });
    const all = Promise.withResolvers<void>();
    await reader.run({
      autoCommit: false,
      eachMessage: ({ partition, message }) => {
        records.push({ partition, offset: Number(message.offset), value: `${message.value}` });
        if (records.length === 200) all.resolve();
        return Promise.resolve();
      },
    });
    await all.promise;
    for (const { partition, offset, value } of records) {
      if (offset >= done[partition]!) continue;
      const { userId, timestamp, coordinates: [latitude, longitude] } = JSON.parse(value);
      await sql.unsafe(
        `insert into "${schema}".routes_table values (${userId}, ${timestamp}, ${latitude}, ${longitude})`,
      );
    }
    const migrated = await routes(["migrate"]);
    assertMatch(
      migrated.stdout,
      /^kept 40 rows of the original program; .*: routes consume --from group:demo-group$/m,
    );

    const from = ["consume", "--from", `group:${demo}`];
    const refused = await routes(from);
    assertEquals(refused.code, 69, refused.stderr);
    assertMatch(refused.stderr, /still has 1 member\n/);
    await reader.disconnect();
    const unknown = await routes(["consume", "--from", `group:${demo}-x`]);
    assertEquals(unknown.code, 69, unknown.stderr);
    assertMatch(unknown.stderr, /has committed no offset of topic/);

    const partitions = [{ partition: 0, offset: "40" }];
    await admin.setOffsets({ groupId: demo, topic, partitions });
    const taken = await routes(from);
    assertEquals(taken.code, 0, taken.stderr);
    assertMatch(taken.stderr, /has committed partition 0 at 40: reading from there$/m);
    const rows = await sql.unsafe(
      `select user_id, timestamp, latitude, longitude from "${schema}".routes_table`,
    );
    const found = rows.map(({ user_id: userId, timestamp, latitude, longitude }) =>
      JSON.stringify([userId, timestamp, latitude, longitude])
    );
    const sent = records.map(({ value }) => {
      const { userId, timestamp, coordinates } = JSON.parse(value);
      return JSON.stringify([userId, timestamp, ...coordinates]);
    });
    assertEquals(found.sort(), sent.sort());
    assertEquals((await routes(["verify"])).code, 0);
    const again = await routes(from);
    assertEquals(again.code, 65, again.stderr);
    await admin.deleteGroups([demo]);
  }));

Deno.test("records that were deleted before the hand-over are a loss, not skipped in silence", () =>
  withProgram({}, async ({ routes, admin, topic, counts }) => {
    const demo = uniqueName("demo-group");
    assertEquals((await routes(["produce", "-n", "50"])).code, 0);
    await admin.setOffsets({ groupId: demo, topic, partitions: [{ partition: 0, offset: "10" }] });
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: "30" }] });
    const lost = await routes(["consume", "--from", `group:${demo}`]);
    assertEquals(lost.code, 65, lost.stderr);
    assertMatch(lost.stderr, /lost 20 unread records/);
    assertEquals((await counts()).rows, 0);
    const accepted = await routes(["consume", "--accept-loss"]);
    assertEquals([accepted.code, (await counts()).rows], [0, 20], accepted.stderr);
    await admin.deleteGroups([demo]);
  }));
