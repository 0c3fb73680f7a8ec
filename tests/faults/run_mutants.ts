// deno task mutants [--seed N] [--only TEXT]: TEXT is a part of the names of the mutants to run.

import { parseArgs } from "@std/cli/parse-args";
import { type Cluster, openCluster } from "./cluster.ts";
import { rows, runRow } from "./matrix.ts";
import { MUTANTS } from "./mutants.ts";
import { copyProgram, type Mutant, mutate, readSource } from "./mutate.ts";

/** The checker or the program found the fault; other failures say nothing about the mutant. */
const DETECTED = /^Error: (I\d+ |a process ended with (?!75))/;

/** What a mutant led to, and whether that is as expected. */
interface Verdict {
  isExpected: boolean;
  text: string;
}

async function runMutant(mutant: Mutant, cluster: Cluster): Promise<Verdict> {
  const root = await Deno.makeTempDir({ prefix: "routes-mutant-" });
  try {
    await copyProgram(root);
    for (const [file, text] of mutate(mutant, readSource)) {
      await Deno.writeTextFile(`${root}/${file}`, text);
    }
    let passes = 0;
    for (const id of mutant.rows) {
      const row = rows.find((row) => row.id === id)!;
      const { passed, what } = await runRow(row, { ...cluster, root });
      if (!passed && DETECTED.test(what)) {
        return { isExpected: !mutant.harmless, text: `row ${id} | killed: ${describe(what)}` };
      }
      if (passed) passes++;
      else cluster.say(`· row ${id} failed for another reason: ${what}`);
    }
    const where = `row ${mutant.rows.join(" and ")}`;
    return mutant.harmless && passes === mutant.rows.length
      ? { isExpected: true, text: `${where} | harmless: ${mutant.harmless}` }
      : { isExpected: false, text: `${where} | SURVIVED` };
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** The broken invariant, or the error that the program printed. */
function describe(what: string): string {
  const [first, ...rest] = what.replace(/^Error: /, "").split("\n");
  const printed = rest.filter((line) => /^(routes|error): /.test(line)).at(-1);
  return first!.startsWith("I") ? first! : `${first} ${printed}`;
}

async function main(): Promise<number> {
  const flags = parseArgs(Deno.args, { string: ["seed", "only"] });
  const seed = Number(flags.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
  const print = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
  const chosen = MUTANTS.filter(({ name }) => name.includes(flags.only ?? ""));
  if (chosen.length === 0) {
    print(`no mutant has "${flags.only}" in its name:`);
    for (const { name } of MUTANTS) print(`  ${name}`);
    return 1;
  }
  const table: string[] = [];
  let unexpected = 0;
  const cluster = await openCluster({ seed, say: print });
  try {
    for (const mutant of chosen) {
      const { isExpected, text } = await runMutant(mutant, cluster);
      table.push(`${mutant.name} | seed ${seed} | ${text}`);
      print(table.at(-1)!);
      if (!isExpected) unexpected++;
    }
  } finally {
    await cluster.close();
  }
  print(`\nmutant | seed | row | result\n${table.join("\n")}`);
  print(`\n${chosen.length - unexpected} as expected, ${unexpected} not`);
  return unexpected > 0 ? 1 : 0;
}

Deno.exit(await main());
