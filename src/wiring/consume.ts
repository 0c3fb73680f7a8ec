import { runConsume } from "../commands/consume.ts";
import type { PostgresSettings } from "../config.ts";
import { Usage } from "../failure.ts";
import { readTopic } from "../kafka/consume.ts";
import { explainKafka } from "../kafka/errors.ts";
import { type LetterBox, openLetterBox } from "../kafka/letters.ts";
import type { Log } from "../kafka/log.ts";
import { mayConsume } from "../kafka/probe.ts";
import { postingRejects } from "../letters.ts";
import type { Client } from "../postgres/connect.ts";
import { explainPostgres, judgePostgres } from "../postgres/errors.ts";
import { openRewinder } from "../postgres/replay.ts";
import { fingerprint, openStore, type Store } from "../postgres/store.ts";
import { replay } from "../replay.ts";
import type { Step } from "../settle.ts";
import { type Bench, type Done, explained, type Options, sleep } from "./bench.ts";
import { openKafkaFor } from "./kafka.ts";
import { openPostgresFor } from "./postgres.ts";
import { openWatch, type Watch } from "./watch.ts";

/** `routes consume`: from the topic into the tables. */
export async function consume(options: Options<"consume">, bench: Bench): Promise<Done> {
  const watch = options.http ? await openWatch(options.http, bench) : null;
  try {
    return await readAndStore(options, bench, watch);
  } finally {
    await watch?.close();
  }
}

async function readAndStore(
  options: Options<"consume">,
  bench: Bench,
  watch: Watch | null,
): Promise<Done> {
  const { world, talk, settings: { kafka: { topic, groupId, sessionTimeoutMs }, postgresql } } =
    bench;
  const { deadLetterTopic } = options;
  if (deadLetterTopic === topic) throw new Usage("--dead-letter-topic is the topic that is read");
  const { kafka, explain, openLog } = openKafkaFor(bench);
  const log = await openLog();
  const { sql, bounded, close } = openPostgresFor(bench);
  let letterBox: LetterBox | null = null;
  try {
    letterBox = deadLetterTopic === null ? null : await openLetterBox(kafka, {
      topic: deadLetterTopic,
      explain: (error) => explainKafka(error, bench.settings.kafka, deadLetterTopic),
      signal: world.signal,
    });
    const clusterId = await explained(explain, log.clusterId());
    if (options.replay) await goBack(options.replay, options.yes, log, clusterId, bench);
    const store = openStore(sql, { schema: postgresql.schema, clusterId, topic });
    const ledger = openLedger(store, bounded, watch, postgresql);
    // A trickle is held back by the broker, so that it comes in batches; what ends at the end of the topic is not.
    const minBytes = options.follow ? 65_536 : 1;
    // While a fetch is out there are no heartbeats.
    const waitMs = Math.min(options.flushMs, Math.floor(sessionTimeoutMs / 3));
    const { tally, failure } = await runConsume(options, {
      ...log,
      ...world,
      ...talk,
      ...watch,
      topic,
      mayRead: () => explained(explain, mayConsume(kafka, topic, groupId)),
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
      out: world.stdout.write,
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
    settle: (steps: Step[]) => {
      const statement = bounded(store.settle(steps));
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
  log: Log,
  clusterId: string,
  bench: Bench,
): Promise<void> {
  const { settings: { kafka: { topic }, postgresql }, world, talk } = bench;
  // To delete many rows takes longer than a statement of every day may.
  const patient = { ...bench.settings, postgresql: { ...postgresql, statementTimeoutMs: 0 } };
  const { sql, explain, close } = openPostgresFor({ ...bench, settings: patient }, {
    max: 1,
  });
  try {
    await replay(spec, yes, {
      ...openRewinder(sql, postgresql.schema),
      ...log,
      sources: openStore(sql, { schema: postgresql.schema, clusterId, topic }).sources,
      topic,
      ask: world.ask,
      note: talk.note,
    });
  } catch (error) {
    throw explain(error);
  } finally {
    await close();
  }
}
