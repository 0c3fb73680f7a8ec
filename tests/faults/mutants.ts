import { parseArgs } from "@std/cli/parse-args";
import { type Cluster, openCluster } from "./cluster.ts";
import { rows, runRow } from "./matrix.ts";

/** One way to break the promise, which some row must notice. */
interface Mutant {
  name: string;
  /** By file. */
  changes: Record<string, Change[]>;
  /** Rows that may notice; the first that does is enough. */
  rows: number[];
  /** Why nobody can: then all of them must pass. */
  harmless?: string;
}

type Change = [from: string, to: string];

/** A broken invariant, a refusal of the program, or its end; a row that could not do its work has noticed nothing. */
const NOTICED = /^Error: (I\d+ |a process ended with (?!75))/;

const STORE = "src/postgres/store.ts";
const READER = "src/kafka/reader.ts";
const SENDER = "src/kafka/sender.ts";

/** Both halves of a step, one after the other; `sql` is for the first, `between` is done before the second. */
const halves = (between: string) => `
      const none = { offsets: [], userIDs: [], timestamps: [], latitudes: [], longitudes: [] };
      const bare = steps.map((step) => ({ ...step, validated: { ...step.validated, points: none } }));
      const won = await writeSteps(sql as Sql, table, bare);
      ${between}
      for (const [i, { source, validated: { points } }] of steps.entries()) {
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
      return won;`;

const WRITE = "write: (steps) => writeSteps(sql, table, steps),";
const SPLIT: Change = [WRITE, `write: async (steps) => {${halves("")}},`];
// The client's own work in between is where a backend that ends takes the transaction with it, but not the rest of it.
const BEGIN: Change = [
  WRITE,
  `write: (steps) => sql.begin(async (sql) => {${
    halves("await new Promise((resolve) => setTimeout(resolve, 50));")
  }}) as Promise<boolean[]>,`,
];

const NO_CONFLICT: Change = [
  "where source_id in (select id from moved)\n      returning source_id\n    ), reject",
  "where source_id in (select id from moved)\n      on conflict do nothing returning source_id\n    ), reject",
];
const NO_COMPARISON: Change = [" and source.next_offset = step.from_offset", ""];

/** The offsets of the group decide where to read. */
const NO_SEEK: Change[] = [
  [
    "for (const [partition, position] of positions) this.#seek(partition, position);",
    "for (const [partition, position] of positions) this.#positions.set(partition, position);",
  ],
  ["if (Number(fetchedOffset) !== position) {", "if (false as boolean) {"],
];

/** Each breaks one thing that the promise rests on. */
export const MUTANTS: Mutant[] = [
  {
    name: "compare-and-set without its comparison",
    changes: { [STORE]: [NO_COMPARISON] },
    rows: [3, 8],
  },
  {
    name: "on conflict do nothing, in place of the comparison",
    changes: { [STORE]: [NO_COMPARISON, NO_CONFLICT] },
    rows: [3, 8],
  },
  {
    name: "rows whether or not the position moved",
    changes: {
      [STORE]: [[
        "where source_id in (select id from moved)\n      returning source_id\n    ), reject",
        "where true\n      returning source_id\n    ), reject",
      ]],
    },
    rows: [3],
  },
  {
    name: "position first, rows in a second statement",
    changes: { [STORE]: [SPLIT] },
    rows: [8],
  },
  {
    name: "the two statements within sql.begin",
    changes: { [STORE]: [BEGIN] },
    rows: [8, 7],
  },
  {
    name: "reading on, and telling Kafka, before the rows are stored",
    changes: {
      "src/commands/consume/partitions.ts": [[
        "return reached = await commitStep(step, signal);",
        "void commitStep(step, signal).catch(() => {});\n      return reached = step.to;",
      ]],
    },
    rows: [7, 8, 1],
  },
  {
    name: "autoCommit: true",
    changes: { [READER]: [["autoCommit: false,", "autoCommit: true,"]] },
    rows: [2, 3],
  },
  {
    name: "reading from the offsets of the group",
    changes: { [READER]: NO_SEEK },
    rows: [12],
  },
  {
    name: "fromBeginning: false",
    changes: { [READER]: [["fromBeginning: true", "fromBeginning: false"]] },
    rows: [12],
    harmless: "every partition is sought before it is read",
  },
  {
    name: "fromBeginning: false, and no seek",
    changes: { [READER]: [...NO_SEEK, ["fromBeginning: true", "fromBeginning: false"]] },
    rows: [12],
  },
  {
    name: "a producer that repeats itself",
    changes: {
      [SENDER]: [[
        'const idempotent = options.acks === "all";',
        "const idempotent = false as boolean;",
      ]],
    },
    rows: [18],
  },
  {
    name: "a send without a pinned partition",
    changes: {
      [SENDER]: [
        [
          "return this.#partition;\n  }",
          "if (this.#attempts > 1) this.#partition = (this.#partition + 1) % this.partitions;\n" +
          "    return this.#partition;\n  }",
        ],
        [
          "group({}, {});\n      return { [partition]: messages };",
          "const [chosen] = Object.keys(group({}, {}));\n" +
          "      return { [chosen ?? partition]: messages };",
        ],
      ],
    },
    rows: [18],
  },
  {
    name: "two sends in flight",
    changes: {
      [SENDER]: [
        ['if (this.#state !== "idle") throw', "if (false as boolean) throw"],
        [
          "const mentioned = answers.some(({ partition }) => partition === this.#partition);",
          "const mentioned = answers.length > 0;",
        ],
        ["if (++this.#attempts === 1 && partitions !== this.partitions)", "if (false as boolean)"],
      ],
      "src/commands/produce/batcher.ts": [
        [
          "    await this.#landed();\n    if (this.#stopped) return;\n",
          "    if (this.#stopped) return;\n    const before = this.#inFlight;\n",
        ],
        ["this.#inFlight.catch(() => {});", "this.#inFlight.catch(() => {});\n    await before;"],
      ],
    },
    rows: [18],
  },
];

