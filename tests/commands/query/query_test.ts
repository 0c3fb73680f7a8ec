import { assertEquals, assertRejects } from "@std/assert";
import type { QueryOptions } from "../../../src/cli/commands/query.ts";
import { type QueryDeps, runQuery } from "../../../src/commands/query/query.ts";
import { type FormatName, FORMATS } from "../../../src/formats/properties.ts";
import { UsageError } from "../../../src/errors.ts";
import { NO_TERMINAL } from "../../support/no_terminal.ts";

type Search = Parameters<QueryDeps["postgres"]["find"]>[0];
type Rows = (number | string | Uint8Array | null)[][];

const defaults: QueryOptions = {
  what: "points",
  users: null,
  since: null,
  until: null,
  bbox: null,
  near: null,
  limit: null,
  all: false,
  order: null,
  reverse: false,
  format: "table",
  columns: null,
  header: true,
  time: "iso",
  tz: "UTC",
  codes: null,
  userField: null,
  gapMs: null,
  simplifyM: null,
  tiles: null,
  watchMs: null,
  showSql: false,
  timing: false,
};

const extent = {
  fixes: 1,
  users: 1,
  first: 0,
  last: 1,
  box: { west: 24, south: 60, east: 25, north: 61 },
};
const tiles = { url: "http://a.example/{z}/{x}/{y}", attribution: "a.example", about: null };
const near = { latitude: 60, longitude: 25, radiusM: 1000 };

type Fakes = QueryDeps["postgres"] & QueryDeps["system"] & Pick<QueryDeps, "terminal"> & {
  out(text: string): Promise<void>;
};

/** A database with these rows that applies the limit, and all printed text and notes. */
async function run(
  changes: Partial<QueryOptions>,
  { rows = [], size = 5_000, total = rows.length, ...more }: {
    rows?: Rows;
    size?: number;
    total?: number;
  } & Partial<Fakes> = {},
) {
  const searches: Search[] = [];
  const counts: [Search["what"], number | null][] = [];
  const notes: string[] = [];
  const writes: string[] = [];
  let closed = false;
  const fakes: Fakes = {
    find: async function* (search) {
      searches.push(search);
      const found = rows.slice(0, search.limit ?? rows.length);
      try {
        for (let i = 0; i < found.length; i += size) {
          yield await Promise.resolve(found.slice(i, i + size));
        }
      } finally {
        closed = true;
      }
    },
    findText: async function* (search) {
      for await (const batch of fakes.find(search)) {
        const none = { bytes: new Uint8Array(), cells: new Int32Array(), isPlain: false };
        yield { ...none, count: batch.length, row: (index) => batch[index]! };
      }
    },
    count: (search, max) => {
      counts.push([search.what, max]);
      return Promise.resolve(Math.min(total, max ?? total));
    },
    out: (text) => Promise.resolve(void writes.push(text)),
    extent: () => Promise.resolve(extent),
    written: ({ what, limit }, which) => `select ${which} of ${what} up to ${limit}`,
    terminal: NO_TERMINAL,
    signal: new AbortController().signal,
    now: () => Date.parse("2026-03-04T05:06:07Z"),
    clock: () => 0,
    sleep: () => Promise.resolve(),
    ...more,
  };
  await runQuery({ ...defaults, ...changes }, {
    postgres: fakes,
    reporter: { note: (line) => notes.push(line) },
    system: fakes,
    stdout: {
      write: (data) => fakes.out(typeof data === "string" ? data : new TextDecoder().decode(data)),
    },
    terminal: fakes.terminal,
  });
  return { text: writes.join(""), writes, notes, search: searches[0], counts, isClosed: closed };
}

const fixes = (count: number): Rows => Array.from({ length: count }, (_, i) => [i, i, 60, 25.5]);

Deno.test("runQuery() shows people the first 100 rows and tells how many there are", async () => {
  const { text, notes, search, counts } = await run({}, { rows: fixes(150), total: 12_400 });
  assertEquals(text.trimEnd().split("\n").length, 2 + 100);
  assertEquals(search!.limit, 101);
  assertEquals(notes, ["100 of 12 400 rows (--all for the rest)"]);
  assertEquals(counts, [["points", 1_000_001]]);
});

Deno.test("runQuery() counts only when the limit was hit", async () => {
  const { notes, counts } = await run({}, { rows: fixes(100) });
  assertEquals([notes, counts], [[], []]);
});

