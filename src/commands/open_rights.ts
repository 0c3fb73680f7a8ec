import { OperationalError } from "../errors.ts";
import type { Command } from "../cli/parse.ts";
import { openPostgres } from "../postgres/connect.ts";
import { quote } from "../postgres/quote.ts";
import { grantsFor, type Use } from "../postgres/rights.ts";
import type { CommandContext } from "./context.ts";

/** What a command does with the tables; null: it does not use them. */
function workOf(command: Command): readonly Use[] | "migrate" | null {
  switch (command.verb) {
    case "query":
    case "verify":
      return [command.verb];
    case "consume": {
      const { retryRejects, replay, skipTo, acceptLoss } = command.options;
      if (retryRejects) return ["retry"];
      return [
        "consume",
        ...replay ? ["replay" as const] : [],
        ...skipTo || acceptLoss ? ["skip" as const] : [],
      ];
    }
    case "migrate":
      return command.options.status || command.options.dryRun ? ["status"] : "migrate";
    default:
      return null;
  }
}

/** The failure of a command; if PostgreSQL refused a statement for a lack of rights, with the SQL that gives them all. */
export async function namingGrants(
  failure: OperationalError,
  command: Command,
  { settings: { postgresql: settings }, system: { readFile } }: CommandContext,
): Promise<OperationalError> {
  const work = workOf(command);
  if (!work || !isRefusal(failure.cause)) return failure;
  const { sql, bounded, cut } = openPostgres(settings, { readFile, log: null, max: 1 });
  const hint = await bounded(grantsFor(sql, settings, work)).catch((error) =>
    // The right to create the database that it would connect to.
    (error as { code?: string }).code === "3D000"
      ? [`alter role ${quote(settings.user)} createdb`]
      : []
  ).finally(cut);
  if (hint.length === 0) return failure;
  const { kind, message, reason, cause } = failure;
  return new OperationalError(kind, message, { reason, hint, cause });
}

function isRefusal(cause: unknown): boolean {
  return cause instanceof Error && (cause as { code?: unknown }).code === "42501";
}
