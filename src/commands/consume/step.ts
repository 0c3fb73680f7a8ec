import { endOf } from "../../record/offsets.ts";
import type { Step } from "../../postgres/store.ts";
import { type Message, validate } from "../../record/validate.ts";

/** A step that can be split: with the options that its records were validated with. */
export interface SplittableStep extends Step {
  /** Tombstones below this offset were counted before a replay. */
  countedTo: number;
  strict: boolean;
}

/** Most bytes in one statement, unless a single record is larger. */
const STEP_BYTES = 4_194_304;

/** Makes a step of messages in offset order; there must be no other readable record between `from` and the last one. */
export function makeStep(
  source: number,
  from: number,
  messages: Message[],
  { countedTo = 0, strict = false } = {},
): SplittableStep {
  const to = endOf(messages.at(-1)!);
  const validated = validate(messages, { strict });
  if (from < countedTo) {
    const counted = messages.filter(({ offset, value, damage }) =>
      value === null && !damage && Number(offset) < countedTo
    );
    validated.tombstones -= counted.length;
  }
  return { source, from, to, messages, validated, countedTo, strict };
}

/** How many messages from index `at` on fit in one step, by count and by bytes; at least one. */
export function stepSize(messages: Message[], at: number, countMax: number): number {
  let size = 0;
  for (let bytes = 0; size < countMax && at + size < messages.length; size++) {
    const message = messages[at + size]!;
    bytes += message.size ?? message.value?.length ?? 0;
    if (bytes > STEP_BYTES && size > 0) break;
  }
  return size;
}
