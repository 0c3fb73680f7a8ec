import type { ConsumeOptions } from "../../cli/commands/consume.ts";
import { UsageError } from "../../errors.ts";
import { type DeadLetterTopic, openDeadLetterTopic } from "../../kafka/dead_letters.ts";
import { explainKafka } from "../../kafka/errors.ts";
import type { Member } from "../../kafka/group.ts";
import { connectMember, type MemberConnection, type MemberOptions } from "../../kafka/member.ts";
import { mayConsume } from "../../kafka/probe.ts";
import { readTopic } from "../../kafka/reader.ts";
import type { Topic } from "../../kafka/topic.ts";
import { roundTrips } from "../../network/round_trips.ts";
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
  const database = openPostgresFor(context);
  // Both connect while Kafka is asked; a failure is reported by the first use that needs the connection. A replay has a
  // connection of its own before that, and the role may be allowed only one.
  const connected = options.replay ? Promise.resolve() : database.sql`select`;
  connected.catch(() => {});
  const reading = memberOptions(options, context);
  const member = connectMember(connection.kafka, reading);
  let admin: Topic | null = null;
  let deadLetters: DeadLetterTopic | null = null;
  try {
    admin = await connection.openAdmin();
    deadLetters = await openDeadLetters(options, context, connection.kafka);
    const clusterId = await withExplanation(connection.explain, admin.clusterId());
    const topicId = await withExplanation(connection.explain, admin.id());
    if (options.replay) await runReplay(options.replay, options.yes, admin, clusterId, context);
    const names = { schema: postgresql.schema, clusterId, topic, topicId };
    const store = openStore(database.sql, names);
    const postgres = boundedStore(store, database, metrics, connected, reporter.log);
    if (options.skipTo) {
      const deps = { topic, kafka: admin, postgres, reporter, system };
      const skipping = skipTo(options.skipTo, options.yes, deps);
      await withExplanation(database.explain, skipping);
    }
    const from = await resolveStart(options, context, connection, admin);
    const { summary, failure } = await runConsume({ ...options, from }, {
      topic,
      topicId,
      claim: { groupId, topic, destination },
      sessionTimeoutMs,
      kafka: topicReader({ ...reading, topicId, connection: member }, connection, admin),
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
    const closing = [admin?.close(), member.close(), database.close(), deadLetters?.close()];
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

/** How the process is a member of the group. */
function memberOptions(
  { follow, flushMs }: ConsumeOptions,
  { settings: { kafka: { topic, groupId, sessionTimeoutMs, rack }, destination } }: CommandContext,
): MemberOptions {
  return {
    topic,
    groupId,
    destination,
    sessionTimeoutMs,
    rack,
    // kafkajs sends no heartbeats during a fetch.
    waitMs: Math.min(flushMs, Math.floor(sessionTimeoutMs / 3)),
    // With --follow the broker collects small amounts into batches; a run that ends at the end of the topic does not wait.
    minBytes: follow ? 65_536 : 1,
  };
}

function topicReader(
  options: MemberOptions & { topicId: string | null; connection: MemberConnection },
  { kafka, explain }: KafkaConnection,
  { ranges, offsetsAt, members }: Topic,
): ConsumeKafka {
  const { topic, groupId } = options;
  const reading = { ...options, concurrency: 16, ranges };
  let connection: MemberConnection | null = options.connection;
  // Asked for while the positions are loaded: they decide whether this process may join the group.
  let firstMembers: Promise<Member[]> | null = members(groupId);
  firstMembers.catch(() => {});
  return {
    ranges,
    offsetsAt,
    members: () => {
      const found = firstMembers ?? members(groupId);
      firstMembers = null;
      return found;
    },
    mayRead: () => withExplanation(explain, mayConsume(kafka, topic, groupId)),
    read: (handler, admit, signal) => {
      const membership = { ...reading, connection, admit };
      connection = null;
      return readTopic(kafka, handler, membership, signal);
    },
    explain,
  };
}

/** The store with a time limit per call: a connection dropped by a firewall never delivers the server's time-out. */
function boundedStore(
  store: Store,
  { bounded, judge, explain }: ReturnType<typeof openPostgresFor>,
  metrics: MetricsServer | null,
  connected: Promise<unknown>,
  log: CommandContext["reporter"]["log"],
): ConsumePostgres {
  let opening = connected;
  let hasWritten = false;
  return {
    sources: () => {
      // Before the first connection is there, it would open a second one. If that failed, another attempt takes as long.
      const opened = opening;
      opening = Promise.resolve();
      const sources = bounded(opened.then(store.sources));
      // The connection knows the statement before the first records are there.
      if (opened === connected) sources.then(() => store.write([])).catch(() => {});
      return sources;
    },
    addSources: (starts) => bounded(store.addSources(starts)),
    write: (steps) => {
      const statement = bounded(store.write(steps)).finally(() => {
        if (!hasWritten) log?.(`round trips until the first records were written: ${roundTrips()}`);
        hasWritten = true;
      });
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
