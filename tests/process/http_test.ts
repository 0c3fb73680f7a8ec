import { assert, assertEquals } from "@std/assert";
import { withProgram } from "../support/program.ts";

/** The first frame of the live page's stream, once it has the last fixes. */
async function frames(url: string, headers: Record<string, string> = {}): Promise<unknown[]> {
  const stopped = new AbortController();
  const response = await fetch(`${url}/events`, { headers, signal: stopped.signal });
  assertEquals(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
  let text = "";
  try {
    for await (const part of response.body!.pipeThrough(new TextDecoderStream())) {
      text += part;
      if (text.includes('"isLoaded":true')) break;
    }
  } finally {
    stopped.abort();
  }
  const lines = text.split("\n").filter((line) => /^data: .*\}$/.test(line));
  return lines.map((line) => JSON.parse(line.slice("data: ".length)));
}

/** The user numbers in a column of the stream. */
function usersOf(frame: unknown): number[] {
  const { fixes } = frame as { fixes?: { users: string } };
  const bytes = Uint8Array.from(atob(fixes?.users ?? ""), (char) => char.charCodeAt(0));
  return [...new Int32Array(bytes.buffer)];
}

async function get(url: string): Promise<{ status: number; type: string | null; text: string }> {
  const response = await fetch(url);
  const text = await response.text();
  return { status: response.status, type: response.headers.get("content-type"), text };
}

/** Has Prometheus's own tool check the text, where it is installed. */
async function acceptMetrics(text: string): Promise<void> {
  const options = { args: ["check", "metrics"], stdin: "piped", stdout: "piped", stderr: "piped" };
  let promtool: Deno.ChildProcess;
  try {
    promtool = new Deno.Command("promtool", options as Deno.CommandOptions).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  const writer = promtool.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { success, stderr } = await promtool.output();
  assertEquals([success, new TextDecoder().decode(stderr)], [true, ""]);
}

Deno.test("consume --http serves metrics during the run, and stops listening at the end", () =>
  withProgram({ partitions: 2 }, async ({ routes, start }) => {
    await routes(["produce", "-n", "300", "--invalid", "2", "--seed", "1"]);
    const consumer = start(["consume", "--follow", "--http", "127.0.0.1:0"]);
    const [, url] = await consumer.said(/^listening on (http:\/\/127\.0\.0\.1:\d+)$/m);
    assertEquals((await get(`${url}/live`)).status, 200);

    const value = (text: string, name: string) =>
      Number(text.split("\n").find((line) => line.startsWith(`${name} `))?.split(" ")[1]);
    let page = await get(`${url}/metrics`);
    const settled = () =>
      ["stored", "rejected", "tombstone"]
        .map((outcome) => value(page.text, `routes_records_total{outcome="${outcome}"}`))
        .reduce((sum, count) => sum + count);
    while (settled() !== 300) page = await get(`${url}/metrics`);
    assertEquals(page.type, "text/plain; version=0.0.4; charset=utf-8");
    const codes = [...page.text.matchAll(/^routes_rejects_total{code="\w+"} (\d+)$/gm)];
    assertEquals(
      codes.reduce((sum, [, count]) => sum + Number(count), 0),
      value(page.text, 'routes_records_total{outcome="rejected"}'),
    );
    assertEquals(value(page.text, 'routes_lag_records{partition="0"}'), 0);
    assertEquals(value(page.text, 'routes_lag_records{partition="1"}'), 0);
    assert(value(page.text, "routes_statement_seconds_count") > 0);
    await acceptMetrics(page.text);
    const ready = await get(`${url}/ready`);
    assertEquals([ready.status, ready.type], [200, "application/json"]);
    assertEquals(JSON.parse(ready.text), {
      ready: true,
      reason: "every record is settled",
      lag: 0,
    });
    assertEquals(value(page.text, 'routes_up{service="kafka"}'), 1);
    assertEquals(value(page.text, "routes_assigned_partitions"), 2);
    assert(value(page.text, "process_resident_memory_bytes") > 1e7);

    const second = await routes(["consume", "--http", url!.slice("http://".length)]);
    assertEquals(second.code, 69);
    assertEquals(
      second.stderr,
      `routes: cannot listen on ${url!.slice("http://".length)}\n` +
        "  another program listens on that port\n  fix: another port, or 0 for any free port\n",
    );

    consumer.kill("SIGTERM");
    assertEquals((await consumer.ended).code, 0);
    const refused = await get(`${url}/live`).then(() => false, () => true);
    assert(refused);
  }));

Deno.test("consume --http serves the live page, and each user's last fix from the table", () =>
  withProgram({ partitions: 2 }, async ({ routes, start, topic, group, sql, schema }) => {
    await routes(["produce", "-n", "200", "--users", "20", "--invalid", "5", "--seed", "1"]);
    await routes(["consume"]);
    const consumer = start(["consume", "--follow", "--http", "0"]);
    const [, url] = await consumer.said(/^listening on (http:\/\/127\.0\.0\.1:\d+)$/m);
    const page = await fetch(`${url}/`);
    assertEquals([page.status, page.headers.get("content-type")], [
      200,
      "text/html; charset=utf-8",
    ]);
    assertEquals(page.headers.get("x-content-type-options"), "nosniff");
    assertEquals(page.headers.get("access-control-allow-origin"), null);
    const policy = page.headers.get("content-security-policy")!;
    assert(policy.startsWith("default-src 'none'; script-src 'sha256-"), policy);
    assert(!/unsafe|\*/.test(policy), policy);
    const html = await page.text();
    assert(!/https?:/.test(html), "the page names another server");

    const stored = await sql`
      select distinct user_id as user from ${sql(`${schema}.routes_table`)} order by user_id`;
    assert(stored.length > 10);
    const all = await frames(url!);
    const last = [...new Set(all.flatMap(usersOf))].sort((a, b) => a - b);
    assertEquals(last, stored.map(({ user }) => user));
    const { about } = all[0]! as { about: Record<string, unknown> };
    assertEquals([about.topic, about.group], [topic, group]);

    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
      for (const path of ["/", "/events"]) {
        const refused = await fetch(url + path, { method });
        assertEquals([refused.status, await refused.text()], [405, "GET or HEAD\n"]);
      }
    }
    const clients = await Promise.all(Array.from({ length: 16 }, () => fetch(`${url}/events`)));
    assertEquals(clients.map(({ status }) => status), Array(16).fill(200));
    assertEquals(await get(`${url}/events`), {
      ...{ status: 503, type: "text/plain; charset=utf-8", text: "16 pages are open: close one\n" },
    });
    await clients[0]!.body!.cancel();
    while (
      (await fetch(`${url}/events`).then(async (r) => (await r.body!.cancel(), r.status))) !== 200
    );
    consumer.kill("SIGTERM");
    assertEquals((await consumer.ended).code, 0);
    const ends = await Promise.all(clients.slice(1).map((client) => client.text()));
    for (const text of ends) assert(text.endsWith("event: stopped\ndata: {}\n\n"), text.slice(-99));
  }));

