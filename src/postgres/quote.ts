/** A name in SQL text. */
export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A string in SQL text, whatever the server's standard_conforming_strings is. */
export function quoteText(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes("\\") ? ` E${quoted.replaceAll("\\", "\\\\")}` : quoted;
}
