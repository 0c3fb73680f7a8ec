import { assertEquals } from "@std/assert";
import type { Health } from "../../../src/commands/consume/health.ts";
import { Histogram, metricsText } from "../../../src/commands/consume/metrics.ts";

const info = {
  version: "1.2.3",
  runtime: "deno 2.9.6",
  startedAt: 1_700_000_000_000,
  residentBytes: 104_857_600,
};

const health: Health = {
  read: 16,
  stored: 12,
  rejected: 3,
  tombstones: 1,
  reasons: { utf8: 1, db_22003: 2 },
  lag: null,
  lags: new Map([[0, 7], [2, null], [3, 0]]),
  lagKnownAt: 1_700_000_001_500,
  settledMs: 1_500,
  waitingMs: 1_500,
  isProven: true,
  isBlocked: false,
  wait: { reason: "postgresql", text: "PostgreSQL: gone", ms: 4_500 },
  silentMs: { kafka: 14_999, postgresql: 15_000 },
  assignedPartitions: 2,
  topicPartitions: 3,
};

Deno.test("metricsText() writes all metrics in the text format of Prometheus", () => {
  const statements = new Histogram();
  for (const seconds of [0.002, 0.25, 40]) statements.add(seconds);
  assertEquals(
    metricsText(health, statements, info),
    `# HELP routes_build_info The program and its runtime.
# TYPE routes_build_info gauge
routes_build_info{version="1.2.3",runtime="deno 2.9.6"} 1
# HELP process_start_time_seconds When the process started.
# TYPE process_start_time_seconds gauge
process_start_time_seconds 1700000000
# HELP process_resident_memory_bytes Memory of the process.
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 104857600
# HELP routes_records_total Records settled by this process.
# TYPE routes_records_total counter
routes_records_total{outcome="stored"} 12
routes_records_total{outcome="rejected"} 3
routes_records_total{outcome="tombstone"} 1
# HELP routes_rejects_total Rejects of this process by code.
# TYPE routes_rejects_total counter
routes_rejects_total{code="utf8"} 1
routes_rejects_total{code="db_22003"} 2
# HELP routes_seconds_since_settled Time since the last record was settled, or the start.
# TYPE routes_seconds_since_settled gauge
routes_seconds_since_settled 1.5
# HELP routes_lag_records Records not yet settled, whichever process owns the partition; absent while unknown.
# TYPE routes_lag_records gauge
routes_lag_records{partition="0"} 7
routes_lag_records{partition="3"} 0
# HELP routes_lag_known_timestamp_seconds When Kafka and PostgreSQL last told the lag.
# TYPE routes_lag_known_timestamp_seconds gauge
routes_lag_known_timestamp_seconds 1700000001.5
# HELP routes_assigned_partitions Partitions of this process.
# TYPE routes_assigned_partitions gauge
routes_assigned_partitions 2
# HELP routes_topic_partitions Partitions of the topic.
# TYPE routes_topic_partitions gauge
routes_topic_partitions 3
# HELP routes_up Whether the service has answered in the last 15 seconds.
# TYPE routes_up gauge
routes_up{service="kafka"} 1
routes_up{service="postgresql"} 0
# HELP routes_waiting_seconds How long records have waited, by what for.
# TYPE routes_waiting_seconds gauge
routes_waiting_seconds{reason="postgresql"} 4.5
routes_waiting_seconds{reason="kafka"} 0
routes_waiting_seconds{reason="group"} 0
routes_waiting_seconds{reason="members"} 0
routes_waiting_seconds{reason="records"} 0
# HELP routes_statement_seconds Duration of the statements that settle records.
# TYPE routes_statement_seconds histogram
routes_statement_seconds_bucket{le="0.001"} 0
routes_statement_seconds_bucket{le="0.0025"} 1
routes_statement_seconds_bucket{le="0.005"} 1
routes_statement_seconds_bucket{le="0.01"} 1
routes_statement_seconds_bucket{le="0.025"} 1
routes_statement_seconds_bucket{le="0.05"} 1
routes_statement_seconds_bucket{le="0.1"} 1
routes_statement_seconds_bucket{le="0.25"} 2
routes_statement_seconds_bucket{le="0.5"} 2
routes_statement_seconds_bucket{le="1"} 2
routes_statement_seconds_bucket{le="2.5"} 2
routes_statement_seconds_bucket{le="5"} 2
routes_statement_seconds_bucket{le="10"} 2
routes_statement_seconds_bucket{le="30"} 2
routes_statement_seconds_bucket{le="+Inf"} 3
routes_statement_seconds_sum 40.252
routes_statement_seconds_count 3
`,
  );
});

Deno.test("metricsText() escapes special characters in label values", () => {
  const text = metricsText(null, new Histogram(), { ...info, version: 'a"b\\c\nd' });
  const line = 'routes_build_info{version="a\\"b\\\\c\\nd",runtime="deno 2.9.6"} 1';
  assertEquals(text.split("\n")[2], line);
});
