import type { Socket } from "node:net";
// A module of kafkajs that its index does not export. Written out because an import map given by --import-map does not
// reach into packages; the version is that of deno.json.
// deno-lint-ignore no-import-prefix
import Connection from "npm:kafkajs@2.2.4/src/network/connection.js";

interface Sending {
  socket: Socket | null;
  send(request: unknown): Promise<unknown>;
}

const { send } = Connection.prototype as Sending;

/**
 * Has kafkajs leave a connection on which an answer did not come in time. It would ask on there for ever: where a firewall
 * forgot the connection, a consumer stood still without a word, and without lag, since nobody told it of new records.
 */
export function leaveSilentConnections(): void {
  (Connection.prototype as Sending).send = async function (request) {
    try {
      return await send.call(this, request);
    } catch (error) {
      const late = (error as Error).name === "KafkaJSRequestTimeoutError";
      if (late) this.socket?.destroy(new Error("no answer in time"));
      throw error;
    }
  };
}
