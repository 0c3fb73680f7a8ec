import { type Arena, openArena } from "./arena.ts";
import { rows, runRow } from "./matrix.ts";

/** One way to break the promise, which some row must notice. */
interface Mutant {
  name: string;
  file: string;
  changes: [from: string, to: string][];
  /** Rows that may notice; the first that does is enough. */
  rows: number[];
}

/** A broken invariant, or the program's own refusal; a row that could not do its work has noticed nothing. */
const NOTICED = /^Error: (I\d+ |a process ended with)/;

const STORE = "src/postgres/store.ts";
const READER = "src/kafka/consume.ts";

const SPLIT = `settle: async (steps) => {
      const none = { offsets: [], userIDs: [], timestamps: [], latitudes: [], longitudes: [] };
      const bare = steps.map((step) => ({ ...step, sifted: { ...step.sifted, points: none } }));
      const won = await settle(sql, table, bare);
      for (const [i, { source, sifted: { points } }] of steps.entries()) {
        if (!won[i]) continue;
        await sql\`
          with row as (
            insert into \${table("routes_table")}
              (user_id, timestamp, latitude, longitude, source_id, source_offset)
            select a, b, c, d, \${source}, e from unnest(\${literal(points.userIDs)}::int[],
              \${literal(points.timestamps)}::float8[], \${literal(points.latitudes)}::float8[],
              \${literal(points.longitudes)}::float8[], \${literal(points.offsets)}::bigint[])
              as point (a, b, c, d, e) returning 1
          )
          update \${table("routes_sources")} set stored = stored + (select count(*) from row)
          where id = \${source}\`;
      }
      return won;
    },`;

const MUTANTS: Mutant[] = [
  {
    name: "compare-and-set without its comparison",
    file: STORE,
    changes: [[" and source.next_offset = step.from_offset", ""]],
    rows: [3, 8],
  },
  {
    name: "on conflict do nothing",
    file: STORE,
    changes: [[" and source.next_offset = step.from_offset", ""], [
      "where source_id in (select id from moved)\n      returning source_id\n    ), reject",
      "where source_id in (select id from moved)\n      on conflict do nothing returning source_id\n    ), reject",
    ]],
    rows: [3, 8],
  },
  {
    name: "rows whether or not the position moved",
    file: STORE,
    changes: [[
      "where source_id in (select id from moved)\n      returning source_id\n    ), reject",
      "where true\n      returning source_id\n    ), reject",
    ]],
    rows: [3],
  },
  {
    name: "position and rows in two statements",
    file: STORE,
    changes: [["settle: (steps) => settle(sql, table, steps),", SPLIT]],
    rows: [1, 8],
  },
  {
    name: "reading on before the rows are stored",
    file: "src/share.ts",
    changes: [[
      "reached = await this.#deps.settle(step, signal);",
      "void this.#deps.settle(step, signal).catch(() => {});\n      reached = step.to;",
    ]],
    rows: [7, 8, 1],
  },
  {
    name: "reading from the offsets of the group",
    file: READER,
    changes: [
      [
        "for (const [partition, position] of positions) this.#seek(partition, position);",
        "for (const [partition, position] of positions) this.#positions.set(partition, position);",
      ],
      ["if (Number(fetchedOffset) !== position) {", "if (false as boolean) {"],
    ],
    rows: [12, 3],
  },
  {
    name: "a producer that repeats itself",
    file: "src/kafka/produce.ts",
    changes: [[
      'const idempotent = options.acks === "all";',
      "const idempotent = false as boolean;",
    ]],
    rows: [18],
  },
];

/** A copy of the project with the mutant in it. */
async function graft(mutant: Mutant, into: string): Promise<void> {
  const root = new URL("../..", import.meta.url).pathname;
  for (const name of ["src", "deno.json", "deno.lock"]) {
    await new Deno.Command("cp", { args: ["-r", root + name, into] }).output();
  }
  const path = `${into}/${mutant.file}`;
  let text = await Deno.readTextFile(path);
  for (const [from, to] of mutant.changes) {
    if (text.split(from).length !== 2) {
      throw new Error(
        `mutant "${mutant.name}": ${mutant.file} has no such text, or several:\n${from}`,
      );
    }
    text = text.replace(from, () => to);
  }
  await Deno.writeTextFile(path, text);
}

async function main(): Promise<number> {
  const print = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
  const chosen = MUTANTS.filter(({ name }) => Deno.args.every((word) => name.includes(word)));
  const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
  print(`seed ${seed}`);
  const arena = await openArena({ seed, say: print });
  let alive = 0;
  try {
    for (const mutant of chosen) {
      const killer = await hunt(mutant, arena);
      print(`${mutant.name} | ${killer ?? "SURVIVED"}`);
      if (!killer) alive++;
    }
  } finally {
    await arena.close();
  }
  print(`\n${chosen.length - alive} passed, ${alive} failed`);
  return alive > 0 ? 1 : 0;
}

/** The row that notices the mutant, and how; null when none does. */
async function hunt(mutant: Mutant, arena: Arena): Promise<string | null> {
  const root = await Deno.makeTempDir({ prefix: "routes-mutant-" });
  try {
    await graft(mutant, root);
    for (const id of mutant.rows) {
      const row = rows.find((row) => row.id === id)!;
      const { passed, what } = await runRow(row, { ...arena, root });
      if (!passed && NOTICED.test(what)) return `row ${id}: ${what.split("\n")[0]}`;
    }
    return null;
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

if (import.meta.main) Deno.exit(await main());