Deno.test("runQuery() says when there are more rows than it counts", async () => {
  const { notes } = await run({ limit: 5 }, { rows: fixes(6), total: 7_000_000 });
  assertEquals(notes, ["5 of more than 1 000 000 rows (--all instead of --limit for the rest)"]);
});

Deno.test("runQuery() tells people when there are no rows", async () => {
  const { text, notes } = await run({ what: "summary" });
  assertEquals(
    text.split("\n")[0],
    " user_id | fixes | first | last | distance_km | speed_kmh | box (W,S,E,N)",
  );
  assertEquals(notes, ["no rows"]);
});

Deno.test("runQuery() exports every row, or as many as asked, without a note", async () => {
  const exports = ["csv", "tsv", "json", "ndjson"] as const;
  for (const format of exports) {
    for (const limit of [null, 120]) {
      const { notes, search, counts } = await run({ format, limit }, { rows: fixes(150) });
      assertEquals([search!.limit, notes, counts], [limit, [], []], format);
    }
    assertEquals((await run({ format })).notes, []);
  }
  assertEquals((await run({ all: true }, { rows: fixes(150) })).search!.limit, null);
});

Deno.test("runQuery() tells when a limit leaves fixes out of a track, and when there are none", async () => {
  const tracks = Object.keys(FORMATS).filter((name) => FORMATS[name as FormatName].forTracks);
  assertEquals(tracks.length, 7);
  for (const format of tracks as FormatName[]) {
    for (const what of ["points", "last"] as const) {
      const { search, notes } = await run({ what, format, limit: 5 }, {
        rows: fixes(5),
        total: 150,
      });
      const note = "5 of 150 rows (--all instead of --limit for the rest)";
      assertEquals([search!.limit, notes], [5, [note]], format);
      assertEquals((await run({ what, format, limit: 5 }, { rows: fixes(5) })).notes, []);
      assertEquals((await run({ what, format }, { rows: fixes(150) })).notes, []);
      assertEquals((await run({ what, format })).notes, ["no rows"]);
    }
  }
});

Deno.test("runQuery() orders tracks and summaries by user, the rest by time, unless asked", async () => {
  const cases: [Partial<QueryOptions>, Search["order"]][] = [
    [{}, "time"],
    [{ format: "ndjson" }, "time"],
    [{ format: "geojson" }, "tracks"],
    [{ format: "geojson", order: "user" }, "tracks"],
    [{ format: "geojson", what: "last" }, "time"],
    [{ what: "summary" }, "user"],
    [{ what: "summary", order: "time" }, "time"],
    [{ what: "rejects" }, "time"],
    [{ near, order: "distance" }, "distance"],
  ];
  for (const [options, order] of cases) {
    assertEquals((await run(options)).search!.order, order, JSON.stringify(options));
  }
});

Deno.test("runQuery() passes every filter on", async () => {
  const filters = {
    users: [[1, 5]] as [number, number][],
    since: 1,
    until: 2,
    bbox: { west: 1, south: 2, east: 3, north: 4 },
    near,
    reverse: true,
  };
  const { search } = await run({ ...filters, format: "csv" });
  for (const [name, value] of Object.entries(filters)) {
    assertEquals(search![name as keyof Search], value, name);
  }
});

Deno.test("runQuery() prints a total as a bare number for people, as data for programs", async () => {
  const cases = [
    ["table", "12400\n"],
    ["vertical", "12400\n"],
    ["csv", "total\n12400\n"],
    ["json", '[\n{"total":12400}\n]\n'],
    ["ndjson", '{"total":12400}\n'],
  ] as const;
  for (const [format, expected] of cases) {
    const { text, counts } = await run({ what: "total", format }, { total: 12_400 });
    assertEquals(text, expected);
    assertEquals(counts, [["points", null]]);
  }
});

