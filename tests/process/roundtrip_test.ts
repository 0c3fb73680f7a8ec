import { assertEquals, assertMatch } from "@std/assert";
import { withProgram } from "../support/program.ts";

const lines = (text: string) => text.trimEnd().split("\n").sort();

Deno.test("query --format ndjson and produce --stdin are an exact round trip", () =>
  withProgram({ partitions: 3 }, async (fixture) => {
    const made = ["produce", "-n", "2000", "--model", "uniform", "--seed", "7", "--start", "@1.5"];
    assertEquals((await fixture.routes(made)).code, 0);
    assertEquals((await fixture.routes(["consume"])).code, 0);
    const query = ["query", "--format", "ndjson"];
    const first = await fixture.routes(query);
    assertEquals(first.code, 0, first.stderr);
    // The stored rows are what was sent.
    const dry = await fixture.routes([...made, "--dry-run"]);
    assertEquals(lines(first.stdout), lines(dry.stdout));

    const sent = await fixture.routes(["produce", "--stdin"], { stdin: first.stdout });
    assertEquals(sent.code, 0, sent.stderr);
    assertEquals((await fixture.routes(["consume"])).code, 0);
    const second = await fixture.routes(query);
    assertEquals(lines(second.stdout), lines(first.stdout + first.stdout));
  }));

Deno.test("produce --stdin names the first invalid line, and sends nothing after it", () =>
  withProgram({}, async (fixture) => {
    const good = (user: number) => `{"userID":${user},"timestamp":1.5,"coordinates":[2.5,3.5]}\n`;
    const stdin = `${good(1)}${good(2)}{"userID":"3"}\n${good(4)}`;
    const { code, stdout, stderr } = await fixture.routes(["produce", "--stdin"], { stdin });
    assertEquals([code, stdout], [65, ""]);
    assertMatch(stderr, /^sent 2 records .*\nroutes: .*line 3.*userID/s);
    assertEquals((await fixture.routes(["consume", "--tee"])).stdout, good(1) + good(2));
  }));

Deno.test("produce with the same seed prints the same bytes with --dry-run and --tee", () =>
  withProgram({}, async (fixture) => {
    const flags = ["-n", "300", "--seed", "5", "--start", "2024-01-01", "--key", "none"];
    const dry = await fixture.routes(["produce", ...flags, "--dry-run"]);
    const tee = await fixture.routes(["produce", ...flags, "--tee"]);
    assertEquals([dry.code, tee.code], [0, 0], dry.stderr + tee.stderr);
    assertEquals(tee.stdout, dry.stdout);
    assertMatch(dry.stderr, /^made 300 records in .* s, sent none · seed 5\n$/);
    assertMatch(
      tee.stderr,
      /^sent 300 records to topic_\w+ in .* s \(.*\/s\), 0 failed, 0 unknown · seed 5\n$/,
    );
    assertEquals((await fixture.routes(["consume", "--tee"])).stdout, dry.stdout);
  }));

Deno.test("produce without an end continues until a signal, then prints how many records it sent", () =>
  withProgram({}, async (fixture) => {
    for (
      const [flags, expected] of [[["-n", "0"], 0], [["-n", "100000000"], 130], [[
        "--duration",
        "1h",
      ], 130]] as const
    ) {
      const running = fixture.start(["produce", ...flags, "--rate", "500", "--tee"]);
      await running.said(/userID/);
      running.kill("SIGINT");
      const { code, stdout, stderr } = await running.ended;
      assertEquals(code, expected, stderr);
      const sent = lines(stdout).length;
      assertMatch(stderr.replaceAll(" ", ""), new RegExp(`^sent${sent}records.*,0failed,0unknown`));
    }
  }));
