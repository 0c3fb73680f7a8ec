import { assertEquals, assertMatch } from "@std/assert";
import { withProgram } from "../support/program.ts";

const line = (user: number) => `{"userID":${user},"timestamp":1.5,"coordinates":[2.5,3.5]}`;

Deno.test("produce --stdin --skip-bad sends the valid lines, names the others and exits with 65", () =>
  withProgram({}, async ({ routes, counts }) => {
    const stdin = `\ufeff${line(1)}\n\n{"userID":2}\n  \n${line(3)}\nnonsense\n${line(5)}`;
    const sent = await routes(["produce", "--stdin", "--skip-bad"], { stdin });
    assertEquals(sent.code, 65, sent.stderr);
    assertMatch(
      sent.stderr,
      /^sent 3 records to \S+ in .*, 0 failed, 0 unknown, 2 lines skipped$/m,
    );
    assertMatch(
      sent.stderr,
      /^routes: 2 lines of stdin are not valid records and were not sent\n {2}line 3: .*\n {2}line 6: .*\n {2}fix: /m,
    );
    const strict = await routes(["produce", "--stdin"], { stdin });
    assertEquals(strict.code, 65);
    assertMatch(strict.stderr, /^routes: line 3 of stdin is not a valid record: /m);
    assertEquals((await routes(["consume"])).code, 0);
    assertEquals((await counts()).rows, 4);
  }));
