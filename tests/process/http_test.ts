import { assert, assertEquals } from "@std/assert";
import { withProgram } from "../support/program.ts";

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
