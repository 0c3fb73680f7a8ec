import { graft, MUTANTS } from "./mutants.ts";

for (const mutant of MUTANTS) {
  Deno.test(`the program still has what this mutant changes: ${mutant.name}`, async () => {
    const dir = await Deno.makeTempDir({ prefix: "routes-mutant-" });
    try {
      await graft(mutant, dir);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}
