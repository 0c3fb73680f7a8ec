import { assert, assertEquals, assertThrows } from "@std/assert";
import { rows } from "./matrix.ts";
import { MUTANTS } from "./mutants.ts";
import { findFunction, type Mutant, mutate, readSource, swap } from "./mutate.ts";

for (const mutant of MUTANTS) {
  Deno.test(`the program has what this mutant changes: ${mutant.name}`, () => {
    for (const [file, text] of mutate(mutant, readSource)) assert(text !== readSource(file));
    for (const id of mutant.rows) assert(rows.some((row) => row.id === id), `row ${id}`);
  });
}

const SOURCE = `export async function first(a: {
  b: number;
}) {
  if (a) {
    return [a, a];
  }
}

class Third {
  static get second() {
    return 2;
  }

  async #second(): Promise<void> {
    await 2;
  }
}

function second() {
  return "second";
}
`;

Deno.test("findFunction() returns a function or a method by its name", () => {
  assertEquals(findFunction(SOURCE, "first")?.split("\n").length, 7);
  assertEquals(findFunction(SOURCE, "second"), 'function second() {\n  return "second";\n}');
  assertEquals(
    findFunction(SOURCE, "Third.#second"),
    "  async #second(): Promise<void> {\n    await 2;\n  }",
  );
  for (const name of ["thir", "Third.first", "First.first", "#second"]) {
    assertEquals(findFunction(SOURCE, name), null, name);
  }
});

Deno.test("swap() ignores white space, but not the number of places", () => {
  assertEquals(
    swap("return [a , a];", "return 0;")("if (a) {\n  return [\n a,a\n];\n}"),
    "if (a) {\n  return 0;\n}",
  );
  assertThrows(() => swap("a + b", "a - b")("ab"), Error, 'contains "a + b" 0 times');
  assertThrows(() => swap("a b", "")("ab"), Error, "0 times");
  assertThrows(() => swap("a+b", "")("a + b + a + b"), Error, "2 times");
});

Deno.test("a mutant that no longer fits fails with its name, the file and the function", () => {
  const fail = (name: string, change: (source: string) => string, message: string) => {
    const mutant: Mutant = {
      name: "m",
      changes: [{ file: "a.ts", function: name, change }],
      rows: [],
    };
    assertThrows(() => mutate(mutant, () => SOURCE), Error, message);
  };
  fail("renamed", swap("2", "3"), 'mutant "m": renamed in a.ts does not exist');
  fail("second", swap("2", "3"), 'mutant "m": second in a.ts contains "2" 0 times, not once');
  fail("second", (source) => source, 'mutant "m": second in a.ts is not changed');
});
