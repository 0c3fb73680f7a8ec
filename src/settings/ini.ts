/** A key of a settings file; `line` counts from 1. */
interface IniEntry {
  section: string;
  key: string;
  value: string;
  line: number;
}

/** A mistake in a settings file; `line` counts from 1. */
interface IniError {
  line: number;
  message: string;
}

/**
 * Reads an INI text: sections, `key = value` or `key: value`, comments on lines of their own. One pair of
 * double quotes around a value is removed; nothing else is special. Returns all faults, not only the first.
 */
export function parseIni(
  text: string,
): { entries: IniEntry[]; sections: { name: string; line: number }[]; faults: IniError[] } {
  const entries: IniEntry[] = [];
  const faults: IniError[] = [];
  const sections = new Map<string, number>();
  const keys = new Map<string, number>();
  let section: string | null = null;
  const lines = text.replace(/^\ufeff/, "").split(/\r\n|\n|\r/);
  for (const [index, raw] of lines.entries()) {
    const line = index + 1;
    const content = raw.trim();
    if (content === "" || content.startsWith(";") || content.startsWith("#")) continue;
    if (content.includes("\0")) {
      faults.push({ line, message: "has a NUL character" });
      continue;
    }
    const heading = /^\[(.*)\]$/.exec(content);
    if (heading) {
      section = heading[1]!.trim().toLowerCase();
      const before = sections.get(section);
      if (before) {
        faults.push({
          line,
          message: `duplicate section [${section}]: first on line ${before}`,
        });
      } else sections.set(section, line);
      continue;
    }
    const delimiter = content.search(/[=:]/);
    // A key is one word: "password secret=1" lacks its delimiter, and the message must not show the secret.
    if (delimiter < 1 || /\s/.test(content.slice(0, delimiter).trim())) {
      faults.push({
        line,
        message: 'expected a [section], "key = value" or a comment',
      });
      continue;
    }
    if (section === null) {
      faults.push({ line, message: "expected a [section] before the first key" });
      continue;
    }
    const key = content.slice(0, delimiter).trim().toLowerCase();
    const value = content.slice(delimiter + 1).trim().replace(/^"(.*)"$/s, "$1");
    const before = keys.get(`${section}.${key}`);
    if (before) {
      faults.push({
        line,
        message: `duplicate key "${key}" in [${section}]: first on line ${before}`,
      });
    } else entries.push({ section, key, value, line });
    keys.set(`${section}.${key}`, before ?? line);
  }
  return {
    entries,
    sections: [...sections].map(([name, line]) => ({ name, line })),
    faults,
  };
}
