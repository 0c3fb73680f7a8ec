import { UsageError } from "../../errors.ts";
import type { System } from "../../system.ts";

/** Asks whether a flag may do what it does, such as "deletes 5 rows"; throws unless the answer is yes. */
export async function confirm(
  flag: string,
  does: string,
  { ask }: Pick<System, "ask">,
): Promise<void> {
  const answer = await ask(`${flag} ${does}: continue? [y/N]`);
  if (answer === null) {
    throw new UsageError(`${flag} ${does}`, "--yes, to confirm without a terminal");
  }
  if (!/^y(es)?$/i.test(answer.trim())) throw new UsageError("not confirmed: nothing was changed");
}
