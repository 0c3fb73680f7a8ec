import type { Step, Store } from "../../postgres/store.ts";
import { type Message, validate, type Validated } from "../../record/validate.ts";
import type { PostgresErrors } from "../open_postgres.ts";
import type { Backoff } from "./backoff.ts";
import { createGroupCommit, type GroupCommitOptions } from "./group_commit.ts";
import { makeStep, type SplittableStep } from "./step.ts";

/** What committing steps needs from the database. */
export type StepStore = Pick<Store, "write" | "position" | "refusal"> & PostgresErrors;

interface CommitOptions extends GroupCommitOptions {
  backoff: Pick<Backoff, "wait" | "succeeded">;
  /** Called for each step that is known to be in the database. */
  committed(step: Step): Promise<void>;
}

/** In fewer rows the same fault can be a coincidence. */
const LARGE = 20;

/** Commits a step and returns the position of its source afterwards, also when another process moved it. */
export type CommitStep = (step: SplittableStep, signal: AbortSignal) => Promise<number>;

/** What is known after one attempt to commit a step. */
type CommitOutcome =
  | { is: "committed" }
  /** Another process moved the position, to this one; null: the source has no row any more. */
  | { is: "lostRace"; position: number | null }
  /** The connection failed, so the statement was executed or not. */
  | { is: "unknown"; error: unknown }
  /** The database refused the data. */
  | Refusal;

interface Refusal {
  is: "refused";
  state: string;
  error: unknown;
}

/** Commits each step exactly once or not at all, despite lost connections, concurrent writers and bad data. */
export function createCommitStep(store: StepStore, options: CommitOptions): CommitStep {
  const { backoff, committed } = options;
  const writeInGroup = createGroupCommit(store, options);

  async function commit(
    step: SplittableStep,
    signal: AbortSignal,
    isWhole = true,
  ): Promise<number> {
    let wasUnknown = false;
    for (let attempt = 1;; attempt++) {
      const outcome = await tryOnce(step, wasUnknown);
      switch (outcome.is) {
        case "committed":
          await committed(step);
          return step.to;
        case "lostRace":
          if (outcome.position === null) throw new SourceGone(step.source);
          return outcome.position;
        case "refused":
          // Then the fault is in the table: to reject all records would hide it.
          if (isWhole && await isEachRefused(step, outcome.state, signal)) {
            throw store.explain(outcome.error);
          }
          return await isolate(step, outcome, signal);
        case "unknown":
          wasUnknown = true;
          await backoff.wait(outcome.error, attempt, signal);
      }
    }
  }

  /** `wasUnknown`: an earlier statement may have been executed, so the position is read before another one. */
  async function tryOnce(step: Step, wasUnknown: boolean): Promise<CommitOutcome> {
    try {
      let position = wasUnknown ? await store.position(step.source) : step.from;
      if (position === step.from) {
        if (await writeInGroup(step)) return { is: "committed" };
        position = await store.position(step.source);
      }
      const wasExecuted = wasUnknown && position === step.to;
      return wasExecuted ? { is: "committed" } : { is: "lostRace", position };
    } catch (error) {
      const { act, state } = store.judge(error);
      if (act === "stop") throw store.explain(error);
      return act === "reject" ? { is: "refused", state, error } : { is: "unknown", error };
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
        if (await store.refusal(makeStep(source, from, [rows[at]!])) !== state) return false;
      }
    }
    return true;
  }

  /** Halves a refused step until the invalid record is alone, and makes that record a reject. */
  async function isolate(
    step: SplittableStep,
    refusal: Refusal,
    signal: AbortSignal,
  ): Promise<number> {
    const { source, from, messages, validated } = step;
    const [message] = messages;
    if (messages.length === 1) {
      // Retrying a reject that cannot be stored either would never end.
      if (!message || validated.rejects.length > 0) throw store.explain(refusal.error);
      return await commit({ ...step, validated: rejected(message, refusal) }, signal, false);
    }
    const half = Math.ceil(messages.length / 2);
    const first = makeStep(source, from, messages.slice(0, half), step);
    const reached = await commit(first, signal, false);
    if (reached !== first.to || signal.aborted) return reached;
    return await commit(makeStep(source, reached, messages.slice(half), step), signal, false);
  }

  return async (step, signal) => {
    const reached = await commit(step, signal);
    backoff.succeeded();
    return reached;
  };
}

/** The row of a source is missing: the database was restored to a state before its first read. Reading starts over. */
export class SourceGone extends Error {
  override name = "SourceGone";
  constructor(source: number) {
    super(`source ${source} is missing from routes_sources`);
  }
}

function rejected(message: Message, { state, error }: Refusal): Validated {
  const reason = error instanceof Error ? error.message : String(error);
  const code = `db_${state}` as const;
  const reject = { offset: Number(message.offset), message, code, path: "", reason };
  return { ...validate([]), rejects: [reject] };
}
