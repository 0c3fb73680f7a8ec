import { assert, assertEquals, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import { openProxy, type Proxy } from "./proxy.ts";
import { Statements } from "./statements.ts";

/** Runs an echo server behind a proxy. */
async function withEcho(
  work: (proxy: Proxy, received: () => number) => Promise<void>,
): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  let received = 0;
  const serving = (async () => {
    const connections: Promise<void>[] = [];
    for await (const conn of listener) {
      connections.push((async () => {
        const buffer = new Uint8Array(65_536);
        try {
          for (let size; (size = await conn.read(buffer)) !== null;) {
            received += size;
            await conn.write(buffer.slice(0, size));
          }
        } catch {
          // The proxy has reset the connection.
        }
        conn.close();
      })());
    }
    await Promise.all(connections);
  })();
  const { port: target } = listener.addr as Deno.NetAddr;
  const proxy = await openProxy({ target, speaks: "PostgreSQL" });
  try {
    await work(proxy, () => received);
  } finally {
    await proxy.close();
    listener.close();
    await serving;
  }
}

async function echo(conn: Deno.Conn, size: number): Promise<number> {
  await conn.write(new Uint8Array(size).fill(7));
  const buffer = new Uint8Array(65_536);
  let pieces = 0;
  for (let got = 0; got < size; pieces++) {
    const read = await conn.read(buffer);
    if (read === null) throw new Deno.errors.UnexpectedEof();
    got += read;
  }
  return pieces;
}

const open = (proxy: Proxy) => Deno.connect({ hostname: "127.0.0.1", port: proxy.port });

Deno.test("a proxy passes bytes and the end of the stream in both directions", async () => {
  await withEcho(async (proxy) => {
    const conn = await open(proxy);
    await echo(conn, 200_000);
    await conn.closeWrite();
    assertEquals(await conn.read(new Uint8Array(1)), null);
    conn.close();
  });
});

Deno.test("a proxy simulates latency and bandwidth", async () => {
  await withEcho(async (proxy) => {
    const conn = await open(proxy);
    proxy.up = { latencyMs: 100 };
    let began = performance.now();
    await echo(conn, 10);
    assert(performance.now() - began >= 95);
    proxy.up = { bytesPerSecond: 10_000 };
    began = performance.now();
    await echo(conn, 2_000);
    assert(performance.now() - began >= 190);
    conn.close();
  });
});

Deno.test("a proxy passes bytes in slices", async () => {
  await withEcho(async (proxy, received) => {
    const conn = await open(proxy);
    proxy.up = { sliceBytes: 1 };
    await echo(conn, 50);
    assertEquals(received(), 50);
    conn.close();
  });
});

Deno.test("a proxy resets connections after a number of bytes and on reset()", async () => {
  await withEcho(async (proxy) => {
    const limited = await open(proxy);
    proxy.up = { limitBytes: 100 };
    await echo(limited, 100);
    await assertRejects(() => echo(limited, 1), Deno.errors.ConnectionReset);
    limited.close();
    proxy.up = {};
    const other = await open(proxy);
    await echo(other, 1);
    proxy.reset();
    await assertRejects(() => echo(other, 1));
    other.close();
  });
});

Deno.test("a proxy holds bytes back in a black hole, and passes them afterwards", async () => {
  await withEcho(async (proxy, received) => {
    const conn = await open(proxy);
    await echo(conn, 1);
    proxy.up = { blackHole: true };
    const answer = echo(conn, 10);
    const second = await open(proxy);
    await second.write(new Uint8Array(3));
    // The proxy passes bytes within a few turns of the event loop; 50 are enough.
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
    assertEquals(received(), 1);
    proxy.up = {};
    await answer;
    conn.close();
    second.close();
  });
});

Deno.test("close() ends connections whose bytes are held back", async () => {
  for (const toxics of [{ blackHole: true }, { latencyMs: 60_000 }, { slowCloseMs: 60_000 }]) {
    await withEcho(async (proxy) => {
      const conn = await open(proxy);
      await echo(conn, 1);
      proxy.up = toxics;
      await conn.write(new Uint8Array(3));
      await conn.closeWrite();
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
      await proxy.close();
      conn.close();
    });
  }
});

Deno.test("dropOpen() drops the bytes of open connections, not of later ones", async () => {
  await withEcho(async (proxy, received) => {
    const old = await open(proxy);
    await echo(old, 1);
    proxy.dropOpen();
    await old.write(new Uint8Array(5));
    const other = await open(proxy);
    await echo(other, 1);
    assertEquals(received(), 2);
    old.close();
    other.close();
  });
});

function message(type: string, ...parts: string[]): Buffer {
  const body = Buffer.from(parts.map((part) => part + "\0").join(""));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(type), length, body]);
}

const greeting = message("", "user", "postgres");
const prepared = [
  message("P", "s1", "update a"),
  message("B", "", "s1"),
  message("E", ""),
  message("S"),
];
const again = [message("B", "", "s1"), message("E", ""), message("S")];

Deno.test("Statements finds the SQL of simple, prepared and repeated statements", () => {
  const statements = new Statements();
  const simple = message("Q", "select 1");
  const all = Buffer.concat([greeting, simple, ...prepared, ...again]);
  const texts = [...statements.client(all)].map(({ text, end }) => [text, end]);
  assertEquals(texts, [
    ["select 1", greeting.length + simple.length],
    ["update a", Buffer.concat([greeting, simple, ...prepared]).length],
    ["update a", all.length],
  ]);
});

Deno.test("Statements finds statements in pieces of any size", () => {
  const statements = new Statements();
  const texts: string[] = [];
  for (const byte of Buffer.concat([greeting, ...prepared, ...again])) {
    for (const { text, end } of statements.client(Buffer.from([byte]))) {
      texts.push(text);
      assertEquals(end, 1);
    }
  }
  assertEquals(texts, ["update a", "update a"]);
});

Deno.test("the server is ready when it has answered every statement", () => {
  const statements = new Statements();
  assertEquals([...statements.client(greeting)], []);
  const ready = message("Z", "I");
  assertEquals(statements.server(ready), true);
  assertEquals([...statements.client(Buffer.concat([...prepared, ...again]))].length, 2);
  assertEquals(statements.server(ready), false);
  assertEquals(statements.server(Buffer.concat([message("C", "UPDATE 1"), ready])), true);
});
