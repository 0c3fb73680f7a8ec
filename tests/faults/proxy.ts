import { Buffer } from "node:buffer";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { Statements } from "./statements.ts";

/** What the network does to one direction; Toxiproxy's words and meanings. */
export interface Toxics {
  /** Each piece arrives so much later. */
  latencyMs?: number;
  bytesPerSecond?: number;
  /** Pieces no larger than this, each on its own. */
  sliceBytes?: number;
  /** The connection is reset after so many bytes. */
  limitBytes?: number;
  /** Nothing passes and nothing is refused. */
  blackHole?: boolean;
  /** The end of the stream arrives so much later. */
  slowCloseMs?: number;
}

/** Where to cut a connection: at the client statement for which `at` is true. */
export interface Cut {
  at(text: string): boolean;
  /** The server never sees the statement, or carries it out and its answer is lost, or arrives before the end. */
  outcome: "lost" | "done" | "told";
}

/** A TCP proxy that can do to bytes what networks do; it understands what PostgreSQL's clients say. */
export interface Proxy {
  port: number;
  /** Of what is open and of what comes, from now on. */
  up: Toxics;
  down: Toxics;
  /** Asked for each statement of each client; set by whoever wants to cut. */
  cut: Cut | null;
  /** How many times it was cut. */
  cuts: number;
  open: number;
  /** Refuse new connections. */
  refusing: boolean;
  /** Resets every open connection. */
  reset(): void;
  /** From what is open now nothing comes out any more, on neither side; what is opened later works. */
  strand(): void;
  close(): Promise<void>;
}

/** By then an answer is where it should be. */
const ARRIVAL_MS = 5;

/** Listens on `port` of 127.0.0.1 and passes everything to `target`; only where PostgreSQL is spoken can it be cut. */
export async function openProxy(
  options: { target: number; port?: number; speaks?: "PostgreSQL" },
): Promise<Proxy> {
  const links = new Set<Link>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (proxy.refusing) return void client.resetAndDestroy();
    const link = new Link(client, options.target, proxy, options.speaks === "PostgreSQL");
    links.add(link);
    link.ended.then(() => links.delete(link));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const proxy: Proxy = {
    port: (server.address() as { port: number }).port,
    up: {},
    down: {},
    cut: null,
    cuts: 0,
    get open() {
      return links.size;
    },
    refusing: false,
    reset: () => links.forEach((link) => link.reset()),
    strand: () => links.forEach((link) => link.strand()),
    close: async () => {
      const ended = [...links].map((link) => link.ended);
      links.forEach((link) => link.reset());
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await Promise.all(ended);
    },
  };
  return proxy;
}

/** One client and its own connection to the server. */
class Link {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #closed = new AbortController();
  readonly #statements: Statements | null;
  readonly #proxy: Proxy;
  /** After a cut whose statement was carried out: what the server says is only listened to. */
  #deaf = false;
  /** After a cut whose answer arrives: it is the last. */
  #last = false;
  #stranded = false;
  /** Settles when both sides are closed and nothing is under way between them. */
  readonly ended: Promise<unknown>;

