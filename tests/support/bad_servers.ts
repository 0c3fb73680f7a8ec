/** Runs servers that take connections and never answer, as behind a firewall, or close them after a request. */
export async function withBadServers(
  hows: ("silent" | "closing")[],
  work: (addresses: string[]) => Promise<void>,
): Promise<void> {
  const connections: Deno.Conn[] = [];
  const listeners = hows.map((how) => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    (async () => {
      for await (const connection of listener) {
        connections.push(connection);
        // As a broker that stops does.
        if (how === "closing") {
          connection.read(new Uint8Array(100)).catch(() => {}).then(() => connection.close());
        }
      }
    })();
    return listener;
  });
  try {
    await work(listeners.map(({ addr }) => `127.0.0.1:${(addr as Deno.NetAddr).port}`));
  } finally {
    for (const listener of listeners) listener.close();
    for (const connection of connections) {
      try {
        connection.close();
      } catch {
        // It is closed.
      }
    }
  }
}
