import { assertEquals } from "@std/assert";
import {
  type Health,
  Histogram,
  isReady,
  metricsText,
} from "../../../src/commands/consume/metrics.ts";

const health: Health = {
  read: 16,
  stored: 12,
  rejected: 3,
  tombstones: 1,
  reasons: { utf8: 1, db_22003: 2 },
  lags: new Map([[0, 7], [2, null], [3, 0]]),
  settledMs: 1_500,
  stuckMs: 0,
  isBlocked: false,
};

Deno.test("metricsText() writes all metrics in the text format of Prometheus", () => {
  const statements = new Histogram();
  for (const seconds of [0.002, 0.25, 40]) statements.add(seconds);
  assertEquals(
    metricsText(health, statements, "1.2.3"),
    `# HELP routes_info The program.
# TYPE routes_info gauge
routes_info{version="1.2.3"} 1
# HELP routes_records_total Records settled by this process.
# TYPE routes_records_total counter
routes_records_total{outcome="stored"} 12
routes_records_total{outcome="rejected"} 3
routes_records_total{outcome="tombstone"} 1
# HELP routes_rejects_total Rejects of this process by code.
# TYPE routes_rejects_total counter
routes_rejects_total{code="utf8"} 1
routes_rejects_total{code="db_22003"} 2
# HELP routes_lag_records Records not yet settled, whichever process owns the partition; absent while unknown.
# TYPE routes_lag_records gauge
routes_lag_records{partition="0"} 7
routes_lag_records{partition="3"} 0
# HELP routes_seconds_since_settled Time since the last record was settled, or the start.
# TYPE routes_seconds_since_settled gauge
routes_seconds_since_settled 1.5
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
  const text = metricsText(null, new Histogram(), 'a"b\\c\nd');
  assertEquals(text.split("\n")[2], 'routes_info{version="a\\"b\\\\c\\nd"} 1');
});

Deno.test("isReady() is false before the start, and when records wait and none was settled for a minute", () => {
  assertEquals(isReady(null), false);
  assertEquals(isReady({ ...health, stuckMs: 59_999 }), true);
  assertEquals(isReady({ ...health, stuckMs: 60_000 }), false);
  assertEquals(isReady({ ...health, stuckMs: 60_000, lags: new Map([[0, 0]]) }), true);
});
