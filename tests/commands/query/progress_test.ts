import { assertEquals } from "@std/assert";
import { showProgress } from "../../../src/commands/query/progress.ts";

/** What is shown when `write` bytes are written before each of these seconds. */
async function shown(columns: number | null, writes: number[]): Promise<string[]> {
  const lines: string[] = [];
  const over = new AbortController();
  let seconds = 0;
  const stdout = { columns, rows: columns, write: () => Promise.resolve() };
  const output = showProgress(stdout, {
    reporter: { progress: (line) => lines.push(line) },
    system: {
      clock: () => seconds * 1000,
      sleep: async () => {
        await Promise.resolve();
        const bytes = writes[seconds++];
        if (bytes === undefined) over.abort();
        else if (bytes > 0) await output.write("x".repeat(bytes));
      },
    },
  }, over.signal);
  // More turns than the sleeps take; on a terminal it ends before the last one.
  for (let turn = 0; turn < 100; turn++) await Promise.resolve();
  return lines;
}

Deno.test("a long answer shows how long it takes, and then how much of it is in the file", async () => {
  assertEquals(await shown(null, [0, 0, 1_500_000, 250_000]), [
    "waiting for PostgreSQL · 0:01",
    "waiting for PostgreSQL · 0:02",
    "1.5 MB · 0:03",
    "1.8 MB · 0:04",
  ]);
});

Deno.test("nothing more is shown when the answer is on the terminal", async () => {
  assertEquals(await shown(80, [0, 100, 100]), ["waiting for PostgreSQL · 0:01"]);
});
