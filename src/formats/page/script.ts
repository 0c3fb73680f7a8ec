/** Makes one script of modules: browsers load no modules from file: URLs, and one script is one hash in a policy. */
export function joined(...modules: string[]): string {
  return modules.map((text) => text.replace(/^import .*?;\n/gms, "").replace(/^export /gm, ""))
    .join("");
}

/** The parts of a page around its style and its program. */
export function partsOf(frame: string): [above: string, between: string, below: string] {
  return frame.split(/<!-- (?:style|program) -->/) as [string, string, string];
}
