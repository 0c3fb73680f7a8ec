import { runVerify } from "./verify.ts";
import { readTopic } from "../../kafka/reader.ts";
import { openAudit } from "../../postgres/audit.ts";
import { formatCount, formatCourse, formatRate, Rate, timeLeft } from "../../units.ts";
import { type CommandContext, type CommandResult, withExplanation } from "../context.ts";
import { openKafkaFor } from "../open_kafka.ts";
import { openPostgresFor } from "../open_postgres.ts";

/** `routes verify`: compares the topic with the tables. */
export async function verify(context: CommandContext): Promise<CommandResult> {
  const { globals, system, reporter, settings: { kafka: settings, postgresql } } = context;
  const { topic, groupId } = settings;
  const { kafka, explain, openLog } = openKafkaFor(context);
  const log = await openLog();
  // One connection: a user may have no more, and it is as fast.
  const { sql, watched, explain: explainSql, close } = openPostgresFor(context, {
    max: 1,
    readOnly: true,
  });
  const [rate, beganMs] = [new Rate(), system.clock()];
  // A separate consumer group takes no partitions from other consumers; it is deleted afterwards.
  const group = `${groupId}-verify-${system.random().toString(36)}`;
  try {
    const clusterId = await withExplanation(explain, log.clusterId());
    const topicId = await withExplanation(explain, log.id());
    const audit = openAudit(sql, { schema: postgresql.schema, clusterId, topic });
    const verified = await runVerify({
      sources: () => watched(audit.sources()),
      held: (...range) => watched(audit.held(...range)),
      topic,
      topicId,
      ranges: log.ranges,
      isCompacted: log.isCompacted,
      read: (verifier, signal) =>
        readTopic(kafka, verifier, {
          topic,
          topicId,
          groupId: group,
          sessionTimeoutMs: settings.sessionTimeoutMs,
          waitMs: 500,
          minBytes: 1,
          concurrency: 8,
          ranges: log.ranges,
        }, signal),
      out: (text) => globals.json ? Promise.resolve() : system.stdout.write(text),
      note: reporter.note,
      progress: (done, total) => {
        const ms = system.clock() - beganMs;
        const perSecond = rate.at(ms, done);
        reporter.progress(
          `compared ${formatCount(done)} of ${formatCount(total)} · ` +
            `${formatRate(perSecond)} · ${formatCourse(ms, timeLeft(total - done, perSecond))}`,
        );
      },
      signal: system.signal,
    });
    await log.forgetGroup(group);
    if (!verified) return { summary: null, openEnded: false };
    const { accounts, failure } = verified;
    return { summary: { partitions: accounts }, failure, openEnded: false };
  } catch (error) {
    throw explainSql(explain(error));
  } finally {
    await Promise.allSettled([log.close(), close()]);
  }
}
