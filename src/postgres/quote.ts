/** A name in SQL text. */
export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A string in SQL text. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
