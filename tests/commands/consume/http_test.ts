import { assert, assertEquals, assertRejects } from "@std/assert";
import { OperationalError } from "../../../src/errors.ts";
import { type EventStream, plain, serve } from "../../../src/commands/consume/http.ts";

const FREE_PORT = { host: "127.0.0.1", port: 0 };

/** Status, content type and body of the response. */
async function ask(url: string, method = "GET") {
  const response = await fetch(url, { method });
  const body = await response.text();
  return [response.status, response.headers.get("content-type"), body];
}

Deno.test("serve() builds the page of the path for each request", async () => {
  let asked = 0;
  const { address, close } = await serve(FREE_PORT, {
    pages: {
      "/count": () => ({ status: 200, type: "text/x", body: `${++asked}ü` }),
      "/no": () => plain(503, "no"),
      "/bug": () => {
        throw new Error("broken");
      },
    },
  });
  const text = "text/plain; charset=utf-8";
  assertEquals(await ask(`http://${address}/count`), [200, "text/x", "1ü"]);
  assertEquals(await ask(`http://${address}/count?x=1`), [200, "text/x", "2ü"]);
  assertEquals(await ask(`http://${address}/count`, "HEAD"), [200, "text/x", ""]);
  assertEquals(await ask(`http://${address}/no`), [503, text, "no\n"]);
  assertEquals(await ask(`http://${address}/bug`), [500, text, "Error: broken\n"]);
  assertEquals(await ask(`http://${address}/constructor`), [404, text, "/count\n/no\n/bug\n"]);
  assertEquals(await ask(`http://${address}/no`, "POST"), [405, text, "GET or HEAD\n"]);
  await close();
  await assertRejects(() => fetch(`http://${address}/count`), TypeError);
});

Deno.test("close() does not wait for clients that keep a connection open", async () => {
  const { address, close } = await serve(FREE_PORT, { pages: { "/": () => plain(200, "yes") } });
  const [hostname, port] = address.split(":");
  const connection = await Deno.connect({ hostname: hostname!, port: Number(port) });
  await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\n"));
  await close();
  connection.close();
});

Deno.test("serve() drops connections beyond 64 and goes on answering", async () => {
  const { address, close } = await serve(FREE_PORT, { pages: { "/": () => plain(200, "yes") } });
  const [hostname, port] = address.split(":");
  const open = () => Deno.connect({ hostname: hostname!, port: Number(port) });
  const idle = await Promise.all(Array.from({ length: 64 }, open));
  const next = await open();
  // The end of the stream: the server has closed the connection.
  assertEquals(await next.read(new Uint8Array(1)).catch(() => null), null);
  idle.pop()!.close();
  while (!(await fetch(`http://${address}/`).then((r) => r.text()).catch(() => null)));
  await close();
  for (const connection of [...idle, next]) connection.close();
});

const refused: [host: string, port: number | "taken", reason: string][] = [
  ["127.0.0.1", "taken", "another program listens on that port"],
  ["192.0.2.1", 0, "this machine does not have that address"],
  ["no-such-host.invalid", 0, "the name is not known"],
];

for (const [host, port, reason] of refused) {
  Deno.test(`serve() explains why it cannot listen: ${reason}`, async () => {
    const first = await serve(FREE_PORT, { pages: {} });
    const taken = Number(first.address.split(":")[1]);
    try {
      const failure = await assertRejects(
        () => serve({ host, port: port === "taken" ? taken : port }, { pages: {} }),
        OperationalError,
      );
      assertEquals([failure.kind, failure.reason], ["unavailable", [reason]]);
      assertEquals(failure.hint.length, 1);
    } finally {
      await first.close();
    }
  });
}

Deno.test("serve() puts an IPv6 address in brackets", async () => {
  // Reserved for documentation, so no machine has it.
  const listening = serve({ host: "2001:db8::1", port: 1 }, { pages: {} });
  const failure = await assertRejects(() => listening, OperationalError);
  assertEquals(failure.message, "cannot listen on [2001:db8::1]:1");
});

Deno.test("a stream is busy while its client reads nothing, and free again after that", async () => {
  const opened = Promise.withResolvers<EventStream>();
  const closed = Promise.withResolvers<void>();
  const { address, close } = await serve(FREE_PORT, {
    pages: {},
    streams: {
      "/events": (stream) => {
        stream.onClose(closed.resolve);
        opened.resolve(stream);
        return null;
      },
    },
  });
  const [hostname, port] = address.split(":");
  const connection = await Deno.connect({ hostname: hostname!, port: Number(port) });
  await connection.write(new TextEncoder().encode("GET /events HTTP/1.1\r\nHost: a\r\n\r\n"));
  const stream = await opened.promise;
  const isFree = async () => {
    for (let i = 0; i < 20 && stream.isBusy; i++) await new Promise((go) => setTimeout(go, 10));
    return !stream.isBusy;
  };
  // The kernel takes the first of them.
  const megabyte = "x".repeat(1_048_576);
  let sent = 0;
  do stream.send(megabyte); while (++sent < 64 && await isFree());
  assert(sent < 64, "the stream was never busy");
  assert(stream.isBusy);
  const buffer = new Uint8Array(1_048_576);
  while (stream.isBusy) await connection.read(buffer);
  connection.close();
  await closed.promise;
  await close();
});

Deno.test("a stream answers only GET, and its refusal is a page", async () => {
  const { address, close } = await serve(FREE_PORT, {
    pages: {},
    streams: { "/events": () => plain(503, "full") },
  });
  const text = "text/plain; charset=utf-8";
  assertEquals(await ask(`http://${address}/events`), [503, text, "full\n"]);
  assertEquals(await ask(`http://${address}/events`, "HEAD"), [405, text, ""]);
  assertEquals((await ask(`http://${address}/events`, "POST"))[0], 405);
  await close();
});

Deno.test("no answer may be guessed at, kept, or shown by another site", async () => {
  const { address, close } = await serve(FREE_PORT, {
    pages: { "/": () => plain(200, "yes") },
    guard: ({ header }) => header("authorization") ? plain(401, "no") : null,
  });
  for (const headers of [{}, { authorization: "x" }] as Record<string, string>[]) {
    const response = await fetch(`http://${address}/`, { headers });
    await response.body!.cancel();
    assertEquals(
      ["x-content-type-options", "cache-control", "cross-origin-resource-policy"]
        .map((name) => response.headers.get(name)),
      ["nosniff", "no-store", "same-origin"],
    );
    assertEquals(response.status, headers.authorization ? 401 : 200);
  }
  await close();
});
