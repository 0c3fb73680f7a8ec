import { assert } from "@std/assert";
import { importFlags } from "../support/imports.ts";
import { MUTANTS } from "./mutants.ts";
import { copyProgram, mutate, readSource } from "./mutate.ts";

Deno.test("the files that mutants change have no type errors", async () => {
  const root = await Deno.makeTempDir({ prefix: "routes-mutants-" });
  try {
    await copyProgram(root);
    // All in one check: each changed file is a sibling of the original.
    const paths: string[] = [];
    for (const [i, mutant] of MUTANTS.entries()) {
      for (const [file, text] of mutate(mutant, readSource)) {
        paths.push(file.replace(/\.ts$/, `_mutant_${i}.ts`));
        await Deno.writeTextFile(`${root}/${paths.at(-1)}`, text);
      }
    }
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--quiet", ...await importFlags(() => {}), ...paths],
      cwd: root,
    }).output();
    assert(success, new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