/** Puts a copy of the project with the mutant in it into a folder; throws where the program no longer has what to change. */
export async function graft(mutant: Mutant, into: string): Promise<void> {
  const root = new URL("../..", import.meta.url).pathname;
  for (const name of ["src", "deno.json", "deno.lock"]) {
    await new Deno.Command("cp", { args: ["-r", root + name, into] }).output();
  }
  for (const [file, changes] of Object.entries(mutant.changes)) {
    let text = await Deno.readTextFile(`${into}/${file}`);
    for (const [from, to] of changes) {
      if (text.split(from).length !== 2) {
        throw new Error(`mutant "${mutant.name}": ${file} has no such text, or several:\n${from}`);
      }
      text = text.replace(from, () => to);
    }
    await Deno.writeTextFile(`${into}/${file}`, text);
  }
}

/** What came of a mutant, as a cell or two of the table, and whether that is as it should be. */
async function hunt(mutant: Mutant, cluster: Cluster): Promise<{ good: boolean; told: string }> {
  const root = await Deno.makeTempDir({ prefix: "routes-mutant-" });
  try {
    await graft(mutant, root);
    let passes = 0;
    for (const id of mutant.rows) {
      const row = rows.find((row) => row.id === id)!;
      const { passed, what } = await runRow(row, { ...cluster, root });
      if (!passed && NOTICED.test(what)) {
        return { good: !mutant.harmless, told: `row ${id} | killed: ${describe(what)}` };
      }
      if (passed) passes++;
      else cluster.say(`· row ${id} could not do its work: ${what}`);
    }
    const where = `row ${mutant.rows.join(" and ")}`;
    return mutant.harmless && passes === mutant.rows.length
      ? { good: true, told: `${where} | harmless: ${mutant.harmless}` }
      : { good: false, told: `${where} | SURVIVED` };
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** The broken invariant, or what the program said when it refused. */
function describe(what: string): string {
  const [first, ...rest] = what.replace(/^Error: /, "").split("\n");
  const said = rest.filter((line) => /^(routes|error): /.test(line)).at(-1);
  return first!.startsWith("I") ? first! : `${first} ${said}`;
}

async function main(): Promise<number> {
  const flags = parseArgs(Deno.args, { string: ["seed"] });
  const seed = Number(flags.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
  const print = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
  const words: string[] = flags._.map(String);
  const chosen = MUTANTS.filter(({ name }) =>
    words.length === 0 || words.some((word) => name.includes(word))
  );
  const table: string[] = [];
  let bad = 0;
  const cluster = await openCluster({ seed, say: print });
  try {
    for (const mutant of chosen) {
      const { good, told } = await hunt(mutant, cluster);
      table.push(`${mutant.name} | seed ${seed} | ${told}`);
      print(table.at(-1)!);
      if (!good) bad++;
    }
  } finally {
    await cluster.close();
  }
  print(`\nmutant | seed | row | what became of it\n${table.join("\n")}`);
  print(`\n${chosen.length - bad} as they should be, ${bad} not`);
  return bad > 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main());
