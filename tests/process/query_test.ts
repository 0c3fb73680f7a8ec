import { assert, assertEquals, assertMatch } from "@std/assert";
import { FORMATS } from "../../src/formats/properties.ts";
import { inBrowser } from "../readers/browser.ts";
import { readerTest } from "../readers/reader.ts";
import { withProgram } from "../support/program.ts";

Deno.test("query prints the same fixes in every format, and --watch repeats it until Ctrl-C", () =>
  withProgram({}, async (fixture) => {
    const made = ["-n", "300", "--users", "3", "--start", "2026-11-24T10:00:00Z", "--seed", "7"];
    assertEquals((await fixture.routes(["produce", ...made])).code, 0);
    assertEquals((await fixture.routes(["consume"])).code, 0);

    const texts: Record<string, string> = {};
    for (const format of Object.keys(FORMATS)) {
      const { code, stdout, stderr } = await fixture.routes(["query", "--all", "--format", format]);
      assertEquals([code, stderr], [0, ""], format);
      texts[format] = stdout;
    }
    const count = (format: string, pattern: RegExp) => texts[format]!.match(pattern)?.length;
    assertEquals(count("gpx", /<trkpt /g), 300);
    assertEquals(count("gpx", /<trkseg>/g), 3);
    assertEquals(count("kml", /<gx:coord>/g), 300);
    assertEquals(texts.geojsonseq!.split("\x1e").length, 1 + 3);
    assertEquals(count("svg", /<path class="t"/g), 3);
    assertEquals(count("html", /^fixes\(/gm), 3);
    assertEquals(count("markdown", /\n/g), 302);
    assertEquals(count("ndjson", /\n/g), 300);
    assertMatch(texts.map!, /^ users 1 2 3$/m);

    const simplified = await fixture.routes(["query", "--format", "gpx", "--simplify", "500m"]);
    const left = simplified.stdout.match(/<trkpt /g)!.length;
    assert(left >= 6 && left < 150, `${left}`);
    const split = await fixture.routes(["query", "--format", "gpx", "--gap", "1s"]);
    assertEquals(split.stdout.match(/<trkseg>/g)!.length, 300);

    const total = await fixture.routes(["query", "--total", "--show-sql", "--timing"]);
    assertEquals([total.code, total.stdout], [0, "300\n"]);
    assertMatch(total.stderr, /^select count.*;\n1 row in \d+ ms, first row after \d+ ms\n$/);

    const watching = fixture.start(["query", "--last", "--watch=200ms", "--columns", "user_id"]);
    await watching.said(/(every 200 ms: [^\n]*\n[^]*){3}/);
    watching.kill("SIGINT");
    const { code, stdout } = await watching.ended;
    assertEquals(code, 0);
    assertMatch(stdout, /^( user_id\n---------\n {7}3\n {7}2\n {7}1\n){2}/);
  }));

readerTest(
  "chromium",
  "chromium",
  "--summary has the figures of the html page, with every --gap",
  () =>
    withProgram({}, async (fixture) => {
      // Two trips with an hour between them.
      for (const start of ["2026-11-24T10:00:00Z", "2026-11-24T11:00:00Z"]) {
        const made = ["-n", "300", "--users", "3", "--start", start];
        assertEquals((await fixture.routes(["produce", ...made])).code, 0);
      }
      assertEquals((await fixture.routes(["consume"])).code, 0);
      const figures: string[] = [];
      for (const gap of [[], ["--gap", "2h"], ["--gap", "1s"]]) {
        const columns = ["--columns", "user_id,distance_km", "--format", "csv", "--no-header"];
        const { stdout, code } = await fixture.routes(["query", "--summary", ...columns, ...gap]);
        assertEquals(code, 0);
        const summary = stdout.trim().split("\n").map((line) => line.split(","))
          .map(([user, km]) => `user ${user}\n${Number(km).toFixed(1)} km`).join("\n");
        const page = await fixture.routes(["query", "--format", "html", ...gap]);
        await inBrowser(page.stdout, async ({ evaluate }) => {
          assertEquals(await evaluate(`document.getElementById("legend").innerText`), summary);
        });
        figures.push(summary);
      }
      assertEquals(new Set(figures).size, 3);
    }),
);