Deno.test("runQuery() prints valid JSON for rows with NaN or infinity, and notes their number", async () => {
  const rows = [[7, NaN, 1, 2], [7, 1, -Infinity, Infinity], [7, 1, 2, 3]];
  for (
    const [format, expected] of [
      ["json", [
        { user_id: 7, time: null, latitude: 1, longitude: 2 },
        { user_id: 7, time: 1, latitude: null, longitude: null },
        { user_id: 7, time: 1, latitude: 2, longitude: 3 },
      ]],
      ["ndjson", [
        { userID: 7, timestamp: null, coordinates: [1, 2] },
        { userID: 7, timestamp: 1, coordinates: [null, null] },
        { userID: 7, timestamp: 1, coordinates: [2, 3] },
      ]],
    ] as const
  ) {
    const { text, notes } = await run({ format, time: "unix" }, { rows });
    const parsed = format === "json"
      ? JSON.parse(text)
      : text.trim().split("\n").map((line) => JSON.parse(line));
    assertEquals(parsed, expected);
    assertEquals(notes, ["NaN or infinity in 2 rows that another program wrote"]);
  }
  const summary = [[7, 1, 1, 1, null, 0, NaN, 1, NaN, 1]];
  const { text } = await run({ what: "summary", format: "json" }, { rows: summary });
  const [{ distance_km, speed_kmh }] = JSON.parse(text);
  assertEquals([distance_km, speed_kmh], [null, null]);
});

Deno.test("runQuery() leaves out the names of columns in every format that takes --no-header", async () => {
  const names = Object.keys(FORMATS) as FormatName[];
  const taking = names.filter((name) => FORMATS[name].hasHeader);
  assertEquals(taking, ["table", "vertical", "csv", "tsv"]);
  for (const format of taking) {
    const [shown, hidden] = [true, false].map((header) =>
      run({ format, header }, { rows: fixes(1) })
    );
    assertEquals((await shown!).text === (await hidden!).text, false, format);
  }
});

Deno.test("runQuery() makes records of fixes as ndjson, and objects when columns are named", async () => {
  const rows = [[7, 1732431234.567, 60.1699123, 24, 12.345]];
  const record = '{"userID":7,"timestamp":1732431234.567,"coordinates":[60.1699123,24.0]}\n';
  for (const what of ["points", "last"] as const) {
    assertEquals((await run({ what, near, format: "ndjson" }, { rows })).text, record);
  }
  const columns = ["distance_m", "user_id"];
  const { text } = await run({ near, format: "ndjson", columns }, { rows });
  assertEquals(text, '{"distance_m":12.3,"user_id":7}\n');
});

Deno.test("runQuery() says when there are rows if latitude and longitude change places", async () => {
  const swapped = { latitude: 24.94, longitude: 60.17, radiusM: 1000 };
  const bbox = { west: 60, south: 24, east: 61, north: 26 };
  const noted = async (options: Partial<QueryOptions>, total: number) => {
    const searches: Search[] = [];
    const count = (search: Search) => {
      searches.push(search);
      return Promise.resolve(total);
    };
    const { notes } = await run(options, { count });
    return { notes, searches };
  };
  const { notes, searches } = await noted({ near: swapped }, 1);
  assertEquals(notes, ["no rows", "--near is latitude,longitude: there are rows near 60.17,24.94"]);
  assertEquals(searches[0]!.near, { latitude: 60.17, longitude: 24.94, radiusM: 1000 });
  const boxed = await noted({ bbox, what: "last" }, 1);
  assertEquals(boxed.notes[1], "--bbox is west,south,east,north: there are rows in 24,60,26,61");
  assertEquals(boxed.searches[0]!.bbox, { west: 24, south: 60, east: 26, north: 61 });
  // A program has no rows to see, but the mistake is told.
  assertEquals((await noted({ near: swapped, format: "csv" }, 1)).notes, notes.slice(1));
  assertEquals((await noted({ near: swapped, format: "gpx" }, 1)).notes, notes);
  assertEquals((await noted({ near: swapped }, 0)).notes, ["no rows"]);
  // No latitude is above 90.
  assertEquals((await noted({ near: { ...swapped, longitude: 151.2 } }, 1)).searches, []);
  assertEquals((await noted({ bbox: { ...bbox, west: 120, east: 150 } }, 1)).searches, []);
});

Deno.test("runQuery() says when there are no rows because they would be in the future", async () => {
  const since = Date.parse("2026-03-04T22:00:00Z") / 1000;
  const note = "--since is in the future: 2026-03-05 00:00:00 Europe/Helsinki";
  const tz = "Europe/Helsinki";
  assertEquals((await run({ since, tz })).notes, ["no rows", note]);
  assertEquals((await run({ since, tz, format: "csv" })).notes, [note]);
  assertEquals((await run({ since, tz }, { rows: fixes(1) })).notes, []);
  assertEquals((await run({ since: since - 86_400, tz })).notes, ["no rows"]);
});

