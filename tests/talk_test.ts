import { assertEquals } from "@std/assert";
import { openTalk, type TalkOptions } from "../src/talk.ts";

/** A talk that is written down; time passes only by `wait`. */
function listen(options: Partial<TalkOptions> = {}) {
  const heard: string[] = [];
  let nowMs = 1_000_000;
  const talk = openTalk({
    quiet: false,
    json: false,
    verbose: 0,
    progress: true,
    columns: 80,
    secrets: [],
    write: (text) => heard.push(text),
    now: () => nowMs,
    ...options,
  });
  return { talk, heard, wait: (ms: number) => void (nowMs += ms) };
}

Deno.test("a note is a line", () => {
  const { talk, heard } = listen();
  talk.note("sent 5 records");
  assertEquals(heard, ["sent 5 records\n"]);
});

Deno.test("a warning is said once, however often something gives reason for it", () => {
  const { talk, heard } = listen();
  for (const line of ["a ends soon", "b ends soon", "a ends soon"]) talk.warn(line);
  assertEquals(heard, ["warning: a ends soon\n", "warning: b ends soon\n"]);
});

for (const silent of [{ quiet: true }, { json: true }]) {
  Deno.test(`${Object.keys(silent)} leaves notes, warnings and progress out`, () => {
    const { talk, heard, wait } = listen(silent);
    talk.note("a");
    talk.warn("a");
    wait(60_000);
    talk.progress("b");
    talk.clear();
    assertEquals(heard, []);
  });
}

Deno.test("steps are for -v, logs for -vv", () => {
  const heardWith = (verbose: number) => {
    const { talk, heard } = listen({ verbose });
    talk.step("a step");
    talk.log?.("a log line");
    return heard;
  };
  assertEquals(heardWith(0), []);
  assertEquals(heardWith(1), ["a step\n"]);
  assertEquals(heardWith(2), ["a step\n", "a log line\n"]);
});

Deno.test("steps are told beside --json, since stderr is not stdout", () => {
  const { talk, heard } = listen({ json: true, verbose: 1 });
  talk.step("a step");
  assertEquals(heard, ["a step\n"]);
});

Deno.test("on a terminal a progress line replaces the one before, ten times a second at most", () => {
  const { talk, heard, wait } = listen();
  talk.progress("one");
  wait(99);
  talk.progress("two");
  wait(1);
  talk.progress("three");
  assertEquals(heard, ["\r\x1b[Kone", "\r\x1b[Kthree"]);
});

Deno.test("the progress line goes away before anything else is said, and at the end", () => {
  const { talk, heard, wait } = listen();
  talk.progress("50 %");
  talk.note("a note");
  wait(100);
  talk.progress("60 %");
  talk.clear();
  talk.clear();
  assertEquals(heard, [
    "\r\x1b[K50 %",
    "\r\x1b[K",
    "a note\n",
    "\r\x1b[K60 %",
    "\r\x1b[K",
  ]);
});

Deno.test("a progress line never wraps", () => {
  const { talk, heard } = listen({ columns: 10 });
  talk.progress("0123456789abc");
  assertEquals(heard, ["\r\x1b[K012345678"]);
});

Deno.test("--no-progress shows none on a terminal", () => {
  const { talk, heard, wait } = listen({ progress: false });
  talk.progress("a");
  wait(60_000);
  talk.progress("b");
  talk.note("c");
  assertEquals(heard, ["c\n"]);
});

Deno.test("where no terminal is, progress is a plain line every five seconds, none at once", () => {
  const { talk, heard, wait } = listen({ columns: null });
  talk.progress("at once");
  wait(4_999);
  talk.progress("too soon");
  wait(1);
  talk.progress("now");
  wait(4_999);
  talk.progress("too soon");
  wait(1);
  talk.progress("again");
  talk.clear();
  assertEquals(heard, ["now\n", "again\n"]);
});

Deno.test("--no-progress shows none where no terminal is either", () => {
  const { talk, heard, wait } = listen({ columns: null, progress: false });
  wait(60_000);
  talk.progress("a");
  assertEquals(heard, []);
});

Deno.test("nothing that is said shows a secret", () => {
  const { talk, heard } = listen({ verbose: 2, secrets: ["hunter2"] });
  talk.progress("hunter2");
  talk.note("hunter2");
  talk.step("postgres://u:other@h");
  talk.log?.("hunter2");
  assertEquals(/hunter2|other/.test(heard.join("")), false);
});
