import type { Shell } from "./parse.ts";
import { allFlags, commandFlags, globalFlags, manuals, verbs } from "./commands.ts";
import type { Flag } from "./flags.ts";
import { path } from "./value_types.ts";

/** The script that makes a shell complete the command line. */
export function completions(shell: Shell): string {
  return { bash, zsh, fish }[shell]();
}

/** The short form of a flag, if it has one, and the long form. */
function spellings({ name, short }: Flag): string[] {
  return [...(short ? [`-${short}`] : []), `--${name}`];
}

function bash(): string {
  const valued = new Set(
    allFlags.filter(({ type, implied }) => type && !implied).flatMap(spellings),
  );
  const values = [["*", globalFlags] as const, ...Object.entries(commandFlags)]
    .flatMap(([verb, flags]) =>
      flags.filter(({ type }) => type?.words).map((flag) => {
        const pattern = spellings(flag).map((spelling) => `${verb}" ${spelling}"`).join(" | ");
        const list = flag.type!.many ? " list=1" : "";
        return `    ${pattern}) words="${flag.type!.words!.join(" ")}"${list} ;;\n`;
      })
    );
  const files = globalFlags.filter(({ type }) => type === path).flatMap(spellings)
    .map((spelling) => `*" ${spelling}"`).join(" | ");
  const rest = verbs.flatMap((verb) => [
    `${verb}" -"*) words="${[...commandFlags[verb].flatMap(spellings), "$globals"].join(" ")}" ;;`,
    `${verb}" "*) words="${manuals[verb].words?.join(" ") ?? ""}" ;;`,
  ]);
  return `# bash completion of routes; in ~/.bashrc: source <(routes completions bash)
_routes() {
  local globals="${globalFlags.flatMap(spellings).join(" ")}"
  local cur=\${COMP_WORDS[COMP_CWORD]} flag=\${COMP_WORDS[COMP_CWORD - 1]} verb= words= list= i
  # bash splits --flag=value at the equals sign.
  if [[ $cur == = ]]; then
    cur=
  elif [[ $flag == = ]]; then
    flag=\${COMP_WORDS[COMP_CWORD - 2]}
    [[ $flag == -* ]] || flag=--timeout # a value, of which nothing is known
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
    ${verbs.join(" | ")})
      verb=\${COMP_WORDS[i]}
      break
      ;;
    ${[...valued].join(" | ")})
      [[ \${COMP_WORDS[i + 1]} == = ]] && ((i++))
      ((i++))
      ;;
    esac
  done
  COMPREPLY=()
  case "$verb $flag" in
${values.join("")}    ${files})
      compopt -o filenames 2>/dev/null
      COMPREPLY=($(compgen -f -- "$cur"))
      return
      ;;
    ${[...valued].map((spelling) => `*" ${spelling}"`).join(" | ")}) return ;;
    *)
      case "$verb $cur" in
${rest.map((line) => `        ${line}\n`).join("")}        " -"*) words=$globals ;;
        *) words="${verbs.join(" ")}" ;;
      esac
      ;;
  esac
  # In a list only what follows the last comma is completed.
  [[ $list ]] && list=\${cur%"\${cur##*,}"}
  COMPREPLY=($(compgen -P "$list" -W "$words" -- "\${cur#"$list"}"))
  # After section.key= comes the value.
  [[ \${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
}
complete -F _routes routes
`;
}

function zsh(): string {
  const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
  const escape = (text: string) => text.replace(/[[\]:\\]/g, "\\$&");
  const spec = (flag: Flag): string => {
    const { short, name, type, implied, help, repeatable } = flag;
    const words = type?.words?.join(" ");
    const action = type === path
      ? "_files"
      : type?.many
      ? `_sequence compadd - ${words}`
      : words?.includes("=")
      ? `{compadd -S "" -- ${words}}`
      : words
      ? `(${words})`
      : " ";
    const tail = type ? `:${implied ? ":" : ""}${escape(type.placeholder)}:${action}` : "";
    const about = quote(`[${escape(help)}]${tail}`);
    const long = `--${name}${type ? implied ? "=-" : "=" : ""}`;
    const others = repeatable ? "'*'" : quote(`(${spellings(flag).join(" ")})`);
    return short
      ? `${others}{-${short}${type ? "+" : ""},${long}}${about}`
      : `${others}${long}${about}`;
  };
  const specs = (flags: Flag[], indent: string) =>
    flags.map((flag) => `${indent}${spec(flag)}`).join(" \\\n");
  const cases = verbs.map((verb) => {
    const { words } = manuals[verb];
    const flags = commandFlags[verb];
    const own = flags.length > 0 ? ` \\\n${specs(flags, "        ")}` : "";
    const word = words ? ` \\\n        '1:word:(${words.join(" ")})'` : "";
    return `    ${verb})\n      _arguments -s $globals${own}${word}\n      ;;\n`;
  });
  const described = verbs.map((verb) =>
    `      ${quote(`${verb}:${escape(manuals[verb].summary)}`)}\n`
  );
  return `#compdef routes
# zsh completion of routes; in ~/.zshrc, after compinit: source <(routes completions zsh)
_routes() {
  local curcontext=$curcontext state line
  local -a globals=(
${specs(globalFlags, "    ").replaceAll(" \\\n", "\n")}
  )
  _arguments -s -C -A '-*' $globals '1:command:->command' '*::argument:->argument'
  case $state in
  command)
    local -a commands=(
${described.join("")}    )
    _describe command commands
    ;;
  argument)
    case $words[1] in
${cases.join("")}    esac
    ;;
  esac
}
if [[ $funcstack[1] == _routes ]]; then
  _routes "$@"
else
  compdef _routes routes
fi
`;
}

function fish(): string {
  const quote = (text: string) => `'${text.replace(/['\\]/g, "\\$&")}'`;
  const line = (condition: string, flag: Flag) => {
    const { short, name, type, implied, help } = flag;
    const value = !type || implied ? "" : type === path ? " -r -F" : " -x";
    const list = type?.words?.join(" ");
    const words = list ? ` -a ${quote(type?.many ? `(__fish_append , ${list})` : list)}` : "";
    const letter = short ? ` -s ${short}` : "";
    return `complete -c routes${condition}${letter} -l ${name}${value}${words} -d ${quote(help)}\n`;
  };
  const seen = (verb: string) => ` -n '__fish_seen_subcommand_from ${verb}'`;
  const first = ` -n 'not __fish_seen_subcommand_from ${verbs.join(" ")}'`;
  return [
    "# fish completion of routes: routes completions fish > ~/.config/fish/completions/routes.fish\n",
    "complete -c routes -f\n",
    ...verbs.map((verb) =>
      `complete -c routes${first} -a ${verb} -d ${quote(manuals[verb].summary)}\n`
    ),
    ...globalFlags.map((flag) => line("", flag)),
    ...verbs.flatMap((verb) => {
      const { words } = manuals[verb];
      const flags = commandFlags[verb];
      const after = words ? [`complete -c routes${seen(verb)} -a ${quote(words.join(" "))}\n`] : [];
      return [...after, ...flags.map((flag) => line(seen(verb), flag))];
    }),
  ].join("");
}
