import type { ConsumeOptions } from "../../cli/commands/consume.ts";
import { runRetry } from "./retry_rejects.ts";
import { openRetry } from "../../postgres/rejects.ts";
import { openStore } from "../../postgres/store.ts";
import { type CommandContext, type CommandResult, withExplanation } from "../context.ts";
import { openKafkaFor } from "../open_kafka.ts";
import { openPostgresFor } from "../open_postgres.ts";

/** `routes consume --retry-rejects`: moves rejects that are valid now into the table. */
export async function retryRejects(
  options: ConsumeOptions,
  context: CommandContext,
): Promise<CommandResult> {
  const {
    system,
    reporter,
    settings: { kafka: { topic }, postgresql: { schema } },
  } = context;
  const { explain: explainKafka, openAdmin } = openKafkaFor(context);
  // Kafka is only asked for the id of the cluster.
  const admin = await openAdmin();
  const clusterId = await withExplanation(explainKafka, admin.clusterId()).finally(admin.close);
  const { sql, bounded, judge, explain, close } = openPostgresFor(context, { max: 1 });
  const retry = openRetry(sql, { schema, clusterId, topic });
  try {
    const retried = await runRetry(options, {
      postgres: {
        sources: openStore(sql, { schema, clusterId, topic }).sources,
        kept: (...page) => bounded(retry.kept(...page)),
        move: (...batch) => bounded(retry.move(...batch)),
        remaining: () => bounded(retry.remaining()),
        judge,
        explain,
      },
      reporter,
      system,
    });
    return { summary: retried, openEnded: false };
  } finally {
    await close();
  }
}
