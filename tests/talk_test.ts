import { assertEquals } from "@std/assert";
import { openTalk, type TalkOptions } from "../src/talk.ts";

/** A talk whose words are kept, at a time that the test sets. */
function listen(options: Partial<TalkOptions> = {}) {
  const said: string[] = [];
  const clock = { nowMs: 1_000_000 };
  const talk = openTalk({
    quiet: false,
    json: false,
    verbose: 0,
    progress: true,
    columns: 80,
    secrets: ["hunter2"],
    write: (text) => void said.push(text),
    now: () => clock.nowMs,
    ...options,
  });
  return { talk, said, clock };
}

const levels: [options: Partial<TalkOptions>, said: string[]][] = [
  [{}, ["note"]],
  [{ verbose: 1 }, ["note", "step"]],
  [{ verbose: 2 }, ["note", "step", "log"]],
  [{ quiet: true }, []],
  [{ json: true }, []],
  [{ json: true, verbose: 1 }, ["step"]],
];
for (const [options, expected] of levels) {
  Deno.test(`with ${JSON.stringify(options)} is said: ${expected.join(", ") || "nothing"}`, () => {
    const { talk, said } = listen(options);
    talk.note("note");
    talk.step("step");
    talk.log?.("log");
    assertEquals(said, expected.map((line) => `${line}\n`));
  });
}

Deno.test("no secret is said, in no way of saying", () => {
  for (const columns of [null, 80]) {
    const { talk, said, clock } = listen({ verbose: 2, columns });
    talk.note("a hunter2");
    talk.step("b hunter2");
    talk.log?.("c postgres://u:other@h");
    clock.nowMs += 10_000;
    talk.progress("d hunter2");
    const shown = said.join("|").replace("\r\x1b[K", "").replaceAll("\n", "");
    assertEquals(shown, "a ***|b ***|c postgres://u:***@h|d ***");
  }
});

Deno.test("on a terminal a progress line replaces the one before, and goes before a note", () => {
  const { talk, said, clock } = listen();
  talk.progress("one");
  clock.nowMs += 100;
  talk.progress("two");
  talk.note("note");
  talk.clear();
  assertEquals(said, ["\r\x1b[Kone", "\r\x1b[Ktwo", "\r\x1b[K", "note\n"]);
});

Deno.test("on a terminal a progress line is drawn ten times a second at most", () => {
  const { talk, said, clock } = listen();
  for (let i = 0; i < 1_000; i++) {
    talk.progress(`${i}`);
    clock.nowMs += 1;
  }
  assertEquals(said, Array.from({ length: 10 }, (_, i) => `\r\x1b[K${i * 100}`));
});

Deno.test("a progress line never reaches the last column, or it would wrap", () => {
  const { talk, said } = listen({ columns: 10 });
  talk.progress("123456789012345");
  assertEquals(said, ["\r\x1b[K123456789"]);
});

Deno.test("elsewhere a progress line is a plain line every five seconds, the first after five", () => {
  const { talk, said, clock } = listen({ columns: null });
  for (let second = 0; second <= 12; second++) {
    talk.progress(`${second}`);
    clock.nowMs += 1_000;
  }
  talk.clear();
  assertEquals(said, ["5\n", "10\n"]);
});

for (const options of [{ quiet: true }, { json: true }, { progress: false }]) {
  Deno.test(`with ${JSON.stringify(options)} there is no progress line on a terminal`, () => {
    const { talk, said, clock } = listen(options);
    talk.progress("one");
    clock.nowMs += 10_000;
    talk.progress("two");
    talk.clear();
    assertEquals(said, []);
  });
}
