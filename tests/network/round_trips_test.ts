import { assertEquals } from "@std/assert";
import { connect, createServer, type Socket } from "node:net";
import { once } from "node:events";
import { countRoundTrips, roundTrips } from "../../src/network/round_trips.ts";

/** Calls `work` with a function that opens a counted connection to a server that sends back what it gets. */
async function withEcho(work: (open: () => Promise<Socket>) => Promise<void>): Promise<void> {
  const server = createServer((socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const sockets: Socket[] = [];
  try {
    await work(async () => {
      const socket = connect({ host: "127.0.0.1", port });
      countRoundTrips(socket);
      sockets.push(socket);
      await once(socket, "connect");
      return socket;
    });
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

async function ask(...sockets: Socket[]): Promise<void> {
  const answers = sockets.map((socket) => once(socket, "data"));
  for (const socket of sockets) socket.write("question");
  await Promise.all(answers);
}

Deno.test("a connection and each request that waits for the answer to the one before are a round trip", () =>
  withEcho(async (open) => {
    const before = roundTrips();
    const socket = await open();
    assertEquals(roundTrips() - before, 1);
    await ask(socket);
    await ask(socket);
    assertEquals(roundTrips() - before, 3);
  }));

Deno.test("what waits at the same time, on several connections, is one round trip", () =>
  withEcho(async (open) => {
    const before = roundTrips();
    const sockets = await Promise.all([open(), open(), open()]);
    await ask(...sockets);
    assertEquals(roundTrips() - before, 2);
  }));
