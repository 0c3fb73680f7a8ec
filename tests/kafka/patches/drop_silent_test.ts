import { assertEquals, assertRejects } from "@std/assert";
// deno-lint-ignore no-import-prefix
import Connection from "npm:kafkajs@2.2.4/src/network/connection.js";

interface Sending {
  send(request: { fails: string }): Promise<unknown>;
}

// In place of kafkajs's own, before the patch takes hold of it.
const { prototype } = Connection as unknown as { prototype: Sending };
prototype.send = ({ fails }) => Promise.reject(Object.assign(new Error("no"), { name: fails }));
const { leaveSilentConnections } = await import("../../../src/kafka/patches/drop_silent.ts");
leaveSilentConnections();

/** Why the socket was destroyed after a request that failed like this; null if it was not. */
async function reasonAfter(fails: string): Promise<string | null> {
  let reason: string | null = null;
  const socket = { destroy: (error: Error) => void (reason = error.message) };
  await assertRejects(() => prototype.send.call({ socket }, { fails }), Error, "no");
  return reason;
}

Deno.test("a connection is closed after a request without an answer, and only then", async () => {
  assertEquals(await reasonAfter("KafkaJSRequestTimeoutError"), "no answer in time");
  assertEquals(await reasonAfter("KafkaJSProtocolError"), null);
});
