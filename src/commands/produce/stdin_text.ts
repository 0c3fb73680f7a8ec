import { Buffer } from "node:buffer";
import { OperationalError } from "../../errors.ts";
import { formatMany } from "../../units.ts";

/** How the input begins when it is not text: the name of the format, and the command that unpacks it. */
const PACKED: [magic: number[], name: string, command: string][] = [
  [[0x1f, 0x8b], "gzip", "gunzip -c"],
  [[0x28, 0xb5, 0x2f, 0xfd], "zstd", "zstd -dc"],
];
const HEAD_BYTES = 4;

/** The input without a byte order mark; UTF-16 becomes UTF-8, and packed data is refused. */
export async function* asText(chunks: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  let head = Buffer.alloc(0);
  while (head.length < HEAD_BYTES) {
    const { done, value } = await chunks.next();
    if (done) break;
    head = Buffer.concat([head, value]);
  }
  for (const [magic, name, command] of PACKED) {
    if (!magic.every((byte, i) => head[i] === byte)) continue;
    throw new OperationalError("data", `stdin is ${name} data, not NDJSON`, {
      hint: `${command} FILE | routes produce --stdin`,
    });
  }
  const mark = head.subarray(0, 2).toString("hex");
  if (mark !== "fffe" && mark !== "feff") {
    yield head.subarray(head.subarray(0, 3).toString("hex") === "efbbbf" ? 3 : 0);
    return yield* chunks;
  }
  const decoder = new TextDecoder(mark === "fffe" ? "utf-16le" : "utf-16be");
  const encoder = new TextEncoder();
  let size = head.length;
  yield encoder.encode(decoder.decode(head, { stream: true }));
  for await (const chunk of chunks) {
    size += chunk.length;
    yield encoder.encode(decoder.decode(chunk, { stream: true }));
  }
  if (size % 2 === 1) throw endsInCharacter(size);
}

/** The lines before the last one have been read by then. */
function endsInCharacter(size: number): OperationalError {
  const message = `stdin ends within a character: it is UTF-16 and has ${formatMany(size, "byte")}`;
  return new OperationalError("data", message, {
    reason: "what follows the last line end was not sent",
    hint: "copy the file again: its end is missing",
  });
}