Deno.test("runQuery() takes --tz with every format, and shows it in the title of --watch", async () => {
  for (const format of ["gpx", "kml", "svg", "html", "map", "csv"] as const) {
    await run({ format, tz: "Europe/Helsinki" }, { rows: fixes(2) });
  }
  await run({ time: "unix", tz: "Europe/Helsinki" }, { rows: fixes(2) });
  const stop = new AbortController();
  const { notes } = await run({ watchMs: 1000, tz: "Europe/Helsinki" }, {
    rows: fixes(1),
    signal: stop.signal,
    sleep: () => Promise.resolve(stop.abort()),
  });
  assertEquals(notes, ["every 1 s: 2026-03-04 07:06:07 Europe/Helsinki"]);
});

Deno.test("runQuery() shows the distance where it is measured", async () => {
  const rows = [[7, 0, 60, 25, 12.345]];
  assertEquals(
    (await run({ near, format: "csv", time: "unix" }, { rows })).text,
    "user_id,time,latitude,longitude,distance_m\n7,0,60,25,12.3\n",
  );
});

Deno.test("runQuery() makes distance, speed and a box for --bbox of a summary", async () => {
  const rows = [
    // The pause before the last fix counts neither for the distance nor for the speed.
    [7, 3, 0, 90_000, 20_000.44, 1800, 179.5, -1, -179.5, 1],
    [8, 1, 5, 5, 0, 0, 2, 1, 2, 1],
  ];
  assertEquals(
    (await run({ what: "summary", format: "csv", time: "unix" }, { rows })).text,
    "user_id,fixes,first,last,distance_km,speed_kmh,box\n" +
      '7,3,0,90000,20,40,"179.5,-1,-179.5,1"\n' +
      '8,1,5,5,0,,"2,1,2,1"\n',
  );
});

Deno.test("runQuery() shows the value of a reject as text where it is text, else in hex", async () => {
  const encode = (text: string) => new TextEncoder().encode(text);
  const reject = (value: Uint8Array | null) => [
    "routes",
    0,
    5,
    1.5,
    "utf8",
    "",
    "no",
    encode("k"),
    "h=1",
    value,
  ];
  const rows = [
    reject(encode("\ufeff{ \0 ä}")),
    reject(new Uint8Array([0xff, 0, 0x41])),
    reject(new Uint8Array()),
    reject(null),
  ];
  const { text } = await run({ what: "rejects", format: "json" }, { rows });
  const objects = JSON.parse(text) as Record<string, unknown>[];
  assertEquals(objects.map(({ value }) => value), ["\ufeff{ \0 ä}", "\\xff0041", "", null]);
  assertEquals(objects[0], {
    topic: "routes",
    partition: 0,
    offset: 5,
    time: "1970-01-01T00:00:01.500Z",
    code: "utf8",
    path: "",
    message: "no",
    key: "k",
    headers: "h=1",
    value: "\ufeff{ \0 ä}",
  });
});

Deno.test("runQuery() shows the columns that were named, in that order", async () => {
  const { text } = await run({ columns: ["longitude", "user_id"], format: "csv" }, {
    rows: fixes(1),
  });
  assertEquals(text, "longitude,user_id\n25.5,0\n");
});

