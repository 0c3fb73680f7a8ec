import { runVerify } from "../commands/verify.ts";
import { readTopic } from "../kafka/consume.ts";
import { openAudit } from "../postgres/audit.ts";
import { formatCourse, formatRate, Rate, timeLeft } from "../rate.ts";
import { formatCount } from "../time.ts";
import { type Bench, type Done, explained } from "./bench.ts";
import { openKafkaFor } from "./kafka.ts";
import { openPostgresFor } from "./postgres.ts";

/** `routes verify`: the topic against the tables. */
export async function verify(bench: Bench): Promise<Done> {
  const { globals, world, talk, settings: { kafka: settings, postgresql } } = bench;
  const { topic, groupId } = settings;
  const { kafka, explain, openLog } = openKafkaFor(bench);
  const log = await openLog();
  const { sql, explain: explainSql, close } = openPostgresFor(bench, { readOnly: true });
  const [rate, beganMs] = [new Rate(), world.clock()];
  // A group of its own: nobody else's partitions are taken away, and it is gone afterwards.
  const group = `${groupId}-verify-${world.random().toString(36)}`;
  try {
    const clusterId = await explained(explain, log.clusterId());
    const verified = await runVerify({
      ...openAudit(sql, { schema: postgresql.schema, clusterId, topic }),
      topic,
      ranges: log.ranges,
      isCompacted: log.isCompacted,
      read: (reading, signal) =>
        readTopic(kafka, reading, {
          topic,
          groupId: group,
          sessionTimeoutMs: settings.sessionTimeoutMs,
          waitMs: 500,
          minBytes: 1,
          concurrency: 8,
          ranges: log.ranges,
        }, signal),
      out: (text) => globals.json ? Promise.resolve() : world.stdout.write(text),
      note: talk.note,
      progress: (done, total) => {
        const ms = world.clock() - beganMs;
        const perSecond = rate.at(ms, done);
        talk.progress(
          `compared ${formatCount(done)} of ${formatCount(total)} · ` +
            `${formatRate(perSecond)} · ${formatCourse(ms, timeLeft(total - done, perSecond))}`,
        );
      },
      signal: world.signal,
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