Deno.test("beyond this machine consume warns about positions; a token guards everything but /live", () =>
  withProgram({}, async ({ start }) => {
    const open = start(["consume", "--follow", "--http", "0.0.0.0:0"]);
    await open.said(/everyone who reaches that port sees the positions of all users/);
    open.kill("SIGTERM");
    await open.ended;
    const token = "a-token-for-a-test-0";
    const env = { ROUTES_HTTP_TOKEN: token };
    const guarded = start(["consume", "--follow", "--http", "0.0.0.0:0"], { env });
    const [, port] = await guarded.said(/^listening on http:\/\/0\.0\.0\.0:(\d+)$/m);
    await guarded.said(
      new RegExp(`^a browser needs .*http://0.0.0.0:${port}/\\?token=TOKEN, `, "m"),
    );
    const url = `http://127.0.0.1:${port}`;
    const statusOf = async (path: string, headers: Record<string, string> = {}) => {
      const response = await fetch(url + path, { headers, redirect: "manual" });
      await response.body?.cancel();
      return response.status;
    };
    for (const path of ["/", "/events", "/metrics", "/ready"]) {
      assertEquals(await statusOf(path), 401, path);
      assert([200, 503].includes(await statusOf(path, { authorization: `Bearer ${token}` })), path);
    }
    assertEquals(await statusOf("/live"), 200);
    assertEquals([await statusOf("/?token=wrong"), await statusOf(`/?token=${token}`)], [401, 303]);
    guarded.kill("SIGTERM");
    const { stdout, stderr } = await guarded.ended;
    assert(!(stdout + stderr).includes(token) && !stderr.includes("everyone who reaches"), stderr);
  }));
