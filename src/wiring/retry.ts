import { runRetry } from "../commands/retry.ts";
import { judgePostgres } from "../postgres/errors.ts";
import { openRetry } from "../postgres/retry.ts";
import { openStore } from "../postgres/store.ts";
import { type Bench, type Done, explained, type Options, sleep } from "./bench.ts";
import { openKafkaFor } from "./kafka.ts";
import { openPostgresFor } from "./postgres.ts";

/** `routes consume --retry-rejects`: from the rejects into the table. */
export async function retryRejects(options: Options<"consume">, bench: Bench): Promise<Done> {
  const { world, talk, settings: { kafka: { topic }, postgresql: { schema } } } = bench;
  const { explain: explainKafka, openLog } = openKafkaFor(bench);
  // Kafka only tells which cluster it is.
  const log = await openLog();
  const clusterId = await explained(explainKafka, log.clusterId()).finally(log.close);
  const { sql, bounded, explain, close } = openPostgresFor(bench, { max: 1 });
  const retry = openRetry(sql, { schema, clusterId, topic });
  try {
    const retried = await runRetry(options, {
      ...world,
      ...talk,
      sources: openStore(sql, { schema, clusterId, topic }).sources,
      kept: (...page) => bounded(retry.kept(...page)),
      move: (...batch) => bounded(retry.move(...batch)),
      remaining: () => bounded(retry.remaining()),
      judge: judgePostgres,
      explain,
      sleep,
    });
    return { summary: retried, openEnded: false };
  } finally {
    await close();
  }
}
