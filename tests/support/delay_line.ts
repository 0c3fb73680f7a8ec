import { connect, createServer, type Socket } from "node:net";

/** A TCP proxy that delivers every byte later, and does not limit the rate: a long line without a bottleneck. */
export interface DelayLine {
  port: number;
  /** The time of each direction; half of a round trip. */
  delayMs: number;
  close(): Promise<void>;
}

/** Listens on 127.0.0.1 and passes everything to `target`. */
export async function openDelayLine(target: number, delayMs: number): Promise<DelayLine> {
  const sockets = new Set<Socket>();
  const line = { port: 0, delayMs };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({
      host: "127.0.0.1",
      port: target,
      noDelay: true,
      allowHalfOpen: true,
    });
    client.setNoDelay(true);
    for (const [from, to] of [[client, upstream], [upstream, client]] as const) {
      sockets.add(from);
      // Timers of the same length end in the order in which they began.
      const later = (act: () => void) => setTimeout(act, line.delayMs);
      from.on("data", (bytes) => later(() => to.write(bytes)));
      from.on("end", () => later(() => to.end()));
      from.on("error", () => to.destroy());
      from.on("close", () => sockets.delete(from));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  line.port = (server.address() as { port: number }).port;
  return Object.assign(line, {
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  });
}
