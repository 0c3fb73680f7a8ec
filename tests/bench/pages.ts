import { freePort } from "../support/child.ts";
import { type Bench, type Figure, fill, rateOf, reset, routes } from "./rows.ts";

const CLIENTS = 3;
const RETRY_MS = 50;

/** What three open pages cost `consume` at full rate. */
export async function pages(bench: Bench): Promise<Figure[]> {
  await fill(bench);
  const run = async (clients: number) => {
    await reset(bench.workspace);
    const port = freePort();
    const stop = new AbortController();
    const readers = Array.from({ length: clients }, () => readFrames(port, stop.signal));
    const cost = await routes(bench.workspace, `consume --http ${port}`);
    stop.abort();
    const frames = (await Promise.all(readers)).reduce((sum, bytes) => sum + bytes, 0);
    if (clients > 0 && frames === 0) throw new Error("no page got a frame");
    return rateOf(cost, bench.records);
  };
  const without = await run(0);
  const { value, cpu } = await run(CLIENTS);
  return [{
    what: "consume, three pages open",
    ours: value,
    cpu,
    unit: "rows/s",
    peer: { name: "no page open", ...without },
    wanted: { atLeast: 0.97 },
  }];
}

/** Reads what a page gets until the signal; returns its bytes. */
async function readFrames(port: number, signal: AbortSignal): Promise<number> {
  let bytes = 0;
  while (!signal.aborted) {
    try {
      const { body } = await fetch(`http://127.0.0.1:${port}/events`, { signal });
      for await (const chunk of body!) bytes += chunk.length;
    } catch {
      // It is not up yet, or has ended.
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
  return bytes;
}
