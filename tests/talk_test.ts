import { assertEquals } from "@std/assert";
import { openPaint } from "../src/paint.ts";
import { openTalk, type TalkOptions } from "../src/talk.ts";

/** A talk that is written down; time passes only by `wait`. */
function listen(options: Partial<TalkOptions> = {}) {
  const heard: string[] = [];
  let nowMs = 1_000_000;
  const timers = new Set<{ atMs: number; call: () => void }>();
  const talk = openTalk({
    quiet: false,
    json: false,
    verbose: 0,
    progress: true,
    columns: () => 80,
    paint: openPaint(false),
    secrets: [],
    write: (text) => heard.push(text),
    now: () => nowMs,
    later: (ms, call) => {
      const timer = { atMs: nowMs + ms, call };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    ...options,
  });
  const wait = (ms: number) => {
    nowMs += ms;
    for (const timer of timers) {
      if (timer.atMs > nowMs) continue;
      timers.delete(timer);
      timer.call();
    }
  };
  return { talk, heard, wait };
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
  const { talk, heard } = listen({ columns: () => 10 });
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
  const { talk, heard, wait } = listen({ columns: () => null });
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
  const { talk, heard, wait } = listen({ columns: () => null, progress: false });
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

Deno.test("a wait is told on a terminal when it lasts over 200 ms, and goes away before anything else", () => {
  const { talk, heard, wait } = listen();
  talk.wait("connecting");
  wait(199);
  assertEquals(heard, []);
  wait(1);
  talk.progress("50 %");
  talk.wait("connecting again");
  wait(200);
  talk.note("a note");
  assertEquals(heard, [
    "\r\x1b[Kconnecting",
    "\r\x1b[K50 %",
    "\r\x1b[Kconnecting again",
    "\r\x1b[K",
    "a note\n",
  ]);
});

for (const end of ["note", "progress", "clear", "wait"] as const) {
  Deno.test(`a wait that is over in time is not told: ${end}`, () => {
    const { talk, heard, wait } = listen();
    talk.wait("connecting");
    wait(150);
    talk[end]("next");
    const before = heard.length;
    wait(150);
    assertEquals(heard.length, before);
  });
}

Deno.test("a wait is told elsewhere when it lasts over five seconds, with -v at once, and not if nothing is to be said", () => {
  const elsewhere = listen({ columns: () => null });
  elsewhere.talk.wait("connecting");
  elsewhere.wait(5_000);
  assertEquals(elsewhere.heard, ["connecting\n"]);
  const verbose = listen({ verbose: 1 });
  verbose.talk.wait("connecting");
  assertEquals(verbose.heard, ["connecting\n"]);
  for (const silent of [{ quiet: true }, { json: true }, { progress: false }]) {
    const { talk, heard, wait } = listen(silent);
    talk.wait("connecting");
    wait(60_000);
    assertEquals(heard, []);
  }
});

Deno.test("a progress line that a narrower window has broken in two goes away whole", () => {
  let columns = 20;
  const { talk, heard, wait } = listen({ columns: () => columns });
  talk.progress("0123456789012345");
  columns = 10;
  wait(100);
  talk.progress("next");
  talk.clear();
  assertEquals(heard, ["\r\x1b[K0123456789012345", "\x1b[1A\r\x1b[Jnext", "\r\x1b[K"]);
});

Deno.test("a warning stands out where colours are wanted", () => {
  const { talk, heard } = listen({ paint: openPaint(true) });
  talk.warn("the key is old");
  talk.note("sent 5 records");
  assertEquals(heard, ["\x1b[33mwarning:\x1b[39m the key is old\n", "sent 5 records\n"]);
});
