/** The command lines that a fix such as `--summary, or --format map` makes of another. */
export function followFix(args: string[], fix: string): string[][] {
  return fix.split(", or ").map((part) => {
    const [, better, worse] = /^(\S+) instead of (\S+)$/.exec(part) ?? [];
    if (better) return [...args.toSpliced(args.indexOf(worse!), 2), better];
    const [flag, ...values] = part.replace(/ > \S+$/, "").split(" ");
    const kept: string[] = [];
    for (let i = 0; i < args.length; i++) {
      if (args[i] === flag) {
        // With all words of its value.
        while (values.length > 0 && i + 1 < args.length && !/^--?[a-z]/.test(args[i + 1]!)) i++;
      } else if (!args[i]!.startsWith(`${flag}=`)) kept.push(args[i]!);
    }
    return [...kept, flag!, ...values.length > 0 ? [values.join(" ").replaceAll('"', "")] : []];
  });
}
