import type { Step, Store } from "../../postgres/store.ts";
import type { PostgresErrors } from "../open_postgres.ts";

/** The limits of group commit. */
export interface GroupCommitOptions {
  /** Records per statement; a larger step gets a statement of its own. */
  rowsMax: number;
  /** Statements that may run at the same time. */
  statementsMax: number;
}

type GroupStore = Pick<Store, "write"> & Pick<PostgresErrors, "judge">;

interface PendingStep {
  step: Step;
  resolve(written: boolean): void;
  reject(error: unknown): void;
}

/**
 * Writes steps that wait at the same time in one statement: small steps of many partitions cost one round trip. The
 * result tells whether the step was written.
 */
export function createGroupCommit(
  store: GroupStore,
  { rowsMax, statementsMax }: GroupCommitOptions,
): (step: Step) => Promise<boolean> {
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

  async function run(group: PendingStep[]): Promise<void> {
    running++;
    await writeGroup(group, store);
    running--;
    startStatements();
  }

  return (step) =>
    new Promise((resolve, reject) => {
      queue.push({ step, resolve, reject });
      // All batches of one fetch arrive in the same turn of the event loop, so wait for its end.
      timer ??= setTimeout(startStatements, 0);
    });
}

/** Writes the steps in one statement; when the database refuses the data, each in a statement of its own. */
async function writeGroup(group: PendingStep[], store: GroupStore): Promise<void> {
  try {
    const written = await store.write(group.map(({ step }) => step));
    group.forEach(({ resolve }, index) => resolve(written[index]!));
  } catch (error) {
    if (group.length === 1 || store.judge(error).act !== "reject") {
      for (const { reject } of group) reject(error);
      return;
    }
    for (const { step, resolve, reject } of group) {
      await store.write([step]).then(([written]) => resolve(written!), reject);
    }
  }
}
