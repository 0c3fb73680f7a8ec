import { type Change, type Mutant, swap } from "./mutate.ts";

const inStore = (name: string, change: Change["change"]): Change => {
  return { file: "src/postgres/store.ts", function: name, change };
};
const inReader = (name: string, change: Change["change"]): Change => {
  return { file: "src/kafka/reader.ts", function: name, change };
};
const inPartition = (name: string, change: Change["change"]): Change => {
  return { file: "src/kafka/partition_reader.ts", function: name, change };
};
const inSender = (name: string, change: Change["change"]): Change => {
  return { file: "src/kafka/sender.ts", function: name, change };
};

const NO_COMPARISON = inStore("writeSteps", swap("and source.next_offset = step.from_offset", ""));
const MOVED = "where source_id in (select id from moved) returning source_id ), reject";

/** Writes the positions and the rejects first, does `between`, and then writes the rows. */
const twoStatements = (between: string) => `
      const none = { offsets: [], userIDs: [], timestamps: [], latitudes: [], longitudes: [] };
      const bare = steps.map((step) => ({ ...step, validated: { ...step.validated, points: none } }));
      const won = await writeSteps(sql as unknown as Sql, table, topicId, bare);
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
const WRITE = "write: (steps) => writeSteps(sql, table, topicId, steps)";
const PAUSE = "await new Promise((resolve) => setTimeout(resolve, 50));";

/** The committed offsets of the group decide where to read. */
const NO_SEEK = [
  inPartition("PartitionReader.constructor", swap("this.#seek(position);", "")),
  inPartition("PartitionReader.take", swap("Number(fetchedOffset) !== from", "false as boolean")),
];
const NOT_FROM_BEGINNING = {
  file: "src/kafka/member.ts",
  function: "connectMember",
  change: swap("fromBeginning: true", "fromBeginning: false"),
};

/** Each removes one thing that the guarantee depends on. */
export const MUTANTS: Mutant[] = [
  {
    name: "compare-and-set without the comparison",
    changes: [NO_COMPARISON],
    rows: [3, 8],
  },
  {
    name: "on conflict do nothing instead of the comparison",
    changes: [
      NO_COMPARISON,
      inStore("writeSteps", swap(MOVED, MOVED.replace("ret", "on conflict do nothing ret"))),
    ],
    rows: [3, 8],
  },
  {
    name: "rows are written even if the position did not move",
    changes: [
      inStore("writeSteps", swap(MOVED, MOVED.replace(/^where.*moved\)/, "where true"))),
    ],
    rows: [3],
  },
  {
    name: "the position in one statement, the rows in a second",
    changes: [
      inStore("openStore", swap(WRITE, `write: async (steps) => {${twoStatements("")}}`)),
    ],
    rows: [8],
  },
  {
    // If the backend ends during the pause, the transaction is rolled back, but the second statement still runs.
    name: "both statements in sql.begin()",
    changes: [
      inStore(
        "openStore",
        swap(
          WRITE,
          `write: (steps) => sql.begin(async (sql) => {${
            twoStatements(PAUSE)
          }}) as Promise<boolean[]>`,
        ),
      ),
    ],
    rows: [8, 7],
  },
  {
    name: "a batch is acknowledged before its rows are stored",
    changes: [{
      file: "src/commands/consume/partitions.ts",
      function: "AssignedPartitions.#processStep",
      change: swap(
        "return reached = await commitStep(step, signal);",
        "void commitStep(step, signal).catch(() => {}); return reached = step.to;",
      ),
    }],
    rows: [7, 8, 1],
  },
  {
    name: "autoCommit: true",
    changes: [inReader("join", swap("autoCommit: false", "autoCommit: true"))],
    rows: [2, 3],
  },
  {
    name: "reading starts at the committed offsets of the group",
    changes: NO_SEEK,
    rows: [12],
  },
  {
    name: "fromBeginning: false",
    changes: [NOT_FROM_BEGINNING],
    rows: [12],
    harmless: "seek() sets the position of each partition before it is read",
  },
  {
    name: "fromBeginning: false, without seek()",
    changes: [...NO_SEEK, NOT_FROM_BEGINNING],
    rows: [12],
  },
  {
    name: "a producer that is not idempotent",
    changes: [inSender("Sender.constructor", swap('options.acks === "all"', "false as boolean"))],
    rows: [18],
  },
  {
    name: "a retry may go to another partition",
    changes: [
      inSender(
        "Sender.#pin",
        swap(
          "return this.#partition;",
          "if (this.#attempts > 1) this.#partition = (this.#partition + 1) % this.partitions;\n" +
            "    return this.#partition;",
        ),
      ),
      inSender(
        "toMessages",
        swap(
          "group({}, {}); return { [partition]: messages };",
          "const [chosen] = Object.keys(group({}, {}));\n" +
            "      return { [chosen ?? partition]: messages };",
        ),
      ),
    ],
    rows: [18],
  },
  {
    name: "two sends in flight",
    changes: [
      inSender("Sender.send", swap('this.#state !== "idle"', "false as boolean")),
      inSender(
        "Sender.#attempt",
        swap(
          'if (!answer) return "unmentioned";',
          'if (!answer || (true as boolean)) return "acked";',
        ),
      ),
      inSender(
        "Sender.#pin",
        swap("++this.#attempts === 1 && topic.partitions < this.partitions", "false as boolean"),
      ),
      {
        file: "src/commands/produce/batcher.ts",
        function: "Batcher.#sendNext",
        change: swap("this.#busy.has(partition) || ", ""),
      },
    ],
    rows: [18],
  },
];