Deno.test("runQuery() rejects flags that cannot be combined, before it asks the database", async () => {
  const TRACKS = "geojson, geojsonseq, gpx, kml, svg, html, map";
  const cases: [Partial<QueryOptions>, message: string, fix?: string][] = [
    [{ columns: ["user_id", "tiem"] }, 'unknown column "tiem"', "--columns user_id,time"],
    [
      { columns: ["distance"] },
      'unknown column "distance"',
      "--columns user_id,time,latitude,longitude,partition,offset",
    ],
    [
      { columns: ["user_id", "time", "user_id"] },
      'column "user_id" is given twice',
      "--columns user_id,time",
    ],
    [{ format: "geojson", what: "summary" }, "--format geojson cannot be combined with --summary"],
    [{ format: "geojson", what: "total" }, "--format geojson cannot be combined with --total"],
    [
      { format: "geojson", columns: ["user_id"] },
      "--columns cannot be combined with --format geojson",
    ],
    [
      { format: "geojson", order: "time" },
      "--order time cannot be combined with --format geojson",
      "--order user",
    ],
    [{ format: "map", what: "rejects" }, "--format map cannot be combined with --rejects"],
    [
      { gapMs: 1 },
      `--gap goes with --summary, or with --format ${TRACKS}`,
      "--summary, or --format map",
    ],
    [{ gapMs: 1, time: "ms" }, "--gap goes with --summary", "--summary"],
    [{ gapMs: 1, what: "total" }, "--gap cannot be combined with --total"],
    [
      { simplifyM: 1, format: "csv" },
      `--simplify goes with --format ${TRACKS}`,
      "--format map",
    ],
    [{ simplifyM: 1, what: "summary" }, "--simplify cannot be combined with --summary"],
    [{ simplifyM: 1, format: "gpx", what: "last" }, "--simplify cannot be combined with --last"],
    [
      { watchMs: 1, format: "csv" },
      "--watch cannot be combined with --format csv",
      "--format table",
    ],
    [{ tiles }, "--tiles goes with --format html", "--format html > tracks.html"],
    [{ tiles, format: "svg" }, "--tiles goes with --format html", "--format html > tracks.html"],
    [{ header: false, format: "json" }, "--no-header cannot be combined with --format json"],
    [
      { header: false, format: "markdown" },
      "--no-header cannot be combined with --format markdown",
    ],
    [
      { time: "ms", format: "ndjson" },
      "--time ms cannot be combined with --format ndjson: a record has unix seconds",
      "--format json",
    ],
    [{ time: "unix", format: "gpx" }, "--time unix cannot be combined with --format gpx"],
    [{ what: "rejects", users: [[1, 1]] }, "--user cannot be combined with --rejects"],
    [{ what: "codes", format: "gpx" }, "--format gpx cannot be combined with --rejects --summary"],
    [{ what: "codes", order: "time" }, "--order time cannot be combined with --rejects --summary"],
    [{ what: "rejects", near }, "--near cannot be combined with --rejects"],
    [{ what: "rejects", order: "user" }, "--order user cannot be combined with --rejects"],
    [
      { what: "summary", near, order: "distance" },
      "--order distance cannot be combined with --summary",
    ],
  ];
  const untouched = () => {
    throw new Error("asked the database");
  };
  for (const [options, message, fix] of cases) {
    const error = await assertRejects(
      () => run(options, { find: untouched, count: untouched }),
      UsageError,
      message,
    );
    assertEquals(error.hint, fix, message);
  }
});

Deno.test("runQuery() refuses to write a drawing to a terminal, and takes the map there", async () => {
  const terminal = { ...NO_TERMINAL, width: 80, height: 24 };
  for (const format of ["svg", "html"] as const) {
    const error = await assertRejects(() => run({ format }, { terminal }), UsageError);
    assertEquals(
      error.message,
      `--format ${format} makes a drawing for a file, not for a terminal`,
    );
    assertEquals(error.hint, `--format ${format} > tracks.${format}, or --format map`);
    assertEquals((await run({ format })).notes, ["no rows"]);
  }
  const noMap = () => run({ format: "html", tiles }, { terminal });
  assertEquals((await assertRejects(noMap, UsageError)).hint, "--format html > tracks.html");
  for (const format of ["map", "table", "geojson", "gpx"] as const) {
    await run({ format }, { terminal, rows: fixes(1) });
  }
});

Deno.test("runQuery() writes once a batch, the head together with the first", async () => {
  const { writes } = await run({ format: "csv", header: true }, { rows: fixes(10), size: 4 });
  assertEquals(writes.map((text) => text.split("\n").length - 1), [5, 4, 2, 0]);
});

Deno.test("runQuery() writes nothing when the database fails, and passes the error on", async () => {
  const writes: string[] = [];
  await assertRejects(
    () =>
      run({ format: "json" }, {
        find: () => {
          throw new Error("no such table");
        },
        out: (text) => Promise.resolve(void writes.push(text)),
      }),
    Error,
    "no such table",
  );
  assertEquals(writes, []);
});

Deno.test("runQuery() closes its search when its output fails", async () => {
  let closed = false;
  await assertRejects(
    () =>
      run({ format: "csv" }, {
        find: async function* () {
          try {
            for (;;) yield await Promise.resolve(fixes(1));
          } finally {
            closed = true;
          }
        },
        out: () => Promise.reject(new Error("closed pipe")),
      }),
    Error,
    "closed pipe",
  );
  assertEquals(closed, true);
});

