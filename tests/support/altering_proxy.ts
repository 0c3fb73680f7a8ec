import { connect, createServer, type Socket } from "node:net";
import { Buffer } from "node:buffer";

/** Passes bytes between clients and a broker, and changes what the broker answers. */
export interface AlteringProxy {
  port: number;
  close(): Promise<void>;
}

/**
 * Listens on 127.0.0.1 for clients of the broker at `target` on the same machine. `alter` may change the bytes of each
 * response, but not their number. Clients stay with the proxy, since it replaces the port that the broker advertises.
 */
export async function openAlteringProxy(
  target: number,
  alter: (response: Buffer) => void,
): Promise<AlteringProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const broker = connect(target, "127.0.0.1");
    for (const socket of [client, broker]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        broker.destroy();
      });
    }
    client.on("data", (bytes) => broker.write(bytes));
    eachResponse(broker, (response) => {
      replacePort(response, target, port);
      alter(response);
      client.write(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return {
    port,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function eachResponse(broker: Socket, take: (response: Buffer) => void): void {
  let received = Buffer.alloc(0);
  broker.on("data", (bytes: Buffer) => {
    received = Buffer.concat([received, bytes]);
    while (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) {
      const size = 4 + received.readInt32BE(0);
      take(received.subarray(0, size));
      received = received.subarray(size);
    }
  });
}

/** An address in a response is a name and then a port of four bytes. */
function replacePort(response: Buffer, from: number, to: number): void {
  const name = "127.0.0.1";
  const ports = Buffer.alloc(8);
  ports.writeInt32BE(from, 0);
  ports.writeInt32BE(to, 4);
  const address = Buffer.concat([Buffer.from(name), ports.subarray(0, 4)]);
  for (let at = response.indexOf(address); at >= 0; at = response.indexOf(address, at + 1)) {
    response.set(ports.subarray(4), at + name.length);
  }
}
