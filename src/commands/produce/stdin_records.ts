import { Buffer } from "node:buffer";
import type { ProduceOptions } from "../../cli/commands/produce.ts";
import { OperationalError, systemReason } from "../../errors.ts";
import { type Reject, validate } from "../../record/validate.ts";
import { formatMany } from "../../units.ts";
import { splitLines } from "./lines.ts";
import type { GeneratedRecord } from "./records.ts";

/** How to read. */
interface ReadOptions extends Pick<ProduceOptions, "key"> {
  strict?: boolean;
  signal: AbortSignal;
  /** Takes the invalid lines; null: an invalid line ends the input. */
  bad: Pick<BadLines, "add"> | null;
}

/**
 * Reads NDJSON; the value of a record is the unchanged bytes of its line, and blank lines are skipped. An invalid line
 * throws an OperationalError after the valid lines before it, unless `bad` takes it. An abort of the signal ends the
 * input, even while it waits for more.
 */
export async function* readRecords(
  input: ReadableStream<Uint8Array>,
  { key, signal, bad, strict = false }: ReadOptions,
): AsyncGenerator<GeneratedRecord[]> {
  let first = 1;
  for await (const lines of splitLines(asText(readUntil(input, signal)))) {
    // The abort may have cut the last line short.
    if (signal.aborted) return;
    const messages = lines.map((value, i) => {
      return { offset: String(first + i), timestamp: "0", key: null, value };
    }).filter(({ value }) => !isBlank(value));
    first += lines.length;
    const { points, rejects } = validate(messages, { strict });
    const [last] = bad ? [] : rejects;
    const isBad = new Set(rejects.map(({ offset }) => offset));
    const good = messages.filter(({ offset }) => !isBad.has(Number(offset)))
      .filter(({ offset }) => !last || Number(offset) < last.offset);
    yield good.map(({ value }, i) => ({
      key: key === "user" ? String(points.userIDs[i]) : null,
      value,
    }));
    if (last) throw badLine(last);
    for (const reject of rejects) bad?.add(reject);
  }
}

const SHOWN_MAX = 5;

/** Lines of stdin that are not valid records. */
export class BadLines {
  #count = 0;
  readonly #shown: string[] = [];

  get count(): number {
    return this.#count;
  }

  /** Names the first of them; null when there is none. */
  get failure(): OperationalError | null {
    if (this.#count === 0) return null;
    const are = this.#count === 1
      ? "is not a valid record and was"
      : "are not valid records and were";
    const left = this.#count - this.#shown.length;
    const message = `${formatMany(this.#count, "line")} of stdin ${are} not sent`;
    return new OperationalError("data", message, {
      reason: [...this.#shown, ...left > 0 ? [`and ${formatMany(left, "more line")}`] : []],
      hint: "correct these lines, then send them alone",
    });
  }

  add({ offset, path, reason }: Reject): void {
    this.#count++;
    const text = `line ${offset}: ${path && path + ": "}${reason}`;
    if (this.#shown.length < SHOWN_MAX) this.#shown.push(text);
  }
}

function badLine({ offset, code, path, reason }: Reject): OperationalError {
  return new OperationalError(
    "data",
    `line ${offset} of stdin is not a valid record: ${path && path + ": "}${reason}`,
    {
      reason: [code, "this line and all later lines were not sent"],
      hint: "correct this line, then send it and all later lines; or use --skip-bad",
    },
  );
}

function isBlank(line: Uint8Array): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x09);
}

async function* readUntil(
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  const cancel = () => void reader.cancel();
  signal.addEventListener("abort", cancel);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } catch (error) {
    throw new OperationalError("noInput", `cannot read stdin: ${systemReason(error as Error)}`, {
      hint: "give it a file or a pipe: routes produce --stdin < records.ndjson",
      cause: error,
    });
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

/** How the input begins when it is not text: the name of the format, and the command that unpacks it. */
const PACKED: [magic: number[], name: string, command: string][] = [
  [[0x1f, 0x8b], "gzip", "gunzip -c"],
  [[0x28, 0xb5, 0x2f, 0xfd], "zstd", "zstd -dc"],
];
const HEAD_BYTES = 4;

/** The input without a byte order mark; UTF-16 becomes UTF-8, and packed data is refused. */
async function* asText(chunks: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
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
  yield encoder.encode(decoder.decode(head, { stream: true }));
  for await (const chunk of chunks) {
    yield encoder.encode(decoder.decode(chunk, { stream: true }));
  }
}
