import { assert } from "@std/assert";
import { parseCli } from "../../src/cli/parse.ts";
import { KEYS } from "../../src/settings/sources.ts";
import { ALIASES } from "../../src/cli/aliases.ts";
import { commandFlags, globalFlags, isVerb, verbs } from "../../src/cli/commands.ts";

for (const [habit, answer] of Object.entries(ALIASES)) {
  const words = habit.split(" ");
  const [verb, name] = words.length > 1 ? [words[0]!, words[1]!] : [null, words[0]!];

  Deno.test(`${habit} is no word of routes, and what is offered for it is: ${answer}`, () => {
    assert(!isVerb(name) && (verb === null || isVerb(verb)));
    const taken = [...globalFlags, ...(verb && isVerb(verb) ? commandFlags[verb] : [])];
    assert(!taken.some((flag) => [`--${flag.name}`, `-${flag.short}`].includes(name)));

    const all = [...globalFlags, ...verbs.flatMap((verb) => commandFlags[verb])];
    for (const [, flag] of answer.matchAll(/--([a-z-]+)/g)) {
      assert(all.some(({ name }) => name === flag), flag);
    }
    const [, section, key] = /(?:-X |ROUTES_)(kafka|postgresql)[._](\w+)=/i.exec(answer) ?? [];
    const keys: Record<string, object> = KEYS;
    if (section) assert(key!.toLowerCase() in keys[section.toLowerCase()]!, key);
    const [line] = /^routes [^,]*/.exec(answer) ?? [];
    if (line) parseCli(line.split(" ").slice(1), 0);
  });
}
