import { livePage } from "../../formats/live_page.ts";
import type { Tiles } from "../../formats/tiles.ts";
import type { Step } from "../../postgres/store.ts";
import { type Address, plain, serve } from "./http.ts";
import { createGuard, isLoopback } from "./http_guard.ts";
import { Feed, type FeedRows, type FeedRun } from "./live/feed.ts";
import { type Health, readiness } from "./health.ts";
import { Histogram, metricsText } from "./metrics.ts";
import { version } from "../../version.ts";
import type { CommandContext } from "../context.ts";

/** The HTTP server for metrics and probes. */
export interface MetricsServer {
  /** Called once the consumer has started: how to read its health, and more for the page. */
  started(health: () => Health, run: FeedRun): void;
  /** Called when a step is in the database. */
  settled(step: Step): void;
  /** Measures the duration of a statement. */
  timed<T>(work: Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Serves the page, /metrics, /ready and /live. */
export async function openMetricsServer(
  { address, tiles }: { address: Address; tiles: Tiles | null },
  { settings, system, reporter }: Pick<CommandContext, "settings" | "system" | "reporter">,
  rows: FeedRows,
): Promise<MetricsServer> {
  const { kafka: { topic, groupId: group }, destination, http: { token } } = settings;
  const statements = new Histogram();
  const startedAt = system.now();
  let readHealth: (() => Health) | null = null;
  const health = () => readHealth?.() ?? null;
  const table = `${destination}, routes_table`;
  const about = { version, topic, group, table, startedAt };
  const feed = new Feed({ about, rows, system });
  const page = livePage(tiles);
  const pages = {
    "/": () => ({ status: 200, type: "text/html; charset=utf-8", ...page }),
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
  };
  const server = await serve(address, {
    pages,
    streams: { "/events": (stream) => feed.accept(stream) },
    guard: createGuard(address, token, { open: ["/live"], monitoring: ["/metrics", "/ready"] }),
  });
  reporter.note(`listening on http://${server.address}`);
  // Not the token itself: these lines are often kept in a log.
  if (token !== null) {
    reporter.note(
      `a browser needs the token once: http://${server.address}/?token=TOKEN, ` +
        "where TOKEN is [http] token or ROUTES_HTTP_TOKEN",
    );
  }
  if (!isLoopback(address) && token === null) {
    reporter.warn(
      `--http ${server.address}: everyone who reaches that port sees the positions of all users; ` +
        "http.token or ROUTES_HTTP_TOKEN protects them",
      "settings",
    );
  }
  return {
    started: (read, run) => {
      readHealth = read;
      feed.started(run);
    },
    settled: (step) => feed.settled(step),
    timed: async (work) => {
      const startedAt = system.clock();
      try {
        return await work;
      } finally {
        statements.add((system.clock() - startedAt) / 1000);
      }
    },
    close: () => {
      feed.close();
      return server.close();
    },
  };
}
