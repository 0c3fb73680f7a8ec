import { assertEquals } from "@std/assert";
import { vertical } from "../../src/formats/vertical.ts";
import type { Column } from "../../src/formats/format.ts";
import { lines, render } from "./support.ts";

const columns: Column[] = [{ name: "offset", kind: "integer" }, { name: "value", kind: "text" }];

Deno.test("vertical() shows one value per line", () => {
  assertEquals(
    render(vertical, { columns }, [[5, "{}"]], [[6, null]]),
    lines(
      "-[ RECORD 1 ]",
      "offset | 5",
      "value  | {}",
      "-[ RECORD 2 ]",
      "offset | 6",
      "value  |",
    ),
  );
});

Deno.test("vertical() draws lines no wider than the terminal", () => {
  const text = "a long value that does not fit into its terminal";
  assertEquals(
    render(vertical, { columns, unicode: true, width: 30, color: true }, [[5, text]]),
    lines(
      "─[ RECORD 1 ]─────────────────",
      "\x1b[1moffset\x1b[22m │ 5",
      `\x1b[1mvalue\x1b[22m  │ ${text}`,
    ),
  );
});

Deno.test("vertical() without a header separates records by an empty line", () => {
  assertEquals(
    render(vertical, { columns, header: false }, [[5, "a"], [6, "b"]]),
    lines("offset | 5", "value  | a", "", "offset | 6", "value  | b"),
  );
});

Deno.test("vertical() prints nothing for an empty result, and escapes control characters", () => {
  assertEquals(render(vertical, { columns }), "");
  assertEquals(
    render(vertical, { columns }, [[5, "\x1b]0;title\x07\u202e"]]).split("\n")[2],
    "value  | \\u001b]0;title\\u0007\\u202e",
  );
});
