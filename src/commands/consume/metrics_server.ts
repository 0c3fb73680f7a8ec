import { type Address, plain, serve } from "./http.ts";
import { type Health, readiness } from "./health.ts";
import { Histogram, metricsText } from "./metrics.ts";
import { version } from "../../version.ts";
import type { CommandContext } from "../context.ts";

/** The HTTP server for metrics and probes. */
export interface MetricsServer {
  /** Called once the consumer has started: how to read its health. */
  started(health: () => Health): void;
  /** Measures the duration of a statement. */
  timed<T>(work: Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Serves /metrics, /ready and /live. */
export async function openMetricsServer(
  address: Address,
  { system, reporter }: Pick<CommandContext, "system" | "reporter">,
): Promise<MetricsServer> {
  const statements = new Histogram();
  const startedAt = system.now();
  let readHealth: (() => Health) | null = null;
  const health = () => readHealth?.() ?? null;
  const server = await serve(address, {
    "/metrics": () => ({
      status: 200,
      type: "text/plain; version=0.0.4; charset=utf-8",
      body: metricsText(health(), statements, {
        version,
        runtime: system.runtime,
        startedAt,
        residentBytes: system.residentBytes(),
      }),
    }),
    "/ready": () => {
      const answer = readiness(health());
      const body = JSON.stringify(answer) + "\n";
      return { status: answer.ready ? 200 : 503, type: "application/json", body };
    },
    "/live": () => plain(200, "live"),
  });
  reporter.note(`listening on http://${server.address}`);
  return {
    started: (read) => void (readHealth = read),
    timed: async (work) => {
      const startedAt = system.clock();
      try {
        return await work;
      } finally {
        statements.add((system.clock() - startedAt) / 1000);
      }
    },
    close: server.close,
  };
}
