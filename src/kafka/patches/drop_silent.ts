import type { Socket } from "node:net";
import { atBroker } from "./bad_answers.ts";
// A module of kafkajs that its index does not export. Written out because an import map given by --import-map does not
// reach into packages; the version is that of deno.json.
// deno-lint-ignore no-import-prefix
import Connection from "npm:kafkajs@2.2.4/src/network/connection.js";

interface ConnectionMethods {
  host: string;
  port: number;
  socket: Socket | null;
  send(request: unknown): Promise<unknown>;
}

const { send } = Connection.prototype as ConnectionMethods;

/**
 * Replaces Connection.send() of kafkajs src/network/connection.js: closes the connection after a request timeout. kafkajs
 * would reuse it forever: when a firewall dropped the connection, a consumer stopped without an error and showed no lag.
 * Test: tests/kafka/patches/drop_silent_test.ts.
 */
export function leaveSilentConnections(): void {
  (Connection.prototype as ConnectionMethods).send = async function (request) {
    try {
      return await send.call(this, request);
    } catch (error) {
      const late = (error as Error).name === "KafkaJSRequestTimeoutError";
      if (late) this.socket?.destroy(new Error("no answer in time"));
      throw atBroker(error as Error, this);
    }
  };
}
