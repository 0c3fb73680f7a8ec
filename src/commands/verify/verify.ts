import { OperationalError } from "../../errors.ts";
import type { BatchHandler } from "../../kafka/reader.ts";
import type { Topic } from "../../kafka/topic.ts";
import type { Audit, AuditedSource } from "../../postgres/audit.ts";
import { checkTopicId, fewerPartitions, type Range } from "../../record/offsets.ts";
import type { Output, System } from "../../system.ts";
import type { Reporter } from "../../terminal/reporter.ts";
import { formatCount, formatCourse, formatMany, formatRate, Rate, timeLeft } from "../../units.ts";
import { type Account, countDiscrepancies, describeSuccess, report } from "./report.ts";
import { TopicVerifier } from "./topic_verifier.ts";

/** Kafka, as a verification uses it. */
interface VerifyKafka extends Pick<Topic, "ranges" | "isCompacted"> {
  /** Reads the topic as the only member of a separate consumer group, until the signal aborts. */
  read(handler: BatchHandler, signal: AbortSignal): Promise<void>;
}

/** What runVerify() needs from its environment. */
export interface VerifyDeps {
  topic: string;
  topicId: string | null;
  kafka: VerifyKafka;
  postgres: Audit;
  reporter: Pick<Reporter, "note" | "progress">;
  system: Pick<System, "clock" | "signal">;
  stdout: Pick<Output, "write">;
}

/** What a complete verification found; `failure` is null if every record is accounted for exactly once. */
interface Verified {
  accounts: Account[];
  /** Records of the whole topic that are not consumed yet. */
  lag: number;
  failure: OperationalError | null;
}

/** Reads the topic again and compares each record with the database. Returns null if the run was interrupted. */
export async function runVerify(deps: VerifyDeps): Promise<Verified | null> {
  const { topic, topicId, kafka, postgres, reporter, system } = deps;
  const ranges = await kafka.ranges();
  const sources = await postgres.sources();
  checkTopicId(topic, topicId, sources);
  checkSources(topic, sources, ranges);
  const done = new AbortController();
  const isCompacted = await kafka.isCompacted();
  const onCompared = progressReporter(deps);
  const verifier = new TopicVerifier({ topic, postgres, onCompared, done }, sources, {
    ranges,
    isCompacted,
  });
  if (!verifier.isOver) await kafka.read(verifier, AbortSignal.any([done.signal, system.signal]));
  if (!verifier.isOver) {
    reporter.note("interrupted before everything was compared");
    return null;
  }
  return await conclude(verifier.close(), lagOf(sources, ranges), deps);
}

/** Throws when nothing was consumed, or when the topic was recreated. */
function checkSources(topic: string, sources: AuditedSource[], ranges: Map<number, Range>): void {
  if (sources.length === 0) {
    const text = `no records of topic "${topic}" were consumed into this database`;
    throw new OperationalError("data", text, { hint: "routes consume" });
  }
  const missing = sources.map(({ partition }) => partition).filter((p) => !ranges.has(p));
  if (missing.length > 0) throw fewerPartitions(topic, missing, ranges.size);
}

/** Prints the report. */
async function conclude(
  accounts: Account[],
  lag: number,
  { topic, reporter, stdout }: VerifyDeps,
): Promise<Verified> {
  await stdout.write(report(accounts));
  const differences = accounts.reduce((sum, account) => sum + countDiscrepancies(account), 0);
  if (differences === 0) {
    reporter.note(describeSuccess(topic, accounts, lag));
    return { accounts, lag, failure: null };
  }
  const failure = new OperationalError(
    "data",
    `topic "${topic}" and the database differ in ${formatMany(differences, "place")}`,
    {
      reason: "the first offsets of each kind are named above",
      hint: "read again from there on: routes consume --replay OFFSET",
    },
  );
  return { accounts, lag, failure };
}

/** Shows the progress after each batch, with the current rate. */
function progressReporter({ reporter, system }: VerifyDeps) {
  const [rate, startedAt] = [new Rate(), system.clock()];
  return (count: number, total: number) => {
    const ms = system.clock() - startedAt;
    const perSecond = rate.at(ms, count);
    reporter.progress(
      `compared ${formatCount(count)} of ${formatCount(total)} · ` +
        `${formatRate(perSecond)} · ${formatCourse(ms, timeLeft(total - count, perSecond))}`,
    );
  };
}

/** The number of records that are not consumed yet, in all partitions. */
function lagOf(sources: AuditedSource[], ranges: Map<number, Range>): number {
  const next = new Map(sources.map(({ partition, nextOffset }) => [partition, nextOffset]));
  return [...ranges].reduce(
    (sum, [partition, { low, high }]) => sum + high - Math.max(next.get(partition) ?? low, low),
    0,
  );
}
