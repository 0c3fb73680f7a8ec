import { assert, assertEquals } from "@std/assert";
import { commandFlags, globalFlags } from "../../src/cli/commands.ts";
import { type FlagSpecs, listFlags, type OptionsOf, readOptions } from "../../src/cli/flags.ts";
import { duration } from "../../src/cli/time_types.ts";
import { choice, list, whole } from "../../src/cli/value_types.ts";

const specs = {
  batchSize: { type: whole(1), help: "", default: "5" },
  idleMs: { name: "idle", type: duration, help: "" },
  key: { type: choice("KEY", "user", "none"), help: "", default: "user" },
  columns: { type: list, help: "", repeatable: true },
  loud: { help: "", repeatable: true },
  dryRun: { help: "" },
  header: { name: "no-header", help: "", negated: true },
} satisfies FlagSpecs;

/** The option types that a command sees. */
interface Expected {
  batchSize: number;
  idleMs: number | null;
  key: "user" | "none";
  columns: string[] | null;
  loud: number;
  dryRun: boolean;
  header: boolean;
}

Deno.test("a flag is named after its option, with dashes, or as its declaration says", () => {
  assertEquals(
    listFlags(specs).map(({ name }) => name),
    ["batch-size", "idle", "key", "columns", "loud", "dry-run", "no-header"],
  );
});

Deno.test("options have the types and defaults of their declarations", () => {
  const options: Expected = readOptions(specs, new Map(), 0);
  assertEquals(options, {
    batchSize: 5,
    idleMs: null,
    key: "user",
    columns: null,
    loud: 0,
    dryRun: false,
    header: true,
  });
});

Deno.test("options have the values that the flags are given", () => {
  const values = new Map([
    ["batch-size", ["7"]],
    ["idle", ["2s"]],
    ["key", ["none"]],
    ["columns", ["a,b", "c"]],
    ["loud", ["true", "true"]],
    ["dry-run", ["true"]],
    ["no-header", ["true"]],
  ]);
  const expected: OptionsOf<typeof specs> = {
    batchSize: 7,
    idleMs: 2_000,
    key: "none",
    columns: ["a", "b", "c"],
    loud: 2,
    dryRun: true,
    header: false,
  };
  assertEquals(readOptions(specs, values, 0), expected);
});

Deno.test("an option that no flag declares does not compile", () => {
  const options = readOptions(specs, new Map(), 0);
  // @ts-expect-error: misspelt.
  assertEquals(options.batchSzie, undefined);
  // @ts-expect-error: not one of the words.
  assertEquals(options.key === "topic", false);
  // @ts-expect-error: null where the flag is not given.
  const idle: number = options.idleMs;
  assertEquals(idle, null);
});

Deno.test("every flag that excludes or needs another one names a flag of the same command, and an allowed value", () => {
  for (const [verb, flags] of Object.entries(commandFlags)) {
    const known = new Map([...globalFlags, ...flags].map((flag) => [flag.name, flag]));
    for (const { name, excludes = [], needs } of flags) {
      for (const other of [...excludes, ...needs ? [needs] : []]) {
        const [flag, value] = other.split(" ");
        const where = `${verb} --${name} names "${other}"`;
        assert(known.has(flag!), where);
        if (value) assert(known.get(flag!)!.type!.words!.includes(value), where);
      }
    }
  }
});
