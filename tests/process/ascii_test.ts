import { assert, assertEquals } from "@std/assert";
import { verbs } from "../../src/cli/commands.ts";
import { withProgram } from "../support/program.ts";

const notAscii = (text: string) => text.match(/[\u0080-\uffff]+/g) ?? [];

Deno.test("under LC_ALL=C everything that the program says is plain ASCII", () =>
  withProgram({}, async (fixture) => {
    const env = { LC_ALL: "C" };
    const commands = [
      ["produce", "-n", "60", "--users", "2", "--invalid", "40"],
      ["consume"],
      ["consume", "--retry-rejects"],
      ["consume", "--replay", "-5", "--yes"],
      ["consume", "--from", "latest"],
      ["check"],
      ["verify"],
      ["migrate", "--topic"],
      ["migrate", "--status"],
      ["query", "--summary", "--timing"],
      ["query", "--format", "map"],
      ["query", "--format", "markdown"],
      ["query", "--rejects", "--columns", "code,path,headers", "--format", "vertical"],
      ["query", "--near", "24,60"],
      ["query", "--lats"],
      ["help", "settings"],
      ["help", "formats"],
      ["help", "errors"],
      ...verbs.map((verb) => ["help", verb]),
    ];
    for (const args of commands) {
      const { stdout, stderr } = await fixture.routes(args, { env });
      assert(stdout + stderr !== "", args.join(" "));
      assertEquals(notAscii(stdout + stderr), [], args.join(" "));
    }
    // With UTF-8 it is not.
    const { stderr } = await fixture.routes(["produce", "-n", "1"], { env: { LC_ALL: "C.UTF-8" } });
    assertEquals(notAscii(stderr), ["·"]);
  }));

Deno.test("under LC_ALL=C stored text keeps its characters, in a pipe", () =>
  withProgram({}, async (fixture) => {
    const producer = fixture.kafka.producer();
    await producer.connect();
    await producer.send({ topic: fixture.topic, messages: [{ key: "Mäki·…", value: "{" }] });
    await producer.disconnect();
    assertEquals((await fixture.routes(["consume"])).code, 0);
    for (const format of ["csv", "json", "table"]) {
      const args = ["query", "--rejects", "--columns", "key", "--format", format];
      const { stdout } = await fixture.routes(args, { env: { LC_ALL: "C" } });
      assert(stdout.includes("Mäki·…"), stdout);
    }
  }));
