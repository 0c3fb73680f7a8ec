import { type Address, plain, serve } from "./http.ts";
import { type Health, Histogram, isReady, metricsText } from "./metrics.ts";
import { version } from "../../version.ts";
import type { CommandContext } from "../context.ts";

/** A consumer that can be looked at from outside. */
export interface Watch {
  /** To be told how to look at it, once it has begun. */
  watched(look: () => Health): void;
  /** A statement, whose duration is kept. */
  timed<T>(work: Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Serves /metrics, /ready and /live. */
export async function openWatch(
  address: Address,
  { system: system, reporter: reporter }: CommandContext,
): Promise<Watch> {
  const statements = new Histogram();
  let look: (() => Health) | null = null;
  const health = () => look?.() ?? null;
  const server = await serve(address, {
    "/metrics": () => ({
      status: 200,
      type: "text/plain; version=0.0.4; charset=utf-8",
      body: metricsText(health(), statements, version),
    }),
    "/ready": () => isReady(health()) ? plain(200, "ready") : plain(503, "not ready"),
    "/live": () => plain(200, "live"),
  });
  reporter.note(`listening on http://${server.address}`);
  return {
    watched: (means) => void (look = means),
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
