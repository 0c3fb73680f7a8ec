import { readTopic } from "../../kafka/reader.ts";
import { openAudit } from "../../postgres/audit.ts";
import {
  type CommandContext,
  type CommandResult,
  reportOutput,
  withExplanation,
} from "../context.ts";
import { openKafkaFor } from "../open_kafka.ts";
import { openPostgresFor } from "../open_postgres.ts";
import { runVerify } from "./verify.ts";

/** `routes verify`: compares the topic with the tables. */
export async function verify(context: CommandContext): Promise<CommandResult> {
  const { system, reporter, settings: { kafka: settings, postgresql } } = context;
  const { topic, groupId, sessionTimeoutMs, rack } = settings;
  const { kafka, explain, openAdmin } = openKafkaFor(context);
  const admin = await openAdmin();
  const { ranges, isCompacted } = admin;
  const { sql, bounded, noteStandby, explain: explainSql, close } = openPostgresFor(context, {
    readOnly: true,
    max: 1,
  });
  // A separate consumer group takes no partitions from other consumers; it is deleted afterwards.
  const group = `${groupId}-verify-${system.random().toString(36)}`;
  const options = {
    topic,
    groupId: group,
    destination: null,
    sessionTimeoutMs,
    rack,
    waitMs: 500,
    minBytes: 1,
    concurrency: 8,
    ranges,
  };
  try {
    const clusterId = await withExplanation(explain, admin.clusterId());
    const topicId = await withExplanation(explain, admin.id());
    const audit = openAudit(sql, { schema: postgresql.schema, clusterId, topic });
    const verified = await runVerify({
      topic,
      topicId,
      kafka: {
        ranges,
        isCompacted,
        read: (handler, signal) => readTopic(kafka, handler, { ...options, topicId }, signal),
      },
      postgres: {
        sources: async () => {
          const sources = await bounded(audit.sources());
          await noteStandby();
          return sources;
        },
        held: (...range) => bounded(audit.held(...range)),
      },
      reporter,
      system,
      stdout: reportOutput(context),
    });
    await admin.forgetGroup(group);
    if (!verified) return { summary: null, openEnded: false };
    const { accounts, lag, failure } = verified;
    return { summary: { partitions: accounts, lag }, failure, openEnded: false };
  } catch (error) {
    throw explainSql(explain(error));
  } finally {
    await Promise.allSettled([admin.close(), close()]);
  }
}
