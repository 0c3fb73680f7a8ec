import type { ProduceOptions } from "../../cli/commands/produce.ts";
import { OperationalError, systemReason } from "../../errors.ts";
import { type Reject, validate } from "../../record/validate.ts";
import { formatMany } from "../../units.ts";
import { splitLines } from "./lines.ts";
import type { GeneratedRecord } from "./records.ts";
import { otherForm } from "./other_form.ts";
import { asText } from "./stdin_text.ts";

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
  #hint = "correct these lines, then send them alone";

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
      hint: this.#hint,
    });
  }

  add(reject: Reject): void {
    const { offset, path, reason } = reject;
    this.#count++;
    this.#hint = otherForm(reject) ?? this.#hint;
    const text = `line ${offset}: ${path && path + ": "}${reason}`;
    if (this.#shown.length < SHOWN_MAX) this.#shown.push(text);
  }
}

function badLine(reject: Reject): OperationalError {
  const { offset, code, path, reason } = reject;
  return new OperationalError(
    "data",
    `line ${offset} of stdin is not a valid record: ${path && path + ": "}${reason}`,
    {
      reason: [code, "this line and all later lines were not sent"],
      hint: otherForm(reject) ??
        "correct this line, then send it and all later lines; or use --skip-bad",
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
