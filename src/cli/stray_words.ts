import type { Flag } from "./flags.ts";
import { quoted } from "./value_types.ts";

/** In `--near 60.17 24.94` the flag with all its words as its value, if it takes them; `args` have no short flags. */
export function joinedValue(word: string, args: string[], flags: Flag[]): string | undefined {
  const flagOf = (arg: string) => flags.find(({ name }) => arg.split("=")[0] === `--${name}`);
  const at = args.slice(0, args.indexOf(word)).findLastIndex(flagOf);
  const flag = at < 0 ? undefined : flagOf(args[at]!);
  const type = flag?.type;
  if (!type) return undefined;
  const [, inside = []] = /=(.*)$/s.exec(args[at]!) ?? [];
  const after = args.slice(at + 1);
  const end = after.findIndex((arg) => /^--?[a-z]/i.test(arg));
  const words = [inside, after.slice(0, end < 0 ? undefined : end)].flat();
  const accepts = (text: string) => {
    try {
      type.parse(text, { flag: flag.name, now: 0, zone: "UTC", texts: [text] });
      return true;
    } catch {
      return false;
    }
  };
  // A flag that takes any text takes that of a mistake, too.
  if (!type.many && accepts("\0")) return undefined;
  const joined = [words.join().replace(/[\s,]*,[\s,]*/g, ","), words.join(" ")].find(accepts);
  if (joined === undefined) return undefined;
  return `--${flag.name} ${quoted(joined)}`;
}
