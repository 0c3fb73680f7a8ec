/** Longer lines are cut off here: no record is that long. */
const LINE_BYTES_MAX = 4_194_304;

const NEWLINE = 10;
const RETURN = 13;

/** The lines of a stream without LF or CRLF, in chunks as they arrive; the last line needs no line end. */
export async function* splitLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array[]> {
  let rest: Uint8Array = new Uint8Array();
  for await (const chunk of chunks) {
    const lines: Uint8Array[] = [];
    let from = 0;
    for (let end; (end = chunk.indexOf(NEWLINE, from)) >= 0; from = end + 1) {
      lines.push(trim(join(rest, chunk.subarray(from, end))));
      rest = new Uint8Array();
    }
    // A line that is already too long is not kept further.
    if (rest.length < LINE_BYTES_MAX) rest = join(rest, chunk.subarray(from));
    if (lines.length > 0) yield lines;
  }
  if (rest.length > 0) yield [trim(rest)];
}

function join(head: Uint8Array, tail: Uint8Array): Uint8Array {
  return head.length === 0 ? tail : concat([head, tail]);
}

function trim(line: Uint8Array): Uint8Array {
  return line.at(-1) === RETURN ? line.subarray(0, -1) : line;
}

/** The bytes of all parts, one after the other. */
export function concat(parts: Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
