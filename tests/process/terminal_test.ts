import { assertEquals, assertMatch } from "@std/assert";
import { importFlags } from "../support/imports.ts";
import { programCommand } from "../support/permissions.ts";
import { type ProgramFixture, quietEnv, withProgram } from "../support/program.ts";

// The program on a terminal, which script(1) of Linux provides.

const [program, flags] = programCommand(await importFlags(() => {}));
const isLinux = Deno.build.os === "linux";
/** Longer than the delay before the program reports that it waits. */
const WAIT_MS = 500;

/** Starts the program on a terminal. */
function atTerminal({ dir }: ProgramFixture, args: string[]) {
  const line = [program, ...flags, ...args].map((word) => `'${word}'`).join(" ");
  const process = new Deno.Command("script", {
    args: ["-qec", line, "/dev/null"],
    cwd: dir,
    env: quietEnv(),
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = process.stdin.getWriter();
  const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  return {
    type: (keys: string) => writer.write(new TextEncoder().encode(keys)),
    async shown(pattern: RegExp): Promise<void> {
      while (!pattern.test(text)) {
        const { done, value } = await reader.read();
        if (done) throw new Error(`ended without ${pattern}: ${text}`);
        text += value;
      }
    },
    async ended(): Promise<{ code: number; text: string }> {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        text += value;
      }
      const { code } = await process.status;
      await writer.close().catch(() => {});
      return { code, text };
    },
  };
}

Deno.test({
  name: "a question is the last output on the terminal, and Ctrl-C ends it at once",
  ignore: !isLinux,
  fn: () =>
    withProgram({}, async (fixture) => {
      await fixture.routes(["produce", "--count", "5"]);
      await fixture.routes(["consume"]);
      const terminal = atTerminal(fixture, ["consume", "--replay", "earliest"]);
      await terminal.shown(/continue\? \[y\/N\] /);
      // There must be no further output, and that cannot be awaited.
      await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
      await terminal.type("\x03");
      const { code, text } = await terminal.ended();
      const [, after] = text.split("[y/N] ");
      assertEquals([code, after], [130, "^C\r\n"]);
      assertEquals((await fixture.counts()).rows, 5);
    }),
});

Deno.test({
  name: "Ctrl-D at a question changes nothing, and the message has a line of its own",
  ignore: !isLinux,
  fn: () =>
    withProgram({}, async (fixture) => {
      await fixture.routes(["produce", "--count", "5"]);
      await fixture.routes(["consume"]);
      const terminal = atTerminal(fixture, ["consume", "--replay", "earliest", "--no-color"]);
      await terminal.shown(/continue\? \[y\/N\] /);
      await terminal.type("\x04");
      const { code, text } = await terminal.ended();
      const [, after] = text.split("[y/N] ");
      assertMatch(after!, /^[^\n]*\r\nroutes: not confirmed: nothing was changed\r\n/);
      assertEquals([code, (await fixture.counts()).rows], [2, 5]);
    }),
});

Deno.test({
  name: "produce --stdin says that it reads from the terminal, and how to end that",
  ignore: !isLinux,
  fn: () =>
    withProgram({}, async (fixture) => {
      const terminal = atTerminal(fixture, ["produce", "--stdin"]);
      await terminal.shown(/reading records from the terminal, .*; Ctrl-D ends them\r\n/);
      await terminal.type('{"userID":7,"timestamp":1.5,"coordinates":[2.5,3.5]}\n\x04');
      const { code, text } = await terminal.ended();
      assertMatch(text, /sent 1 record to /);
      assertEquals(code, 0);
    }),
});

Deno.test({
  name: "--config - says that it reads the settings from the terminal",
  ignore: !isLinux,
  fn: () =>
    withProgram({}, async (fixture) => {
      const terminal = atTerminal(fixture, ["produce", "--dry-run", "-n", "1", "--config", "-"]);
      await terminal.shown(/reading settings from the terminal; Ctrl-D ends them\r\n/);
      await terminal.type("[kafka]\ntopic = t\n\x04");
      assertEquals((await terminal.ended()).code, 0);
    }),
});

Deno.test({
  name: "stored text cannot control the terminal in any format, and is exact in a pipe",
  ignore: !isLinux,
  fn: () =>
    withProgram({}, async (fixture) => {
      const hostile = "\x1b]0;title\x07\x9b2J\u202e";
      const producer = fixture.kafka.producer();
      await producer.connect();
      await producer.send({ topic: fixture.topic, messages: [{ key: hostile, value: hostile }] });
      await producer.disconnect();
      assertEquals((await fixture.routes(["consume"])).code, 0);
      for (const format of ["table", "vertical", "markdown", "csv", "tsv", "json", "ndjson"]) {
        const args = ["query", "--rejects", "--format", format, "--no-color"];
        const { code, text } = await atTerminal(fixture, args).ended();
        assertEquals(code, 0, text);
        const shown = text.replaceAll("\r\x1b[K", "").replaceAll(/[\r\n\t]/g, "");
        const found = shown.match(/[\p{Cc}\p{Cf}]/u);
        assertEquals(found, null, `${format}: ${JSON.stringify(text)}`);
      }
      const { stdout } = await fixture.routes(["query", "--rejects", "--format", "csv"]);
      assertEquals(stdout.includes(hostile), true);
    }),
});
