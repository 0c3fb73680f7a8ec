import { assert, assertEquals } from "@std/assert";
import { completions } from "../../src/cli/completions.ts";
import { manPage } from "../support/man_page.ts";
import { commandFlags, globalFlags, verbs } from "../../src/cli/commands.ts";

/** What is missing to run a program; null when nothing is. */
function findMissing(command: string, ...args: string[]): string | null {
  const run = Deno.permissions.querySync({ name: "run", command });
  if (run.state !== "granted") return `--allow-run=${command}`;
  try {
    return new Deno.Command(command, { args, stdin: "null" }).outputSync().success
      ? null
      : `a working ${command}`;
  } catch {
    return command;
  }
}

/** A test that is left out, and says so, where a program is missing. */
function testWith(command: string, args: string[], name: string, fn: () => Promise<void>): void {
  const missing = findMissing(command, ...args);
  const note = missing ? ` (left out, needs ${missing})` : "";
  Deno.test({ name: `${name}${note}`, ignore: missing !== null, fn });
}

/** What the program prints, given this on stdin, in a folder with a settings file of a rare name. */
async function output(command: string, args: string[], input: string): Promise<string> {
  const child = new Deno.Command(command, {
    args,
    cwd: new URL("../support/", import.meta.url),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const [, { stdout, stderr }] = await Promise.all([
    new Blob([input]).stream().pipeTo(child.stdin),
    child.output(),
  ]);
  assertEquals(new TextDecoder().decode(stderr), "");
  return new TextDecoder().decode(stdout);
}

/** What is typed, and what its last word becomes. */
const typed: [line: string, word: string][] = [
  ["routes pro", "produce"],
  ["routes --json cons", "consume"],
  ["routes --timeout 5s migr", "migrate"],
  ["routes consume --fol", "--follow"],
  ["routes consume -q --fol", "--follow"],
  ["routes consume --from lat", "latest"],
  ["routes query --format vert", "vertical"],
  ["routes query --order dis", "distance"],
  ["routes query --color al", "always"],
  ["routes --color ne", "never"],
  ["routes --config child", "child.ts"],
  ["routes produce --config child", "child.ts"],
  ["routes help sett", "settings"],
  ["routes check mi", "migrate"],
  ["routes completions f", "fish"],
  ["routes query -X kafka.top", "kafka.topic="],
  ["routes --set postgresql.sch", "postgresql.schema="],
  ["routes query --columns lat", "latitude"],
  ["routes query --columns user_id,off", "user_id,offset"],
];

/** Every flag that goes with a command, in its long form. */
function longs(verb: keyof typeof commandFlags): string[] {
  return [...commandFlags[verb], ...globalFlags].map(({ name }) => `--${name}`).sort();
}

/** The words that bash offers for each line. */
async function askBash(lines: string[]): Promise<string[][]> {
  const asked = lines.map((line) => {
    const words = line.split(/ |(=)/).filter((word) => word !== undefined);
    return `COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")})
COMP_CWORD=${words.length - 1}; _routes; echo "\${COMPREPLY[@]}"\n`;
  });
  const text = await output("bash", ["--norc"], completions("bash") + asked.join(""));
  return text.trimEnd().split("\n").map((line) => line.split(" ").filter(Boolean));
}

async function askFish(lines: string[]): Promise<string[][]> {
  const asked = lines.map((line) => `complete -C '${line}'; echo END\n`);
  const text = await output("fish", ["--no-config"], completions("fish") + asked.join(""));
  return text.split("END\n").slice(0, -1)
    .map((part) => part.split("\n").filter(Boolean).map((line) => line.split("\t")[0]!));
}

/** What each line becomes on a terminal when the tabulator is pressed. */
async function askZsh(lines: string[]): Promise<string[]> {
  const text = await output(
    "zsh",
    ["-f"],
    `zmodload zsh/zpty
zpty terminal zsh -f -i
zpty -w terminal 'autoload -U compinit; compinit -u -D; stty cols 200'
zpty -w terminal "show() { print -r -- \\"<<\\$BUFFER>>\\"; BUFFER= }; zle -N show; bindkey '^G' show"
zpty -w terminal ${quote(completions("zsh").replace("#compdef routes\n", ""))}
for line in ${lines.map(quote).join(" ")}; do
  zpty -n -w terminal "$line"$'\\t\\a'
  zpty -r -m terminal answer '*<<routes*>>*'
  print -r -- $answer
done
zpty -d terminal
`,
  );
  return [...text.matchAll(/<<(routes.*?)>>/g)].map(([, line]) => line!);
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

testWith("bash", ["--version"], "bash completes commands, flags and values", async () => {
  const lines = typed.map(([line]) => line);
  const offered = await askBash([...lines, "routes query --format=vert", "routes query --format="]);
  assertEquals(offered.slice(0, -2), typed.map(([, word]) => [word]));
  assertEquals(offered.at(-2), ["vertical"]);
  assert(offered.at(-1)!.includes("ndjson"));
});

testWith("bash", ["--version"], "bash offers nothing for the value of a setting", async () => {
  const set = "routes query -X kafka.topic=";
  const offered = await askBash([set, `${set}qu`, "routes query -X kafka.topic=a --last"]);
  assertEquals(offered, [[], [], ["--last"]]);
});

Deno.test("completions offer every setting that -X takes, and no secret", () => {
  const { words } = globalFlags.find(({ short }) => short === "X")!.type!;
  assert(words!.includes("kafka.topic=") && words!.includes("postgresql.sslmode="));
  assertEquals(words!.filter((word) => /password|key_pem|service_uri/.test(word)), []);
});

testWith("bash", ["--version"], "bash offers every flag of a command, and no other", async () => {
  const offered = await askBash(verbs.map((verb) => `routes ${verb} --`));
  assertEquals(offered.map((words) => words.sort()), verbs.map(longs));
});

testWith("fish", ["--version"], "fish completes commands, flags and values", async () => {
  const offered = await askFish([...typed.map(([line]) => line), "routes query --format=vert"]);
  assertEquals(offered.slice(0, -1), typed.map(([, word]) => [word]));
  assertEquals(offered.at(-1), ["--format=vertical"]);
});

testWith("fish", ["--version"], "fish offers every flag of a command, and no other", async () => {
  const offered = await askFish(verbs.map((verb) => `routes ${verb} --`));
  assertEquals(offered.map((words) => words.sort()), verbs.map(longs));
});

testWith("zsh", ["--version"], "zsh completes commands, flags and values", async () => {
  const lines = [...typed.map(([line]) => line), "routes query --format=vert"];
  const completed = await askZsh([...lines, "routes produce --mode"]);
  // After a word of a list zsh shows a comma, and takes it away if something else follows.
  assertEquals(completed.map((line) => line.trimEnd().replace(/,$/, "")), [
    ...typed.map(([line, word]) => line.replace(/\S+$/, word)),
    "routes query --format=vertical",
    "routes produce --model=",
  ]);
});

Deno.test("zsh is told every flag of a command", () => {
  const script = completions("zsh");
  for (const verb of verbs) {
    const [, part] = new RegExp(`\\n *${verb}\\)\\n(.*?);;`, "s").exec(script)!;
    for (const { name } of commandFlags[verb]) {
      assert(new RegExp(`--${name}(=|=-|)['}]`).test(part!), name);
    }
  }
});

testWith(
  "mandoc",
  ["-T", "ascii"],
  "mandoc finds no error in the man page",
  async () => {
    assertEquals(await output("mandoc", ["-T", "lint", "-W", "error"], manPage()), "");
  },
);

testWith("groff", ["--version"], "groff sets the man page without a warning", async () => {
  const text = await output(
    "groff",
    ["-ww", "-man", "-K", "utf8", "-T", "utf8", "-P-cbu"],
    manPage(),
  );
  const words = text.replace(/\s+/g, " ");
  for (const verb of verbs) {
    for (const { name } of commandFlags[verb]) assert(words.includes(`--${name}`), name);
  }
});
