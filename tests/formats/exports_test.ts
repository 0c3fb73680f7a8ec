import { assertEquals } from "@std/assert";
import { csv } from "../../src/formats/csv.ts";
import type { Cell, Column } from "../../src/formats/format.ts";
import { json, ndjson } from "../../src/formats/json.ts";
import { records } from "../../src/formats/records.ts";
import { tsv } from "../../src/formats/tsv.ts";
import { lines, render } from "./support.ts";

const row = [7, 1732431234.567, 60.1699123, 24];
const columns: Column[] = [{ name: "text", kind: "text" }, { name: "n", kind: "decimal" }];
const specialRows: Cell[][] = [
  ['say "hi", all', 1],
  ["two\nlines", 1],
  ["two\r\nlines", 1],
  ["tab\tand \\n", 1],
  ["", null],
  [null, -0],
  ["=1+1 \x1b\u202e 日本", 5e-324],
];

Deno.test("csv() has a header and exact values", () => {
  assertEquals(
    render(csv, {}, [row]),
    lines("user,time,latitude,longitude", "7,2024-11-24T06:53:54.567Z,60.1699123,24"),
  );
  assertEquals(
    render(csv, { header: false, time: "unix" }, [row], [row]),
    lines("7,1732431234.567,60.1699123,24", "7,1732431234.567,60.1699123,24"),
  );
  assertEquals(render(csv, {}), lines("user,time,latitude,longitude"));
});

Deno.test("csv() quotes as RFC 4180 requires, and distinguishes empty text from null", () => {
  assertEquals(
    render(csv, { columns }, specialRows),
    lines(
      "text,n",
      '"say ""hi"", all",1',
      '"two\nlines",1',
      '"two\r\nlines",1',
      "tab\tand \\n,1",
      '"",',
      ",0",
      "=1+1 \x1b\u202e 日本,5e-324",
    ),
  );
});

Deno.test("tsv() escapes tabs and line ends", () => {
  assertEquals(
    render(tsv, { columns }, specialRows),
    lines(
      "text\tn",
      'say "hi", all\t1',
      "two\\nlines\t1",
      "two\\r\\nlines\t1",
      "tab\\tand \\\\n\t1",
      "\t",
      "\t0",
      "=1+1 \x1b\u202e 日本\t5e-324",
    ),
  );
  assertEquals(render(tsv, {}), lines("user\ttime\tlatitude\tlongitude"));
  assertEquals(render(tsv, { header: false }, [row]).split("\t").length, 4);
});

Deno.test("json() is one array for any number of batches, also for none", () => {
  const object = { user: 7, time: "2024-11-24T06:53:54.567Z", latitude: 60.1699123, longitude: 24 };
  assertEquals(render(json, {}), "[]\n");
  assertEquals(
    render(json, {}, [row]),
    lines("[", JSON.stringify(object), "]"),
  );
  assertEquals(
    JSON.parse(render(json, { time: "ms" }, [row, row], [], [row])),
    Array(3).fill({ ...object, time: 1732431234567 }),
  );
  assertEquals(
    JSON.parse(render(json, { columns }, specialRows)),
    specialRows.map(([text, n]) => ({ text, n: n === null ? null : n as number + 0 })),
  );
});

Deno.test("ndjson() is one object per line", () => {
  assertEquals(
    render(ndjson, { columns }, specialRows.slice(0, 2), specialRows.slice(4, 5)),
    lines(
      '{"text":"say \\"hi\\", all","n":1}',
      '{"text":"two\\nlines","n":1}',
      '{"text":"","n":null}',
    ),
  );
  assertEquals(render(ndjson, {}), "");
});

Deno.test("records() are records of the topic, and ignore further columns", () => {
  assertEquals(
    render(() => records(), {}, [row], [[-1, 0, -90, 5e-324, 12.3]]),
    lines(
      '{"userID":7,"timestamp":1732431234.567,"coordinates":[60.1699123,24.0]}',
      '{"userID":-1,"timestamp":0.0,"coordinates":[-90.0,5e-324]}',
    ),
  );
  assertEquals(render(() => records(), {}), "");
});

Deno.test("records() name the user as the original program does, if wanted", () => {
  assertEquals(
    render(() => records("userId"), {}, [[7, 1.5, 60.5, 24.5]]),
    lines('{"userId":7,"timestamp":1.5,"coordinates":[60.5,24.5]}'),
  );
});
