import { assertEquals, assertMatch } from "@std/assert";
import { connect, createServer } from "node:net";
import { testSettings } from "../support/fixtures.ts";
import { withProgram } from "../support/program.ts";

/** Passes connections to [::1] on to the broker. */
async function listenOnIpv6(): Promise<{ port: number; close(): Promise<void> }> {
  const target = Number(testSettings().kafka.brokers[0]!.split(":").at(-1));
  const server = createServer((client) => {
    const broker = connect(target, "127.0.0.1");
    for (const [from, to] of [[client, broker], [broker, client]] as const) {
      from.on("error", () => to.destroy());
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "::1", resolve));
  const { port } = server.address() as { port: number };
  return { port, close: () => new Promise((resolve) => server.close(() => resolve())) };
}

Deno.test({
  name: "a broker is found at an IPv6 address in brackets",
  // Some containers have no IPv6.
  ignore: Deno.networkInterfaces().every(({ address }) => address !== "::1"),
  fn: () =>
    withProgram({}, async ({ routes }) => {
      const proxy = await listenOnIpv6();
      try {
        const at = ["-X", `kafka.bootstrap_servers=[::1]:${proxy.port}`];
        const checked = await routes(["check", "produce", ...at]);
        assertEquals(checked.code, 0, checked.stdout);
        assertEquals((await routes(["produce", "-n", "7", ...at])).code, 0);
      } finally {
        await proxy.close();
      }
      const { code, stderr } = await routes([
        "produce",
        "-X",
        `kafka.bootstrap_servers=[::1]:${proxy.port}`,
      ]);
      assertEquals(code, 69);
      assertMatch(stderr, /^routes: cannot reach Kafka at \[::1\]:\d+: connection refused$/m);
      assertMatch(stderr, /^ {2}the address is set in -X kafka\.bootstrap_servers$/m);
    }),
});

Deno.test("--config - reads the settings from stdin, and an error says where the address is from", () =>
  withProgram({}, async ({ dir, routes, counts }) => {
    const stdin = await Deno.readTextFile(`${dir}/host_settings.ini`);
    await Deno.remove(`${dir}/host_settings.ini`);
    assertEquals((await routes(["produce", "-n", "9", "--config", "-"], { stdin })).code, 0);
    assertEquals((await routes(["consume", "--config", "-"], { stdin })).code, 0);
    assertEquals((await counts()).rows, 9);
    const wrong = await routes(["check", "produce", "--config", "-"], {
      stdin: "[kafka]\nbootstrap_servers = 127.0.0.1:1\n",
    });
    assertMatch(wrong.stdout, /^ {4}the address is set in stdin line 2$/m);
    assertEquals(wrong.code, 69);
    const both = await routes(["produce", "--stdin", "--config", "-"], { stdin });
    assertEquals([both.code, both.stderr], [
      2,
      "routes: --config - and --stdin both read stdin\n" +
      "  fix: put the settings into a file or the environment\n",
    ]);
  }));
