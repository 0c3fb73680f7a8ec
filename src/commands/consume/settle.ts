import { endOf } from "../../record/offsets.ts";
import type { Step } from "../../postgres/store.ts";
import { type Message, validate, type Validated } from "../../record/validate.ts";
import { createCommitter, type GroupCommitOptions } from "./group_commit.ts";

/** A step that can be split: with the options that its records were validated with. */
export interface SplittableStep extends Step {
  /** Tombstones below this offset were counted before a replay. */
  countedTo: number;
  strict: boolean;
}

/** What settling needs from the database. */
export interface Ledger {
  /** Writes, in one statement, the steps whose source is still at `from`; returns for each whether it was written. */
  write(steps: Step[]): Promise<boolean[]>;
  /** The SQLSTATE with which the database refuses the data of a step; null when it does not. Writes nothing. */
  refusal(step: Step): Promise<string | null>;
  /** The current position of a source; null when its row does not exist. */
  position(source: number): Promise<number | null>;
  /** Whether to reject the data, to wait and retry, or to stop. `state` is the SQLSTATE. */
  judge(error: unknown): { act: "reject" | "wait" | "stop"; state: string };
  /** The failure as a message with a hint. */
  explain(error: unknown): Error;
}

/** Limits and callbacks of a settler. */
export interface SettlerOptions extends GroupCommitOptions {
  /** Waits before the next attempt; throws when there must be no further attempt. */
  wait(error: unknown, attempt: number, signal: AbortSignal): Promise<void>;
  /** Called for each step that is known to be in the database. */
  written(step: Step): Promise<void>;
}

/** Writes a step and returns the position of its source afterwards, also when another process moved it. */
export type Settle = (step: SplittableStep, signal: AbortSignal) => Promise<number>;

/** In fewer rows the same fault can be a coincidence. */
const LARGE = 20;

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

/** Settles each step exactly once or not at all, despite lost connections, concurrent writers and bad data. */
export function createSettler(ledger: Ledger, options: SettlerOptions): Settle {
  const commit = createCommitter(ledger, options);

  async function settle(
    step: SplittableStep,
    signal: AbortSignal,
    isWhole = true,
  ): Promise<number> {
    // After a lost connection it is unknown whether the statement was executed, so the position is read first.
    let isUncertain = false;
    for (let attempt = 1;; attempt++) {
      let isWritten = false;
      let position: number | null;
      try {
        position = isUncertain ? await ledger.position(step.source) : step.from;
        if (position === step.from) {
          isWritten = await commit(step);
          position = isWritten ? step.to : await ledger.position(step.source);
        }
      } catch (error) {
        const { act, state } = ledger.judge(error);
        if (act === "stop") throw ledger.explain(error);
        if (act === "reject") {
          // Then the fault is in the table: to reject all records would hide it.
          if (isWhole && await isEachRefused(step, state, signal)) throw ledger.explain(error);
          return await isolate(step, state, error, signal);
        }
        isUncertain = true;
        await options.wait(error, attempt, signal);
        continue;
      }
      if (position === null) throw new SourceGone(step.source);
      if (position === step.to && (isWritten || isUncertain)) await options.written(step);
      return position;
    }
  }

  /** Whether the database refuses each row of a large step, alone and for the same reason. */
  async function isEachRefused(
    { source, from, messages, validated }: SplittableStep,
    state: string,
    signal: AbortSignal,
  ): Promise<boolean> {
    const offsets = new Set(validated.points.offsets);
    const rows = messages.filter(({ offset }) => offsets.has(Number(offset)));
    if (rows.length < LARGE) return false;
    // Samples from the whole step come first: a single accepted row is enough.
    const stride = Math.ceil(Math.sqrt(rows.length));
    for (let first = 0; first < stride; first++) {
      for (let at = first; at < rows.length; at += stride) {
        if (signal.aborted) return false;
        if (await ledger.refusal(makeStep(source, from, [rows[at]!])) !== state) return false;
      }
    }
    return true;
  }

  /** Halves a step that the database refuses until the invalid record is alone, and makes that record a reject. */
  async function isolate(
    step: SplittableStep,
    state: string,
    error: unknown,
    signal: AbortSignal,
  ): Promise<number> {
    const { source, from, messages, validated } = step;
    const [message] = messages;
    if (messages.length === 1) {
      // Retrying a reject that cannot be stored either would never end.
      if (!message || validated.rejects.length > 0) throw ledger.explain(error);
      return await settle({ ...step, validated: rejected(message, state, error) }, signal, false);
    }
    const half = Math.ceil(messages.length / 2);
    const first = makeStep(source, from, messages.slice(0, half), step);
    const reached = await settle(first, signal, false);
    if (reached !== first.to || signal.aborted) return reached;
    return await settle(makeStep(source, reached, messages.slice(half), step), signal, false);
  }

  return settle;
}

/** The row of a source is missing: the database was restored to a state before its first read. Reading starts over. */
export class SourceGone extends Error {
  override name = "SourceGone";
  constructor(source: number) {
    super(`source ${source} is missing from routes_sources`);
  }
}

function rejected(message: Message, state: string, error: unknown): Validated {
  const points = { offsets: [], userIDs: [], timestamps: [], latitudes: [], longitudes: [] };
  const reason = error instanceof Error ? error.message : String(error);
  const reject = {
    offset: Number(message.offset),
    message,
    code: `db_${state}` as const,
    path: "",
    reason,
  };
  return { points, rejects: [reject], tombstones: 0 };
}
