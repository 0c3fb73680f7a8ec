import type { Step } from "../../../postgres/store.ts";
import type { System } from "../../../system.ts";
import { type EventStream, type Page, plain } from "../http.ts";
import { BUCKET_S, History } from "./history.ts";
import { LastFixes, type LastRow, TAIL_S, TAILS_MAX } from "./last_fixes.ts";
import type { Status } from "./status.ts";

/** What does not change during a run. */
export interface About {
  version: string;
  topic: string;
  group: string;
  table: string;
  /** Milliseconds since 1970. */
  startedAt: number;
}

/** What a feed reads from the table. */
export interface FeedRows {
  /** The last fix of each user, newest first, in batches, at most `count`. */
  last(count: number, signal: AbortSignal): AsyncIterable<LastRow[]>;
  /** The fixes since a time in seconds, newest first, in batches, at most `count`. */
  since(seconds: number, count: number, signal: AbortSignal): AsyncIterable<LastRow[]>;
}

/** What a feed shows. */
export interface FeedSource {
  about: About;
  rows: FeedRows;
  system: Pick<System, "now" | "clock" | "sleep">;
}

/** What a feed asks of a run. */
export interface FeedRun {
  status(): Status;
  partitionOf(source: number): number | null;
}

const CLIENTS_MAX = 16;
/** More would be no picture, and takes the browser too long. */
const USERS_MAX = 20_000;
const FRAME_MS = 250;
/** Shows a page that this process still runs. */
const BEAT_MS = 2_000;
const RETRY_MS = 5_000;

interface Client {
  stream: EventStream;
  /** Whether it has missed a frame, or had none yet: it gets the whole picture next. */
  isBehind: boolean;
  /** Whether that includes the tails, which a page keeps that has had them. */
  needsTails: boolean;
}

/** Sends the state of a run to pages, at most four times a second and only what has changed. Without a page it only counts. */
export class Feed {
  readonly #source: FeedSource;
  readonly #history: History;
  readonly #clients = new Set<Client>();
  #run: FeedRun | null = null;
  /** The last fixes; null: no page is open. */
  #fixes: LastFixes | null = null;
  #isLoaded = false;
  /** Aborted when the last page closes. */
  #open = new AbortController();
  /** The parts of the state as they were last sent. */
  #sent = new Map<string, string>();
  #sentAt = 0;
  #isStopped = false;

  constructor(source: FeedSource) {
    this.#source = source;
    this.#history = new History(source.system.clock);
  }

  /** The run has started. */
  started(run: FeedRun): void {
    this.#run = run;
  }

  /** A step is in the database. */
  settled(step: Step): void {
    this.#history.settled(step);
    this.#fixes?.add(step.validated.points);
  }

