import type { Checked } from "../../cli/parse.ts";
import { openKafka } from "../../kafka/connect.ts";
import { explainKafka } from "../../kafka/errors.ts";
import { openTopic } from "../../kafka/topic.ts";
import type { Finding } from "../../network/certificates.ts";
import { within } from "../../network/sockets.ts";
import type { Client } from "../../postgres/connect.ts";
import { explainPostgres } from "../../postgres/errors.ts";
import { openStore } from "../../postgres/store.ts";
import type { Settings } from "../../settings/settings.ts";
import { withExplanation } from "../context.ts";
import type { CheckStep } from "./check.ts";
import { viewGroup } from "./group_view.ts";
import type { CheckContext } from "./steps.ts";

/** The step about the consumer group, which needs Kafka and PostgreSQL; `command` consume shows all partitions. */
export function groupSteps(
  settings: Settings,
  sql: Client["sql"],
  command: Checked | null,
  context: CheckContext,
): CheckStep[] {
  const explain = (error: unknown) =>
    explainPostgres(explainKafka(error, settings.kafka), settings.postgresql);
  const run = () =>
    withExplanation(explain, lookAtGroup(settings, sql, command === "consume", context));
  return [{ name: "group", title: "consumer group", needsAll: true, run }];
}

async function lookAtGroup(
  { kafka: { topic, groupId, ...rest }, postgresql, destination }: Settings,
  sql: Client["sql"],
  isWhole: boolean,
  { system: { readFile }, reporter: { log }, timeoutMs, cleanups }: CheckContext,
): Promise<Finding> {
  const kafka = openKafka({ topic, groupId, ...rest }, { readFile, log, timeoutMs });
  const broker = rest.brokers.join(", ");
  const admin = await within(timeoutMs, openTopic(kafka, topic), { broker });
  cleanups.push(admin.close);
  const clusterId = await admin.clusterId();
  const store = openStore(sql, { schema: postgresql.schema, clusterId, topic });
  const [sources, members, ranges, committed] = await Promise.all([
    store.sources(),
    admin.members(groupId),
    admin.ranges(),
    admin.committed(groupId),
  ]);
  const positions = new Map(sources.map(({ partition, nextOffset }) => [partition, nextOffset]));
  const state = { members, ranges, positions, committed };
  return viewGroup(state, { groupId, topic, destination }, isWhole);
}