Deno.test("runQuery() ends after the current batch when it is stopped", async () => {
  const stop = new AbortController();
  const writes: string[] = [];
  const { isClosed, notes } = await run({ limit: 8 }, {
    rows: fixes(20),
    size: 4,
    signal: stop.signal,
    out: (text) => {
      writes.push(text);
      stop.abort();
      return Promise.resolve();
    },
  });
  assertEquals([writes.length, isClosed, notes], [1, true, []]);
});

Deno.test("runQuery() does not fail when its search is cancelled", async () => {
  const stop = new AbortController();
  const { text } = await run({ format: "csv" }, {
    signal: stop.signal,
    find: () => {
      stop.abort();
      throw new Error("canceling statement due to user request");
    },
  });
  assertEquals(text, "");
});

Deno.test("runQuery() draws the map of all fixes, unless asked for fewer", async () => {
  const rows = fixes(150);
  const all = await run({ format: "map" }, { rows });
  assertEquals([all.search!.limit, all.search!.order, all.notes], [null, "tracks", []]);
  const some = await run({ format: "map", limit: 120 }, { rows, total: 150 });
  assertEquals(some.notes, ["120 of 150 rows (--all instead of --limit for the rest)"]);
  const none = await run({ format: "map" }, { extent: () => Promise.resolve(null) });
  assertEquals([none.text, none.notes], ["", ["no rows"]]);
});

Deno.test("runQuery() asks for the extent of just what it draws, and only where it is needed", async () => {
  const asked: (number | null)[] = [];
  const note = ({ limit }: Search) => {
    asked.push(limit);
    return Promise.resolve(extent);
  };
  for (const format of ["map", "svg", "html", "gpx", "table"] as const) {
    await run({ format, limit: 7 }, { rows: fixes(10), extent: note });
  }
  assertEquals(asked, [7, 7]);
});

Deno.test("runQuery() parts tracks at the gap, and after half an hour unless told", async () => {
  const rows = [0, 1_800, 3_601].map((time) => [1, time, 60, time / 1e4]);
  const segments = async (gapMs: number | null) =>
    (await run({ format: "gpx", gapMs }, { rows })).text.match(/<trkseg>/g)!.length;
  assertEquals(await segments(null), 2);
  assertEquals(await segments(1_801_000), 1);
  assertEquals(await segments(1_799_000), 3);
});

Deno.test("runQuery() shows the statement before it asks", async () => {
  const { notes } = await run({ showSql: true, limit: 5 });
  assertEquals(notes, ["select rows of points up to 5;", "no rows"]);
  assertEquals((await run({ showSql: true, what: "total" })).notes, [
    "select count of points up to null;",
  ]);
});

Deno.test("runQuery() tells how long it took, to the first row and to the last", async () => {
  let time = 0;
  const clock = () => time += 600;
  const { notes } = await run({ timing: true, format: "csv" }, { rows: fixes(1_200), clock });
  assertEquals(notes, ["1 200 rows in 1.2 s, first row after 600 ms"]);
});

/** Stops the watch after three results. */
async function watched(canRedraw: boolean) {
  const stop = new AbortController();
  const waits: number[] = [];
  const result = await run({ watchMs: 5_000, columns: ["user_id"] }, {
    rows: fixes(2),
    signal: stop.signal,
    terminal: {
      ...{ unicode: false, ascii: false, color: false, canRedraw },
      ...{ width: canRedraw ? 80 : null, height: canRedraw ? 24 : null },
    },
    sleep: (ms) => {
      if (waits.push(ms) === 3) stop.abort();
      return Promise.resolve();
    },
  });
  return { ...result, waits };
}

Deno.test("runQuery() with watch replaces the result until it is stopped", async () => {
  const { writes, notes, waits } = await watched(true);
  const screen = "\x1b[Hevery 5 s: 2026-03-04 05:06:07 UTC\x1b[K\n" +
    " user_id\x1b[K\n---------\x1b[K\n       0\x1b[K\n       1\x1b[K\n\x1b[J";
  assertEquals(writes, ["\x1b[2J" + screen, screen, screen]);
  assertEquals([notes, waits], [[], [5_000, 5_000, 5_000]]);
});

Deno.test("runQuery() with watch appends each result where nothing can be redrawn", async () => {
  const { text, notes } = await watched(false);
  assertEquals(text, " user_id\n---------\n       0\n       1\n".repeat(3));
  assertEquals(notes, Array(3).fill("every 5 s: 2026-03-04 05:06:07 UTC"));
});
