import type { ConsumeOptions } from "../../cli/commands/consume.ts";
import { UsageError } from "../../errors.ts";
import { type DeadLetterTopic, openDeadLetterTopic } from "../../kafka/dead_letters.ts";
import { explainKafka } from "../../kafka/errors.ts";
import { mayConsume } from "../../kafka/probe.ts";
import { readTopic } from "../../kafka/reader.ts";
import type { Topic } from "../../kafka/topic.ts";
import { openRewinder } from "../../postgres/rewind.ts";
import { fingerprint, openStore, type Store } from "../../postgres/store.ts";
import { type CommandContext, type CommandResult, withExplanation } from "../context.ts";
import { openKafkaFor } from "../open_kafka.ts";
import { openPostgresFor } from "../open_postgres.ts";
import { type ConsumeKafka, type ConsumePostgres, runConsume, type RunOptions } from "./consume.ts";
import { withDeadLetters } from "./dead_letters.ts";
import { startOfGroup } from "./from_group.ts";
import { type MetricsServer, openMetricsServer } from "./metrics_server.ts";
import { feedRows } from "./command_feed_rows.ts";
import { replay } from "./replay.ts";
import { skipTo } from "./skip_to.ts";

type KafkaConnection = ReturnType<typeof openKafkaFor>;

/** `routes consume`: reads the topic and writes to the tables. */
export async function consume(
  options: ConsumeOptions,
  context: CommandContext,
): Promise<CommandResult> {
  const metrics = options.http
    ? await openMetricsServer(
      { address: options.http, tiles: options.tiles },
      context,
      feedRows(context),
    )
    : null;
  try {
    return await readAndStore(options, context, metrics);
  } finally {
    await metrics?.close();
  }
}

async function readAndStore(
  options: ConsumeOptions,
  context: CommandContext,
  metrics: MetricsServer | null,
): Promise<CommandResult> {
  const { system, reporter, settings: { kafka: settings, postgresql, destination } } = context;
  const { topic, groupId, sessionTimeoutMs } = settings;
  if (options.deadLetterTopic === topic) {
    throw new UsageError("--dead-letter-topic is the topic that is read");
  }
  const connection = openKafkaFor(context);
  const admin = await connection.openAdmin();
  const database = openPostgresFor(context);
  // Connects while Kafka is asked; a failure is reported by the first statement that needs the connection. A replay has a
  // connection of its own before that, and the role may be allowed only one.
  const connected = options.replay ? Promise.resolve() : database.sql`select`;
  connected.catch(() => {});
  let deadLetters: DeadLetterTopic | null = null;
  try {
    deadLetters = await openDeadLetters(options, context, connection.kafka);
    const clusterId = await withExplanation(connection.explain, admin.clusterId());
    const topicId = await withExplanation(connection.explain, admin.id());
    if (options.replay) await runReplay(options.replay, options.yes, admin, clusterId, context);
    const names = { schema: postgresql.schema, clusterId, topic, topicId };
    const store = openStore(database.sql, names);
    const postgres = boundedStore(store, database, metrics, connected);
    if (options.skipTo) {
      const skipping = skipTo(options.skipTo, { topic, kafka: admin, postgres, reporter });
      await withExplanation(database.explain, skipping);
    }
    const from = await resolveStart(options, context, connection, admin);
    const { summary, failure } = await runConsume({ ...options, from }, {
      topic,
      topicId,
      claim: { groupId, topic, destination },
      sessionTimeoutMs,
      kafka: {
        ...topicReader(options, topicId, context, connection, admin),
        members: () => admin.members(groupId),
      },
      postgres: deadLetters
        ? withDeadLetters(postgres, { topic, group: groupId }, deadLetters.post)
        : postgres,
      reporter,
      system,
      stdout: system.stdout,
      metrics,
    });
    return { summary, failure, openEnded: options.follow && options.count === null };
  } finally {
    const closing = [admin.close(), database.close(), deadLetters?.close()];
    await Promise.allSettled(closing);
  }
}

