/** A key of a settings file. */
export interface Entry {
  section: string;
  key: string;
  value: string;
  line: number;
}

/** Something in a settings file that is not as it should be. */
export interface IniFault {
  line: number;
  message: string;
}

/**
 * Reads an INI text: sections, `key = value` or `key: value`, comments on lines of their own. A value is text as it
 * stands, but for one pair of double quotes around it. All faults are found, not the first alone.
 */
export function parseIni(
  text: string,
): { entries: Entry[]; sections: { name: string; line: number }[]; faults: IniFault[] } {
  const entries: Entry[] = [];
  const faults: IniFault[] = [];
  const sections = new Map<string, number>();
  const keys = new Map<string, number>();
  let section: string | null = null;
  const lines = text.replace(/^\ufeff/, "").split(/\r\n|\n|\r/);
  for (const [index, raw] of lines.entries()) {
    const line = index + 1;
    const content = raw.trim();
    if (content === "" || content.startsWith(";") || content.startsWith("#")) continue;
    const heading = /^\[(.*)\]$/.exec(content);
    if (heading) {
      section = heading[1]!.trim().toLowerCase();
      const before = sections.get(section);
      if (before) {
        faults.push({
          line,
          message: `section [${section}] is there twice, first in line ${before}`,
        });
      } else sections.set(section, line);
      continue;
    }
    const delimiter = content.search(/[=:]/);
    // A key is one word: in "password secret=1" the delimiter was forgotten, and nothing of it may be shown.
    if (delimiter < 1 || /\s/.test(content.slice(0, delimiter).trim())) {
      faults.push({
        line,
        message: 'this is neither a [section], nor "key = value", nor a comment',
      });
      continue;
    }
    if (section === null) {
      faults.push({ line, message: "this key stands before any [section]" });
      continue;
    }
    const key = content.slice(0, delimiter).trim().toLowerCase();
    const value = content.slice(delimiter + 1).trim().replace(/^"(.*)"$/s, "$1");
    const before = keys.get(`${section}.${key}`);
    if (before) {
      faults.push({
        line,
        message: `key "${key}" of [${section}] is there twice, first in line ${before}`,
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
