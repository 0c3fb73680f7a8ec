import { assertEquals } from "@std/assert";
import { openColors } from "../../src/terminal/color.ts";
import { openReporter, type ReporterOptions } from "../../src/terminal/reporter.ts";

/** A talk that is written down; time passes only by `wait`. */
function listen(options: Partial<ReporterOptions> = {}) {
  const heard: string[] = [];
  let nowMs = 1_000_000;
  const timers = new Set<{ atMs: number; call: () => void }>();
  const reporter = openReporter({
    quiet: false,
    json: false,
    verbose: 0,
    progress: true,
    columns: () => 80,
    colors: openColors(false),
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
  return { reporter, heard, wait };
}

Deno.test("note() writes a line", () => {
  const { reporter, heard } = listen();
  reporter.note("sent 5 records");
  assertEquals(heard, ["sent 5 records\n"]);
});

Deno.test("warn() writes the same line only once", () => {
  const { reporter, heard } = listen();
  for (const line of ["a ends soon", "b ends soon", "a ends soon"]) {
    reporter.warn(line, "certificate");
  }
  assertEquals(heard, ["warning: a ends soon\n", "warning: b ends soon\n"]);
});

for (const silent of [{ quiet: true }, { quiet: true, json: true }]) {
  Deno.test(`--${Object.keys(silent).join(" --")} hides notes, warnings and progress`, () => {
    const { reporter, heard, wait } = listen(silent);
    reporter.note("a");
    reporter.note("a", "end");
    reporter.warn("a", "lock");
    wait(60_000);
    reporter.progress("b");
    reporter.clear();
    assertEquals(heard, []);
  });
}

Deno.test("--json writes warnings and events as JSON lines without secrets, and no other note", () => {
  const { reporter, heard, wait } = listen({ json: true, secrets: ["hunter2"] });
  reporter.note("5 rows");
  reporter.note('waiting for PostgreSQL: "hunter2"', "waiting");
  reporter.warn("the key is old", "certificate");
  reporter.warn("the key is old", "certificate");
  wait(60_000);
  reporter.progress("b");
  const time = "1970-01-01T00:16:40.000Z";
  assertEquals(heard.map((line) => JSON.parse(line)), [
    { level: "info", code: "waiting", time, message: 'waiting for PostgreSQL: "***"' },
    { level: "warn", code: "certificate", time, message: "the key is old" },
  ]);
  assertEquals(heard.every((line) => line.endsWith("}\n")), true);
});

Deno.test("without a terminal, progress that does not change is written once a minute", () => {
  const { reporter, heard, wait } = listen({ columns: () => null });
  for (let second = 0; second <= 130; second++) {
    reporter.progress(`${second} s`, second < 80 ? "same" : `${second >= 90}`);
    wait(1_000);
  }
  assertEquals(heard, ["5 s\n", "65 s\n", "80 s\n", "90 s\n"]);
});

Deno.test("steps are written with -v, logs with -vv", () => {
  const heardWith = (verbose: number) => {
    const { reporter, heard } = listen({ verbose });
    reporter.step("a step");
    reporter.log?.("a log line");
    return heard;
  };
  assertEquals(heardWith(0), []);
  assertEquals(heardWith(1), ["a step\n"]);
  assertEquals(heardWith(2), ["a step\n", "a log line\n"]);
});

Deno.test("steps are written also with --json, because stderr is not stdout", () => {
  const { reporter, heard } = listen({ json: true, verbose: 1 });
  reporter.step("a step");
  assertEquals(heard, ["a step\n"]);
});

Deno.test("on a terminal a progress line replaces the one before, at most ten times a second", () => {
  const { reporter, heard, wait } = listen();
  reporter.progress("one");
  wait(99);
  reporter.progress("two");
  wait(1);
  reporter.progress("three");
  assertEquals(heard, ["\r\x1b[Kone", "\r\x1b[Kthree"]);
});

Deno.test("the progress line is erased before any other output, and at the end", () => {
  const { reporter, heard, wait } = listen();
  reporter.progress("50 %");
  reporter.note("a note");
  wait(100);
  reporter.progress("60 %");
  reporter.clear();
  reporter.clear();
  assertEquals(heard, [
    "\r\x1b[K50 %",
    "\r\x1b[K",
    "a note\n",
    "\r\x1b[K60 %",
    "\r\x1b[K",
  ]);
});

Deno.test("a progress line never wraps", () => {
  const { reporter, heard } = listen({ columns: () => 10 });
  reporter.progress("0123456789abc");
  assertEquals(heard, ["\r\x1b[K012345678"]);
});

Deno.test("--no-progress shows no progress on a terminal", () => {
  const { reporter, heard, wait } = listen({ progress: false });
  reporter.progress("a");
  wait(60_000);
  reporter.progress("b");
  reporter.note("c");
  assertEquals(heard, ["c\n"]);
});

Deno.test("without a terminal, progress is a plain line every five seconds, the first one after five", () => {
  const { reporter, heard, wait } = listen({ columns: () => null });
  reporter.progress("at once");
  wait(4_999);
  reporter.progress("too soon");
  wait(1);
  reporter.progress("now");
  wait(4_999);
  reporter.progress("too soon");
  wait(1);
  reporter.progress("again");
  reporter.clear();
  assertEquals(heard, ["now\n", "again\n"]);
});

Deno.test("--no-progress shows no progress without a terminal", () => {
  const { reporter, heard, wait } = listen({ columns: () => null, progress: false });
  wait(60_000);
  reporter.progress("a");
  assertEquals(heard, []);
});

Deno.test("no output shows a secret", () => {
  const { reporter, heard } = listen({ verbose: 2, secrets: ["hunter2"] });
  reporter.progress("hunter2");
  reporter.note("hunter2");
  reporter.step("postgres://u:other@h");
  reporter.log?.("hunter2");
  assertEquals(/hunter2|other/.test(heard.join("")), false);
});

Deno.test("a wait is shown on a terminal when it lasts over 200 ms, and erased before any other output", () => {
  const { reporter, heard, wait } = listen();
  reporter.wait("connecting");
  wait(199);
  assertEquals(heard, []);
  wait(1);
  reporter.progress("50 %");
  reporter.wait("connecting again");
  wait(200);
  reporter.note("a note");
  assertEquals(heard, [
    "\r\x1b[Kconnecting",
    "\r\x1b[K50 %",
    "\r\x1b[Kconnecting again",
    "\r\x1b[K",
    "a note\n",
  ]);
});

for (const end of ["note", "progress", "clear", "wait"] as const) {
  Deno.test(`a wait that ends in time is not shown: ${end}`, () => {
    const { reporter, heard, wait } = listen();
    reporter.wait("connecting");
    wait(150);
    reporter[end]("next");
    const before = heard.length;
    wait(150);
    assertEquals(heard.length, before);
  });
}

Deno.test("without a terminal a wait is shown after five seconds, with -v at once, and never when output is off", () => {
  const elsewhere = listen({ columns: () => null });
  elsewhere.reporter.wait("connecting");
  elsewhere.wait(5_000);
  assertEquals(elsewhere.heard, ["connecting\n"]);
  const verbose = listen({ verbose: 1 });
  verbose.reporter.wait("connecting");
  assertEquals(verbose.heard, ["connecting\n"]);
  for (const silent of [{ quiet: true }, { json: true }, { progress: false }]) {
    const { reporter, heard, wait } = listen(silent);
    reporter.wait("connecting");
    wait(60_000);
    assertEquals(heard, []);
  }
});

Deno.test("a progress line that a narrower window wraps is erased completely", () => {
  let columns = 20;
  const { reporter, heard, wait } = listen({ columns: () => columns });
  reporter.progress("0123456789012345");
  columns = 10;
  wait(100);
  reporter.progress("next");
  reporter.clear();
  assertEquals(heard, ["\r\x1b[K0123456789012345", "\x1b[1A\r\x1b[Jnext", "\r\x1b[K"]);
});

Deno.test("a warning is coloured when colours are on", () => {
  const { reporter, heard } = listen({ colors: openColors(true) });
  reporter.warn("the key is old", "certificate");
  reporter.note("sent 5 records");
  assertEquals(heard, ["\x1b[33mwarning:\x1b[39m the key is old\n", "sent 5 records\n"]);
});

Deno.test("a wait is over when progress begins, also before the first line of progress in a log", () => {
  const { reporter, heard, wait } = listen({ columns: () => null });
  reporter.wait("connecting to PostgreSQL");
  wait(1_000);
  reporter.progress("stored 0");
  wait(4_500);
  assertEquals(heard, []);
  reporter.progress("stored 9");
  assertEquals(heard, ["stored 9\n"]);
});
