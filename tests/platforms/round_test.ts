import { assertEquals } from "@std/assert";
import { difference, type Ended, plain, type Step } from "./round.ts";

const ended = (stdout: string, code = 0, stderr = ""): Ended => ({
  code,
  stdout: new TextEncoder().encode(stdout),
  stderr,
  seconds: 1,
});

/** Compares what two platforms printed, on which the topic is called `a` and `b`. */
function compare(step: Partial<Step>, expected: Ended, found: Ended): string | null {
  return difference({ line: "x", code: 0, ...step }, [expected, found], ["topic_a", "topic_b"]);
}

Deno.test("difference() finds another exit code, and bytes that differ or are missing", () => {
  const failed = ended("", 69, "note\nroutes: cannot\n");
  assertEquals(compare({}, failed, failed), "exit code 69: routes: cannot");
  const exact = { exact: true };
  assertEquals(compare(exact, ended("abc"), ended("abc")), null);
  assertEquals(compare(exact, ended("abc"), ended("abd")), "the output differs at byte 2");
  assertEquals(compare(exact, ended("abc"), ended("ab")), "the output differs at byte 2");
  assertEquals(compare(exact, ended("ab"), ended("abc")), "the output differs at byte 2");
});

Deno.test("difference() compares texts without names and times, and errors without their hints", () => {
  const [a, b] = [ended("made topic_a (12 ms)\n"), ended("made topic_b (3.5 s)\r\n")];
  assertEquals(compare({}, a, b), null);
  assertEquals(
    compare({}, a, ended("made topic_c (12 ms)\n")),
    'expected "made NAME (TIME)", found "made topic_c (TIME)"',
  );
  const wrong = (hint: string) => ended("", 78, `routes: wrong\n  fix: ${hint}\n`);
  assertEquals(compare({ code: 78 }, wrong("chown"), wrong("icacls")), null);
  assertEquals(
    compare({ code: 78 }, wrong("a"), ended("", 78, "routes: other\n")),
    'expected "routes: wrong", found "routes: other"',
  );
});

Deno.test("plain() keeps numbers of records", () => {
  assertEquals(
    plain("1,000 records in 2.5s, 400 records/s", "x"),
    "1,000 records in TIME, RATE records/s",
  );
});
