import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { OperationalError } from "../../../src/errors.ts";
import { openKafka } from "../../../src/kafka/connect.ts";
import { explainKafka } from "../../../src/kafka/errors.ts";
import { withBadServers } from "../../support/bad_servers.ts";
import { testSettings } from "../../support/fixtures.ts";

function open(brokers: string[], timeoutMs: number) {
  const settings = { ...testSettings().kafka, brokers };
  const kafka = openKafka(settings, { readFile: Deno.readFileSync, log: null, timeoutMs });
  return { settings, admin: kafka.admin({ retry: { retries: 0 } }) };
}

Deno.test("the client connects although servers before the good one stay silent or close the connection", () =>
  withBadServers(["silent", "closing", "silent"], async (bad) => {
    const timeoutMs = 5_000;
    // The order is another one each time.
    for (let round = 0; round < 4; round++) {
      const { admin } = open([...bad, ...testSettings().kafka.brokers], timeoutMs);
      const startedMs = performance.now();
      await admin.connect();
      const seconds = (performance.now() - startedMs) / 1000;
      await admin.disconnect();
      // A share of the time for each of two silent servers.
      assert(seconds < 2 * timeoutMs / 4 / 1000 + 1, `${seconds} s`);
    }
  }));

Deno.test("one message lists every server that was tried, and what each answered", () =>
  withBadServers(["silent", "closing"], async ([silent, closing]) => {
    const { settings, admin } = open(
      [silent!, closing!, "127.0.0.1:1", "nosuch.invalid:9092"],
      2_000,
    );
    const error = await assertRejects(() => admin.connect());
    await admin.disconnect();
    const { message, reason } = explainKafka(error, settings) as OperationalError;
    assertEquals(message, "cannot use any of the 4 Kafka servers");
    assertEquals(reason.length, 5);
    assertEquals(reason[0], `cannot reach Kafka at ${silent}: no answer in time`);
    assertMatch(reason[1]!, new RegExp(`^Kafka at ${closing} ended the connection`));
    assertEquals(reason[2], "cannot reach Kafka at 127.0.0.1:1: connection refused");
    assertMatch(reason[3]!, /^cannot reach Kafka at nosuch.invalid:9092: /);
    assertMatch(reason[4]!, /^the addresses are /);
  }));

Deno.test("processes begin with different servers of the list", () =>
  withBadServers(["closing", "closing", "closing", "closing"], async (bad) => {
    const firsts = await Promise.all(Array.from({ length: 20 }, async () => {
      const tried: string[] = [];
      const kafka = openKafka({ ...testSettings().kafka, brokers: bad }, {
        readFile: Deno.readFileSync,
        log: (line) => tried.push(/Connecting .*?"broker":"([^"]+)/.exec(line)?.[1] ?? ""),
        timeoutMs: 2_000,
      });
      const admin = kafka.admin({ retry: { retries: 0 } });
      await assertRejects(() => admin.connect());
      await admin.disconnect();
      return tried.find((broker) => broker !== "")!;
    }));
    assert(new Set(firsts).size > 1, firsts.join());
  }));
