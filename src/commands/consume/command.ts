import { runConsume } from "./consume.ts";
import type { PostgresSettings } from "../../settings/settings.ts";
import { UsageError } from "../../errors.ts";
import { readTopic } from "../../kafka/reader.ts";
import { explainKafka } from "../../kafka/errors.ts";
import { type DeadLetterTopic, openDeadLetterTopic } from "../../kafka/dead_letters.ts";
import type { Topic } from "../../kafka/topic.ts";
import { mayConsume } from "../../kafka/probe.ts";
import { postingRejects } from "./dead_letters.ts";
import type { Client } from "../../postgres/connect.ts";
import { explainPostgres, judgePostgres } from "../../postgres/errors.ts";
import { openRewinder } from "../../postgres/rewind.ts";
import { fingerprint, openStore, type Store } from "../../postgres/store.ts";
import { replay } from "./replay.ts";
import type { Step } from "./settle.ts";
import {
  type CommandContext,
  type CommandResult,
  type Options,
  sleep,
  withExplanation,
} from "../context.ts";
import { openKafkaFor } from "../open_kafka.ts";
import { openPostgresFor } from "../open_postgres.ts";
import { openWatch, type Watch } from "./metrics_server.ts";

/** `routes consume`: from the topic into the tables. */
export async function consume(
  options: Options<"consume">,
  context: CommandContext,
): Promise<CommandResult> {
  const watch = options.http ? await openWatch(options.http, context) : null;
  try {
    return await readAndStore(options, context, watch);
  } finally {
    await watch?.close();
  }
}

async function readAndStore(
  options: Options<"consume">,
  context: CommandContext,
  watch: Watch | null,
): Promise<CommandResult> {
  const {
    system: system,
    reporter: reporter,
    settings: { kafka: { topic, groupId, sessionTimeoutMs }, postgresql },
  } = context;
  const { deadLetterTopic } = options;
  if (deadLetterTopic === topic) {
    throw new UsageError("--dead-letter-topic is the topic that is read");
  }
  const { kafka, explain, openLog } = openKafkaFor(context);
  const log = await openLog();
  const { sql, bounded, close } = openPostgresFor(context);
  let letterBox: DeadLetterTopic | null = null;
  try {
    letterBox = deadLetterTopic === null ? null : await openDeadLetterTopic(kafka, {
      topic: deadLetterTopic,
      explain: (error) => explainKafka(error, context.settings.kafka, deadLetterTopic),
      signal: system.signal,
    });
    const clusterId = await withExplanation(explain, log.clusterId());
    if (options.replay) await goBack(options.replay, options.yes, log, clusterId, context);
    const store = openStore(sql, { schema: postgresql.schema, clusterId, topic });
    const ledger = openLedger(store, bounded, watch, postgresql);
    // A trickle is held back by the broker, so that it comes in batches; what ends at the end of the topic is not.
    const minBytes = options.follow ? 65_536 : 1;
    // While a fetch is out there are no heartbeats.
    const waitMs = Math.min(options.flushMs, Math.floor(sessionTimeoutMs / 3));
    const { tally, failure } = await runConsume(options, {
      ...log,
      ...system,
      ...reporter,
      ...watch,
      topic,
      mayRead: () => withExplanation(explain, mayConsume(kafka, topic, groupId)),
      read: (share, signal) =>
        readTopic(kafka, share, {
          topic,
          groupId,
          sessionTimeoutMs,
          waitMs,
          minBytes,
          concurrency: 16,
          ranges: log.ranges,
        }, signal),
      ledger: letterBox ? postingRejects(ledger, { topic, name: groupId }, letterBox.post) : ledger,
      explain,
      out: system.stdout.write,
      sleep,
    });
    return { summary: tally, failure, openEnded: options.follow && options.count === null };
  } finally {
    await Promise.allSettled([log.close(), close(), letterBox?.close()]);
  }
}

/** The store with a limit to each wait: a connection that a firewall forgot never hears of the server's own time-out. */
function openLedger(
  store: Store,
  bounded: Client["bounded"],
  watch: Watch | null,
  settings: PostgresSettings,
) {
  return {
    sources: () => bounded(store.sources()),
    addSources: (starts: Map<number, number>) => bounded(store.addSources(starts)),
    write: (steps: Step[]) => {
      const statement = bounded(store.write(steps));
      return watch ? watch.timed(statement) : statement;
    },
    position: (source: number) => bounded(store.position(source)),
    skip: (...loss: Parameters<Store["skip"]>) => bounded(store.skip(...loss)),
    fingerprint,
    judge: judgePostgres,
    explain: (error: unknown) => explainPostgres(error, settings),
  };
}

async function goBack(
  spec: NonNullable<Options<"consume">["replay"]>,
  yes: boolean,
  log: Topic,
  clusterId: string,
  context: CommandContext,
): Promise<void> {
  const { settings: { kafka: { topic }, postgresql }, system: system, reporter: reporter } =
    context;
  // To delete many rows takes longer than a statement of every day may.
  const patient = { ...context.settings, postgresql: { ...postgresql, statementTimeoutMs: 0 } };
  const { sql, explain, close } = openPostgresFor({ ...context, settings: patient }, {
    max: 1,
  });
  try {
    await replay(spec, yes, {
      ...openRewinder(sql, postgresql.schema),
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
