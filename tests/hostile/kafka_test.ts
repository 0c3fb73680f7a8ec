import { assertEquals, assertRejects } from "@std/assert";
// deno-lint-ignore no-import-prefix
import scram from "npm:kafkajs@2.2.4/src/broker/saslAuthenticator/scram.js";
import { OperationalError } from "../../src/errors.ts";
import { openKafka } from "../../src/kafka/connect.ts";
import { explainKafka } from "../../src/kafka/errors.ts";
import { testSettings } from "../support/fixtures.ts";

/** What the first request ends with at a broker that answers each one with the bytes that `answer` makes. */
async function meet(answer: (correlation: Uint8Array) => Uint8Array): Promise<OperationalError> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const connections: Deno.Conn[] = [];
  (async () => {
    for await (const connection of listener) {
      connections.push(connection);
      serve(connection, answer).catch(() => {});
    }
  })();
  const settings = { ...testSettings().kafka, brokers: [`127.0.0.1:${port}`] };
  const kafka = openKafka(settings, { readFile: Deno.readFileSync, log: null, timeoutMs: 3_000 });
  const admin = kafka.admin({ retry: { retries: 0 } });
  try {
    const error = await assertRejects(() => admin.connect());
    return explainKafka(error, settings) as OperationalError;
  } finally {
    await admin.disconnect();
    listener.close();
    for (const connection of connections) connection.close();
  }
}

async function serve(
  connection: Deno.Conn,
  answer: (correlation: Uint8Array) => Uint8Array,
): Promise<void> {
  const request = new Uint8Array(65_536);
  while (await connection.read(request) !== null) {
    await connection.write(answer(request.slice(8, 12)));
  }
}

/** An answer: its length, if it is not to be a lie, the number of the request, then the body. */
function bytes(correlation: Uint8Array, body: number[], length = 4 + body.length): Uint8Array {
  const whole = new Uint8Array(8 + body.length);
  new DataView(whole.buffer).setInt32(0, length);
  whole.set(correlation, 4);
  whole.set(body, 8);
  return whole;
}

const nonsense: [what: string, body: number[], length: number | undefined, reason: RegExp][] = [
  ["an answer of 2 GB", [], 0x7fffffff, /^a length of 2147483647 bytes$/],
  ["an answer of negative length", [], -4, /^a length of -4 bytes$/],
  ["a list of 2^31 elements", [0, 0, 0x7f, 0xff, 0xff, 0xff], undefined, /^a list of 2147483647 /],
  ["a list of negative length", [0, 0, 0x80, 0, 0, 0], undefined, /^a list of -2147483648 /],
  ["an answer that is cut", [0], undefined, /out(side| of)|range/],
];

for (const [what, body, length, reason] of nonsense) {
  Deno.test(`a broker that sends ${what} is named, and does not end the process`, async () => {
    const failure = await meet((correlation) => bytes(correlation, body, length));
    assertEquals(failure.kind, "unavailable", String(failure));
    assertEquals(reason.test(failure.reason.join()), true, failure.reason.join());
  });
}

Deno.test("a broker that speaks HTTP is named", async () => {
  const text = new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n");
  const failure = await meet(() => text);
  assertEquals(failure.kind, "unavailable", String(failure));
});

Deno.test("iterations of SCRAM that take hours are refused", async () => {
  // deno-lint-ignore no-explicit-any
  const { hi } = (scram as any).SCRAM;
  const digest = { length: 32, type: "sha256" };
  await assertRejects(() => hi("p", new Uint8Array(8), 2 ** 31, digest), Error, "2147483648 iter");
  assertEquals((await hi("p", new Uint8Array(8), 4096, digest)).length, 32);
});
