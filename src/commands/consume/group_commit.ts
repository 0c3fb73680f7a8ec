import type { Step } from "../../postgres/store.ts";
import type { Ledger } from "./settle.ts";

/** The limits of group commit. */
export interface GroupCommitOptions {
  /** Records per statement; a larger step gets a statement of its own. */
  rowsMax: number;
  /** Statements that may run at the same time. */
  statementsMax: number;
}

interface PendingStep {
  step: Step;
  resolve(written: boolean): void;
  reject(error: unknown): void;
}

/** Writes steps that wait at the same time in one statement: small steps of many partitions cost one round trip. */
export function createCommitter(ledger: Ledger, { rowsMax, statementsMax }: GroupCommitOptions) {
  const queue: PendingStep[] = [];
  let running = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function startStatements(): void {
    clearTimeout(timer);
    timer = undefined;
    while (queue.length > 0 && running < statementsMax) {
      let rows = 0;
      const fits = queue.findIndex(({ step }) => (rows += step.messages.length) > rowsMax);
      void run(queue.splice(0, fits === -1 ? queue.length : Math.max(fits, 1)));
    }
  }

  async function run(pending: PendingStep[]): Promise<void> {
    running++;
    try {
      const written = await ledger.write(pending.map(({ step }) => step));
      pending.forEach(({ resolve }, index) => resolve(written[index]!));
    } catch (error) {
      if (pending.length === 1 || ledger.judge(error).act !== "reject") {
        for (const { reject } of pending) reject(error);
      } else {
        for (const { step, resolve, reject } of pending) {
          await ledger.write([step]).then(([written]) => resolve(written!), reject);
        }
      }
    }
    running--;
    startStatements();
  }

  return (step: Step): Promise<boolean> =>
    new Promise((resolve, reject) => {
      queue.push({ step, resolve, reject });
      // All batches of one fetch arrive in the same turn of the event loop, so wait for its end.
      timer ??= setTimeout(startStatements, 0);
    });
}
