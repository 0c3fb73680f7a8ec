import { Buffer } from "node:buffer";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { Statements } from "./statements.ts";

/** What the network does to one direction; the terms are those of Toxiproxy. */
export interface Toxics {
  /** The delay of each piece. */
  latencyMs?: number;
  bytesPerSecond?: number;
  /** The largest size of a piece. */
  sliceBytes?: number;
  /** The connection is reset after this many bytes. */
  limitBytes?: number;
  /** Bytes are held back, and nothing is refused. */
  blackHole?: boolean;
  /** The delay of the end of the stream. */
  slowCloseMs?: number;
}

/** Ends a connection at the client statement for which `at` returns true. */
export interface Cut {
  at(text: string): boolean;
  /** Before the server gets the statement; before the client gets the answer; or after that. */
  moment: "before statement" | "before answer" | "after answer";
}

/** A TCP proxy that simulates network faults; it can parse the statements of PostgreSQL clients. */
export interface Proxy {
  port: number;
  /** The port of the server, for future connections. */
  target: number;
  /** For open and future connections: from client to server. */
  up: Toxics;
  /** The same from server to client. */
  down: Toxics;
  /** The next cut; null once it has happened. */
  cut: Cut | null;
  /** How many cuts have happened. */
  cuts: number;
  open: number;
  /** Whether new connections are refused. */
  refusing: boolean;
  /** Resets every open connection. */
  reset(): void;
  /** Silently drops all bytes of the connections that are open now; later connections work. */
  dropOpen(): void;
  close(): Promise<void>;
}

/** Time for an answer to arrive. */
const ARRIVAL_MS = 5;

/** Listens on `port` of 127.0.0.1 and passes everything to `target`. Cuts need `speaks: "PostgreSQL"`. */
export async function openProxy(
  options: { target: number; port?: number; speaks?: "PostgreSQL" },
): Promise<Proxy> {
  const links = new Set<Link>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (proxy.refusing) return void client.resetAndDestroy();
    const link = new Link(client, proxy.target, proxy, options.speaks === "PostgreSQL");
    links.add(link);
    link.ended.then(() => links.delete(link));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const proxy: Proxy = {
    port: (server.address() as { port: number }).port,
    target: options.target,
    up: {},
    down: {},
    cut: null,
    cuts: 0,
    get open() {
      return links.size;
    },
    refusing: false,
    reset: () => links.forEach((link) => link.reset()),
    dropOpen: () => links.forEach((link) => link.dropOpen()),
    close: async () => {
      const ended = [...links].map((link) => link.ended);
      links.forEach((link) => link.reset());
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await Promise.all(ended);
    },
  };
  return proxy;
}

/** A client connection and the matching server connection. */
class Link {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #closed = new AbortController();
  readonly #statements: Statements | null;
  readonly #proxy: Proxy;
  /** Set by a cut before the answer: bytes of the server are parsed, but not passed on. */
  #dropsAnswers = false;
  /** Set by a cut after the answer: the connection ends once the answer is complete. */
  #endsAfterAnswer = false;
  #dropped = false;
  /** Settles when both sides are closed and no bytes are in between. */
  readonly ended: Promise<unknown>;

  constructor(client: Socket, target: number, proxy: Proxy, parses: boolean) {
    this.#statements = parses ? new Statements() : null;
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
      this.#pump(client, this.#server, () => proxy.up, (bytes) => this.#fromClient(bytes)),
      this.#pump(this.#server, client, () => proxy.down, (bytes) => this.#fromServer(bytes)),
    ]);
  }

  /** Ends both sides at once, with RST. */
  reset(): void {
    for (const socket of [this.#client, this.#server]) {
      if (!socket.destroyed) socket.resetAndDestroy();
    }
  }

  /** Accepts bytes and drops them, like a firewall that has lost its state. */
  dropOpen(): void {
    this.#dropped = true;
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
        // A delay must not keep the next piece from being read.
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

  /** Ends early when both sides are closed. */
  async #sleep(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#closed.signal }).catch(() => {});
  }

  /** Returns the bytes to pass to the server, up to a cut; null for none. */
  #fromClient(bytes: Buffer): Buffer | null {
    if (this.#dropsAnswers || this.#dropped) return null;
    const { cut } = this.#proxy;
    for (const { text, end } of this.#statements?.client(bytes) ?? []) {
      if (!cut || this.#proxy.cut !== cut || !cut.at(text)) continue;
      this.#proxy.cut = null;
      this.#endsAfterAnswer = cut.moment === "after answer";
      this.#dropsAnswers = !this.#endsAfterAnswer;
      if (cut.moment === "before statement") {
        this.#proxy.cuts++;
        this.reset();
        return null;
      }
      return bytes.subarray(0, end);
    }
    return bytes;
  }

  /** Returns the bytes to pass to the client. When the server is ready again, it has executed the statement. */
  #fromServer(bytes: Buffer): Buffer | null {
    const ready = this.#statements?.server(bytes) ?? false;
    if (this.#dropped) return null;
    if (this.#endsAfterAnswer && ready) {
      this.#proxy.cuts++;
      void this.#sleep(ARRIVAL_MS).then(() => this.reset());
    }
    if (!this.#dropsAnswers) return bytes;
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
