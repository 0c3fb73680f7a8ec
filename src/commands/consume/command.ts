import { runConsume } from "./consume.ts";
import type { PostgresSettings } from "../../settings/settings.ts";
import { UsageError } from "../../errors.ts";
import { readTopic } from "../../kafka/reader.ts";
import { explainKafka } from "../../kafka/errors.ts";
import { type DeadLetterTopic, openDeadLetterTopic } from "../../kafka/dead_letters.ts";
import type { Topic } from "../../kafka/topic.ts";
import { mayConsume } from "../../kafka/probe.ts";
import { withDeadLetters } from "./dead_letters.ts";
import type { Client } from "../../postgres/connect.ts";
import { explainPostgres, judgePostgres } from "../../postgres/errors.ts";
import { openRewinder } from "../../postgres/rewind.ts";
import { fingerprint, openStore, type Step, type Store } from "../../postgres/store.ts";
import { replay } from "./replay.ts";
import {
  type CommandContext,
  type CommandResult,
  type Options,
  sleep,
  withExplanation,
} from "../context.ts";
import { openKafkaFor } from "../open_kafka.ts";
import { openPostgresFor } from "../open_postgres.ts";
import { type MetricsServer, openMetricsServer } from "./metrics_server.ts";

/** `routes consume`: reads the topic and writes to the tables. */
export async function consume(
  options: Options<"consume">,
  context: CommandContext,
): Promise<CommandResult> {
  const metrics = options.http ? await openMetricsServer(options.http, context) : null;
  try {
    return await readAndStore(options, context, metrics);
  } finally {
    await metrics?.close();
  }
}

async function readAndStore(
  options: Options<"consume">,
  context: CommandContext,
  metrics: MetricsServer | null,
): Promise<CommandResult> {
  const {
    system,
    reporter,
    settings: { kafka: { topic, groupId, sessionTimeoutMs }, postgresql },
  } = context;
  const { deadLetterTopic } = options;
  if (deadLetterTopic === topic) {
    throw new UsageError("--dead-letter-topic is the topic that is read");
  }
  const { kafka, explain, openLog } = openKafkaFor(context);
  const log = await openLog();
  const { sql, bounded, close } = openPostgresFor(context);
  let deadLetters: DeadLetterTopic | null = null;
  try {
    deadLetters = deadLetterTopic === null ? null : await openDeadLetterTopic(kafka, {
      topic: deadLetterTopic,
      explain: (error) => explainKafka(error, context.settings.kafka, deadLetterTopic),
      signal: system.signal,
    });
    const clusterId = await withExplanation(explain, log.clusterId());
    const topicId = await withExplanation(explain, log.id());
    if (options.replay) await runReplay(options.replay, options.yes, log, clusterId, context);
    const store = openStore(sql, { schema: postgresql.schema, clusterId, topic, topicId });
    const ledger = openLedger(store, bounded, metrics, postgresql);
    // With --follow the broker collects small amounts into batches; a run that ends at the end of the topic does not wait.
    const minBytes = options.follow ? 65_536 : 1;
    // kafkajs sends no heartbeats during a fetch.
    const waitMs = Math.min(options.flushMs, Math.floor(sessionTimeoutMs / 3));
    const { summary, failure } = await runConsume(options, {
      ...log,
      ...system,
      ...reporter,
      ...metrics,
      topic,
      topicId,
      mayRead: () => withExplanation(explain, mayConsume(kafka, topic, groupId)),
      read: (partitions, signal) =>
        readTopic(kafka, partitions, {
          topic,
          topicId,
          groupId,
          sessionTimeoutMs,
          waitMs,
          minBytes,
          concurrency: 16,
          ranges: log.ranges,
        }, signal),
      ledger: deadLetters
        ? withDeadLetters(ledger, { topic, name: groupId }, deadLetters.post)
        : ledger,
      explain,
      out: system.stdout.write,
      sleep,
    });
    return { summary, failure, openEnded: options.follow && options.count === null };
  } finally {
    await Promise.allSettled([log.close(), close(), deadLetters?.close()]);
  }
}

/** The store with a time limit per call: a connection dropped by a firewall never delivers the server's time-out. */
function openLedger(
  store: Store,
  bounded: Client["bounded"],
  metrics: MetricsServer | null,
  settings: PostgresSettings,
) {
  return {
    sources: () => bounded(store.sources()),
    addSources: (starts: Map<number, number>) => bounded(store.addSources(starts)),
    write: (steps: Step[]) => {
      const statement = bounded(store.write(steps));
      return metrics ? metrics.timed(statement) : statement;
    },
    refusal: (step: Step) => bounded(store.refusal(step)),
    position: (source: number) => bounded(store.position(source)),
    skip: (...args: Parameters<Store["skip"]>) => bounded(store.skip(...args)),
    fingerprint,
    judge: judgePostgres,
    explain: (error: unknown) => explainPostgres(error, settings),
  };
}

async function runReplay(
  spec: NonNullable<Options<"consume">["replay"]>,
  yes: boolean,
  log: Topic,
  clusterId: string,
  context: CommandContext,
): Promise<void> {
  const { settings: { kafka: { topic }, postgresql }, system, reporter } = context;
  // Deleting many rows takes longer than the usual statement time-out.
  const unlimited = { ...context.settings, postgresql: { ...postgresql, statementTimeoutMs: 0 } };
  const { sql, watched, explain, close } = openPostgresFor({ ...context, settings: unlimited }, {
    max: 1,
  });
  const rewinder = openRewinder(sql, postgresql.schema);
  try {
    await replay(spec, yes, {
      extent: (rewinds) => watched(rewinder.extent(rewinds)),
      rewind: (rewinds) => watched(rewinder.rewind(rewinds)),
      ...log,
      sources: openStore(sql, { schema: postgresql.schema, clusterId, topic }).sources,
      topic,
      ask: system.ask,
      note: reporter.note,
    });
  } catch (error) {
    throw explain(error);
  } finally {
    await close();
  }
}
