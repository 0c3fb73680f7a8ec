import { assertEquals, assertStringIncludes } from "@std/assert";
import { withProgram } from "../support/program.ts";

Deno.test("check and a command give the same verdict about the mode of the settings file", () =>
  withProgram({}, async ({ dir, routes }) => {
    const file = `${dir}/host_settings.ini`;
    await Deno.chmod(file, 0o666);
    const warning = 'everyone can change "host_settings.ini": its mode is 0666: ' +
      "chmod o-w host_settings.ini";
    const checked = await routes(["check", "query"]);
    assertStringIncludes(checked.stdout, `! ${warning}\n`);
    const queried = await routes(["query"]);
    assertStringIncludes(queried.stderr, `warning: ${warning}\n`);
    assertEquals([checked.code, queried.code], [0, 0]);
    const ofStdin = await routes(["check", "query", "--config", "-"], {
      stdin: await Deno.readTextFile(file),
    });
    assertStringIncludes(ofStdin.stdout, '✓ settings file "stdin"\n');
    assertEquals(ofStdin.code, 0);
  }));

Deno.test("the program sees a variable whose section is missing, and names the right one", () =>
  withProgram({ migrated: false }, async ({ routes }) => {
    const { code, stderr } = await routes(["query"], { env: { ROUTES_TOPIC: "t" } });
    assertEquals(code, 78);
    assertStringIncludes(
      stderr,
      '  ROUTES_TOPIC: unknown variable: did you mean "ROUTES_KAFKA_TOPIC"?',
    );
  }));