  /** Adds a page, or says why not. */
  accept(stream: EventStream): Page | null {
    if (this.#isStopped) return plain(503, "the run has ended");
    if (this.#clients.size >= CLIENTS_MAX) {
      return plain(503, `${CLIENTS_MAX} pages are open: close one`);
    }
    const client = { stream, isBehind: true, needsTails: true };
    this.#clients.add(client);
    stream.onClose(() => this.#leave(client));
    if (this.#clients.size === 1) this.#begin();
    return null;
  }

  /** The run has ended: tells the pages. */
  close(): void {
    this.#isStopped = true;
    this.#open.abort();
    for (const { stream } of this.#clients) {
      stream.send("event: stopped\ndata: {}\n\n");
      stream.end();
    }
    this.#clients.clear();
    this.#fixes = null;
  }

  #leave(client: Client): void {
    this.#clients.delete(client);
    if (this.#clients.size > 0) return;
    this.#open.abort();
    this.#fixes = null;
  }

  #begin(): void {
    this.#open = new AbortController();
    this.#fixes = new LastFixes(USERS_MAX);
    this.#isLoaded = false;
    this.#sent.clear();
    // A fault of the page must not end the run.
    this.#send(this.#open.signal).catch(() => this.close());
    void this.#load(this.#fixes, this.#open.signal);
  }

  /** Reads the last fixes from the table; records that are stored meanwhile are newer and win. */
  async #load(fixes: LastFixes, signal: AbortSignal): Promise<void> {
    const { rows, system } = this.#source;
    while (!signal.aborted) {
      try {
        let newest: unknown = null;
        for await (const batch of rows.last(USERS_MAX, signal)) {
          newest ??= batch[0]?.[1];
          fixes.load(batch);
        }
        if (Number.isFinite(newest)) await this.#loadTails(fixes, newest as number, signal);
        if (signal.aborted) return;
        this.#isLoaded = true;
        for (const client of this.#clients) client.isBehind = client.needsTails = true;
        return;
      } catch {
        // The run meets the same failure and says what it waits for.
        await system.sleep(RETRY_MS, signal);
      }
    }
  }

  async #loadTails(fixes: LastFixes, newest: number, signal: AbortSignal): Promise<void> {
    const found: LastRow[] = [];
    for await (const batch of this.#source.rows.since(newest - TAIL_S, TAILS_MAX, signal)) {
      found.push(...batch);
    }
    fixes.loadTails(found.reverse());
  }

  async #send(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#frame();
      await this.#source.system.sleep(FRAME_MS, signal);
    }
  }

  #frame(): void {
    const fixes = this.#fixes!;
    const now = this.#source.system.now();
    const parts = this.#parts();
    const changed = Object.entries(parts).filter(([name, text]) => this.#sent.get(name) !== text);
    for (const [name, text] of changed) this.#sent.set(name, text);
    const moved = fixes.takeMoved();
    const isDue = changed.length > 0 || moved || now - this.#sentAt >= BEAT_MS;
    if (isDue) this.#sentAt = now;
    const change = isDue
      ? encode([["now", `${now}`], ...changed, ...moved ? [fixesPart(moved)] : []])
      : null;
    const wholes: { plain?: string; withTails?: string } = {};
    for (const client of this.#clients) {
      // What has not left the process is all that ever waits for a client: one frame.
      if (client.stream.isBusy) client.isBehind = true;
      else if (client.isBehind) {
        const kind = client.needsTails ? "withTails" : "plain";
        client.stream.send(wholes[kind] ??= this.#whole(now, parts, client.needsTails));
        client.isBehind = client.needsTails = false;
      } else if (change) client.stream.send(change);
    }
  }

  #whole(now: number, parts: Record<string, string>, withTails: boolean): string {
    const fixes = this.#fixes!;
    return encode([
      ["now", `${now}`],
      ["about", JSON.stringify(this.#source.about)],
      ...Object.entries(parts),
      ...withTails ? [["tails", JSON.stringify(fixes.tails())] as [string, string]] : [],
      fixesPart(fixes.all()),
    ]);
  }

  /** The parts of the state as JSON. */
  #parts(): Record<string, string> {
    const status = this.#run?.status() ?? null;
    const rejects = this.#history.rejects.map(({ source, ...reject }) => ({
      partition: this.#run?.partitionOf(source) ?? null,
      ...reject,
    }));
    const parts = {
      state: status ? "running" : "starting",
      counts: status?.counts ?? null,
      lag: status?.lag ?? null,
      wait: status?.wait ?? null,
      rejects,
      rate: { seconds: BUCKET_S, counts: this.#history.counts },
      users: { isLoaded: this.#isLoaded, isFull: this.#fixes!.isFull, max: USERS_MAX },
    };
    return Object.fromEntries(
      Object.entries(parts).map(([name, value]) => [name, JSON.stringify(value)]),
    );
  }
}

function fixesPart(columns: ReturnType<LastFixes["all"]>): [string, string] {
  return ["fixes", JSON.stringify(columns)];
}

function encode(parts: [name: string, json: string][]): string {
  return `data: {${parts.map(([name, json]) => `"${name}":${json}`)}}\n\n`;
}
