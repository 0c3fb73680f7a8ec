import { type Message, validate, type Validated } from "../../record/validate.ts";

/** One move of one source, ready to be written: everything readable in [from, to). */
export interface Step {
  source: number;
  from: number;
  to: number;
  messages: Message[];
  validated: Validated;
  /** Tombstones below this offset were counted before a replay. */
  countedTo: number;
  /** How its records were judged. */
  strict: boolean;
}

/** What settling needs of the database. */
export interface Ledger {
  /** In one statement, writes the steps whose source still stands at `from`; tells which. */
  write(steps: Step[]): Promise<boolean[]>;
  /** Where a source stands now; null when its row is gone. */
  position(source: number): Promise<number | null>;
  /** What a failure means: the data is at fault, or it will pass, or it will not. `state` is the SQLSTATE. */
  judge(error: unknown): { act: "reject" | "wait" | "stop"; state: string };
  /** The same failure in words, with a fix. */
  explain(error: unknown): Error;
}

/** How a settler works. */
export interface SettlerOptions {
  rowsMax: number;
  statementsMax: number;
  /** Waits before the next attempt; throws when there should be none. */
  wait(error: unknown, attempt: number, signal: AbortSignal): Promise<void>;
  /** Told of each step that is known to be in the database. */
  written(step: Step): Promise<void>;
}

/** Takes a step through the database and says where its source stands afterwards, whoever moved it. */
export type Settle = (step: Step, signal: AbortSignal) => Promise<number>;

/** Makes a step out of messages, which come in offset order and leave nothing readable out since `from`. */
export function makeStep(
  source: number,
  from: number,
  messages: Message[],
  { countedTo = 0, strict = false } = {},
): Step {
  const to = Number(messages.at(-1)!.offset) + 1;
  const validated = validate(messages, { strict });
  if (from < countedTo) {
    const again = messages.filter(({ offset, value }) =>
      value === null && Number(offset) < countedTo
    );
    validated.tombstones -= again.length;
  }
  return { source, from, to, messages, validated, countedTo, strict };
}

/** Settles steps, each exactly once or not at all, through lost connections, rival writers and bad data. */
export function createSettler(ledger: Ledger, options: SettlerOptions): Settle {
  const commit = createCommitter(ledger, options);

  async function settle(step: Step, signal: AbortSignal): Promise<number> {
    // After a lost connection nobody knows whether the statement was carried out, so the position is read first.
    let open = false;
    for (let attempt = 1;; attempt++) {
      let ours = false;
      let position: number | null;
      try {
        position = open ? await ledger.position(step.source) : step.from;
        if (position === step.from) {
          ours = await commit(step);
          position = ours ? step.to : await ledger.position(step.source);
        }
      } catch (error) {
        const { act, state } = ledger.judge(error);
        if (act === "stop") throw ledger.explain(error);
        if (act === "reject") return await isolate(step, state, error, signal);
        open = true;
        await options.wait(error, attempt, signal);
        continue;
      }
      if (position === null) throw new SourceGone(step.source);
      if (position === step.to && (ours || open)) await options.written(step);
      return position;
    }
  }

  /** Halves a step that the database refuses until the record at fault is alone; that one becomes a reject. */
  async function isolate(step: Step, state: string, error: unknown, signal: AbortSignal) {
    const { source, from, messages, validated } = step;
    const [message] = messages;
    if (messages.length === 1) {
      // A reject that cannot be stored either would go round for ever.
      if (!message || validated.rejects.length > 0) throw ledger.explain(error);
      return await settle({ ...step, validated: rejected(message, state, error) }, signal);
    }
    const half = Math.ceil(messages.length / 2);
    const first = makeStep(source, from, messages.slice(0, half), step);
    const reached = await settle(first, signal);
    if (reached !== first.to || signal.aborted) return reached;
    return await settle(makeStep(source, reached, messages.slice(half), step), signal);
  }

  return settle;
}

/** The row of a source vanished: the database was put back to before it was first read. Reading starts over. */
export class SourceGone extends Error {
  override name = "SourceGone";
  constructor(source: number) {
    super(`the position of source ${source} is gone from routes_sources`);
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

interface Entry {
  step: Step;
  resolve(won: boolean): void;
  reject(error: unknown): void;
}

/** Puts small steps that wait at the same time into one statement: a trickle over many partitions costs one round trip. */
function createCommitter(ledger: Ledger, { rowsMax, statementsMax }: SettlerOptions) {
  const queue: Entry[] = [];
  let running = 0;
  let turn: ReturnType<typeof setTimeout> | undefined;

  function pump(): void {
    clearTimeout(turn);
    turn = undefined;
    while (queue.length > 0 && running < statementsMax) {
      let rows = 0;
      const fits = queue.findIndex(({ step }) => (rows += step.messages.length) > rowsMax);
      void run(queue.splice(0, fits === -1 ? queue.length : Math.max(fits, 1)));
    }
  }

  async function run(entries: Entry[]): Promise<void> {
    running++;
    try {
      const won = await ledger.write(entries.map(({ step }) => step));
      entries.forEach(({ resolve }, index) => resolve(won[index]!));
    } catch (error) {
      if (entries.length === 1 || ledger.judge(error).act !== "reject") {
        for (const { reject } of entries) reject(error);
      } else {
        for (const { step, resolve, reject } of entries) {
          await ledger.write([step]).then(([won]) => resolve(won!), reject);
        }
      }
    }
    running--;
    pump();
  }

  return (step: Step): Promise<boolean> =>
    new Promise((resolve, reject) => {
      queue.push({ step, resolve, reject });
      // Handlers of one fetch all arrive in the same turn of the event loop: wait for its end.
      turn ??= setTimeout(pump, 0);
    });
}