  constructor(client: Socket, target: number, proxy: Proxy, understands: boolean) {
    this.#statements = understands ? new Statements() : null;
    this.#client = client;
    this.#proxy = proxy;
    this.#server = connect({ host: "127.0.0.1", port: target, noDelay: true, allowHalfOpen: true });
    client.setNoDelay(true);
    for (const socket of [client, this.#server]) {
      socket.on("error", () => this.reset());
      socket.on("close", () => this.#end());
    }
    this.ended = Promise.all([
      new Promise((resolve) => this.#closed.signal.addEventListener("abort", resolve)),
      this.#pump(client, this.#server, () => proxy.up, (bytes) => this.#heed(bytes)),
      this.#pump(this.#server, client, () => proxy.down, (bytes) => this.#listen(bytes)),
    ]);
  }

  /** Ends both sides at once, with a RST. */
  reset(): void {
    for (const socket of [this.#client, this.#server]) {
      if (!socket.destroyed) socket.resetAndDestroy();
    }
  }

  /** Takes everything in and lets nothing out, as a firewall does that has forgotten a connection. */
  strand(): void {
    this.#stranded = true;
  }

  #end(): void {
    if (!this.#client.destroyed) this.#client.end(() => this.#client.destroy());
    if (!this.#server.destroyed) this.#server.end(() => this.#server.destroy());
    if (this.#client.destroyed && this.#server.destroyed) this.#closed.abort();
  }

  async #pump(
    from: Socket,
    to: Socket,
    toxics: () => Toxics,
    filter: (bytes: Buffer) => Buffer | null,
  ): Promise<void> {
    let passed = 0;
    let queue = Promise.resolve();
    try {
      for await (const chunk of from) {
        const arrivedAt = performance.now();
        const bytes = filter(chunk as Buffer);
        if (!bytes || bytes.length === 0) continue;
        // What is late is late, but the next piece may already be read.
        queue = queue.then(async () => {
          for (const piece of slices(bytes, toxics().sliceBytes)) {
            await this.#delay(arrivedAt, piece.length, toxics);
            const { limitBytes = Infinity } = toxics();
            passed += piece.length;
            if (passed > limitBytes) return this.reset();
            if (!to.destroyed && !to.write(piece)) await drained(to);
          }
        });
        if ((toxics().bytesPerSecond ?? Infinity) < Infinity || toxics().blackHole) await queue;
      }
      await queue;
      if (toxics().slowCloseMs) await this.#sleep(toxics().slowCloseMs!);
      if (!to.destroyed) to.end();
    } catch {
      this.reset();
    }
    await queue;
  }

  async #delay(arrivedAt: number, size: number, toxics: () => Toxics): Promise<void> {
    while (toxics().blackHole && !this.#client.destroyed) await this.#sleep(20);
    const { latencyMs = 0, bytesPerSecond = Infinity } = toxics();
    const late = arrivedAt + latencyMs - performance.now();
    const waitMs = Math.max(late, 0) + size / bytesPerSecond * 1000;
    if (waitMs >= 1) await this.#sleep(waitMs);
  }

  /** No longer than until both sides are closed. */
  async #sleep(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#closed.signal }).catch(() => {});
  }

  /** What the client says goes on to the server up to where it is cut; null: nothing does. */
  #heed(bytes: Buffer): Buffer | null {
    if (this.#deaf || this.#stranded) return null;
    const { cut } = this.#proxy;
    for (const { text, end } of this.#statements?.client(bytes) ?? []) {
      if (!cut || this.#proxy.cut !== cut || !cut.at(text)) continue;
      this.#proxy.cut = null;
      this.#last = cut.outcome === "told";
      this.#deaf = !this.#last;
      if (cut.outcome === "lost") {
        this.#proxy.cuts++;
        this.reset();
        return null;
      }
      return bytes.subarray(0, end);
    }
    return bytes;
  }

  /** What the server says is lost after a cut; once it is ready for more, the statement has been carried out. */
  #listen(bytes: Buffer): Buffer | null {
    const ready = this.#statements?.server(bytes) ?? false;
    if (this.#stranded) return null;
    if (this.#last && ready) {
      this.#proxy.cuts++;
      void this.#sleep(ARRIVAL_MS).then(() => this.reset());
    }
    if (!this.#deaf) return bytes;
    if (ready) {
      this.#proxy.cuts++;
      this.reset();
    }
    return null;
  }
}

function* slices(bytes: Buffer, size = Infinity): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) {
    yield bytes.subarray(at, Math.min(at + size, bytes.length));
    if (size === Infinity) return;
  }
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      socket.off("drain", end);
      socket.off("close", end);
      resolve();
    };
    socket.on("drain", end);
    socket.on("close", end);
  });
}