async function openDeadLetters(
  { deadLetterTopic: topic }: ConsumeOptions,
  { settings, system }: CommandContext,
  kafka: KafkaConnection["kafka"],
): Promise<DeadLetterTopic | null> {
  if (topic === null) return null;
  return await openDeadLetterTopic(kafka, {
    topic,
    explain: (error) => explainKafka(error, settings.kafka, topic),
    signal: system.signal,
  });
}

/** Where to start; the offsets of a group are read once. */
async function resolveStart(
  { from, yes }: ConsumeOptions,
  { reporter, settings: { kafka: { topic } } }: CommandContext,
  { explain }: KafkaConnection,
  kafka: Topic,
): Promise<RunOptions["from"]> {
  if (from?.at !== "group") return from;
  const starting = startOfGroup(from.group, yes, { topic, kafka, reporter });
  return { at: "committed", offsets: await withExplanation(explain, starting) };
}

function topicReader(
  { follow, flushMs }: ConsumeOptions,
  topicId: string | null,
  { settings: { kafka: { topic, groupId, sessionTimeoutMs, rack }, destination } }: CommandContext,
  { kafka, explain }: KafkaConnection,
  { ranges, offsetsAt }: Topic,
): Omit<ConsumeKafka, "members"> {
  const options = {
    topic,
    topicId,
    groupId,
    destination,
    sessionTimeoutMs,
    rack,
    // kafkajs sends no heartbeats during a fetch.
    waitMs: Math.min(flushMs, Math.floor(sessionTimeoutMs / 3)),
    // With --follow the broker collects small amounts into batches; a run that ends at the end of the topic does not wait.
    minBytes: follow ? 65_536 : 1,
    concurrency: 16,
    ranges,
  };
  return {
    ranges,
    offsetsAt,
    mayRead: () => withExplanation(explain, mayConsume(kafka, topic, groupId)),
    read: (handler, admit, signal) => readTopic(kafka, handler, { ...options, admit }, signal),
    explain,
  };
}

/** The store with a time limit per call: a connection dropped by a firewall never delivers the server's time-out. */
function boundedStore(
  store: Store,
  { bounded, judge, explain }: ReturnType<typeof openPostgresFor>,
  metrics: MetricsServer | null,
  connected: Promise<unknown>,
): ConsumePostgres {
  let opening = connected;
  return {
    sources: () => {
      // Before the first connection is there, it would open a second one. If that failed, another attempt takes as long.
      const opened = opening;
      opening = Promise.resolve();
      return bounded(opened.then(store.sources));
    },
    addSources: (starts) => bounded(store.addSources(starts)),
    write: (steps) => {
      const statement = bounded(store.write(steps));
      return metrics ? metrics.timed(statement) : statement;
    },
    refusal: (step) => bounded(store.refusal(step)),
    position: (source) => bounded(store.position(source)),
    pass: (moves) => bounded(store.pass(moves)),
    skip: (...loss) => bounded(store.skip(...loss)),
    fingerprint,
    judge,
    explain,
  };
}

async function runReplay(
  spec: NonNullable<ConsumeOptions["replay"]>,
  yes: boolean,
  admin: Topic,
  clusterId: string,
  context: CommandContext,
): Promise<void> {
  const { settings: { kafka: { topic }, postgresql }, system, reporter } = context;
  const { schema } = postgresql;
  // Deleting many rows takes longer than the usual statement time-out.
  const settings = { ...context.settings, postgresql: { ...postgresql, statementTimeoutMs: 0 } };
  const { sql, watched, explain, close } = openPostgresFor({ ...context, settings }, { max: 1 });
  const { sources } = openStore(sql, { schema, clusterId, topic });
  const rewinder = openRewinder(sql, schema);
  const postgres = {
    sources,
    extent: (...args: Parameters<typeof rewinder.extent>) => watched(rewinder.extent(...args)),
    rewind: (...args: Parameters<typeof rewinder.rewind>) => watched(rewinder.rewind(...args)),
  };
  try {
    await replay(spec, yes, { topic, kafka: admin, postgres, reporter, system });
  } catch (error) {
    throw explain(error);
  } finally {
    await close();
  }
}
