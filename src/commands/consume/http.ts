import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, isIPv6 } from "node:net";
import type { ConsumeOptions } from "../../cli/commands/consume.ts";
import { OperationalError } from "../../errors.ts";

/** Where to listen; port 0 means any free port. */
export type Address = NonNullable<ConsumeOptions["http"]>;

/** An HTTP response. */
export interface Page {
  status: number;
  type: string;
  body: string;
  headers?: Record<string, string>;
}

/** What a request asks for, and as whom. */
export interface Request {
  path: string;
  query: URLSearchParams;
  /** Names in lower case; null: not sent. */
  header(name: "host" | "authorization" | "cookie"): string | null;
}

/** A response that stays open and gets Server-Sent Events. */
export interface EventStream {
  /** Whether what was sent has not left yet: a slow client. */
  readonly isBusy: boolean;
  send(text: string): void;
  end(): void;
  onClose(call: () => void): void;
}

/** What a server serves. */
export interface Site {
  pages: Record<string, () => Page>;
  /** Accepts a stream, or returns why not. */
  streams?: Record<string, (stream: EventStream) => Page | null>;
  /** Called before anything is built; returns the answer to a request that is refused. */
  guard?: (request: Request) => Page | null;
}

/** A listening server. */
interface Server {
  /** `host:port`, with the actual port. */
  address: string;
  close(): Promise<void>;
}

/** Prometheus and an orchestrator need a handful; more would use up the file descriptors of the consumer. */
const CONNECTIONS_MAX = 64;
/** A client that sends nothing for this long loses its connection. */
const IDLE_MAX_MS = 10_000;

/** Answers GET and HEAD with the page of the path, which is built for each request; streams answer only GET. */
export async function serve(
  { host, port }: Address,
  { pages, streams = {}, guard = () => null }: Site,
): Promise<Server> {
  const timeouts = {
    headersTimeout: IDLE_MAX_MS,
    requestTimeout: IDLE_MAX_MS,
    keepAliveTimeout: IDLE_MAX_MS,
    connectionsCheckingInterval: IDLE_MAX_MS / 10,
  };
  const paths = [...Object.keys(pages), ...Object.keys(streams)];
  const server = createServer(timeouts, (incoming, response) => {
    const { method } = incoming;
    if (method !== "GET" && method !== "HEAD") return answer(response, plain(405, "GET or HEAD"));
    const isHead = method === "HEAD";
    try {
      const request = requestOf(incoming);
      const { path } = request;
      const refused = guard(request);
      if (refused) return answer(response, refused, isHead);
      const stream = Object.hasOwn(streams, path) ? streams[path]! : null;
      if (stream && isHead) return answer(response, plain(405, "GET"), true);
      if (stream) return openStream(response, stream);
      const page = Object.hasOwn(pages, path) ? pages[path]!() : plain(404, paths.join("\n"));
      answer(response, page, isHead);
    } catch (error) {
      answer(response, plain(500, `${error}`));
    }
  });
  server.maxConnections = CONNECTIONS_MAX;
  const listening = Promise.withResolvers<void>();
  // The listener stays: an error of accept() later, such as no free file descriptor, must not end the run.
  server.on("error", (error) => listening.reject(explain(error, { host, port })));
  server.listen(port, host, listening.resolve);
  await listening.promise;
  return {
    address: format({ host, port: (server.address() as AddressInfo).port }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        // Otherwise close() waits for clients that keep a connection open.
        server.closeAllConnections();
      }),
  };
}

/** A page with one line of text. */
export function plain(status: number, line: string): Page {
  return { status, type: "text/plain; charset=utf-8", body: `${line}\n` };
}

function requestOf({ url = "", headers }: IncomingMessage): Request {
  const [path, query] = url.split(/\?(.*)/s);
  const header: Request["header"] = (name) => headers[name] ?? null;
  return { path: path!, query: new URLSearchParams(query ?? ""), header };
}

/** For every answer: a browser keeps no copy, takes the type as it is, and shows it in no other site. */
const HEADERS = {
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
};

function answer(
  response: ServerResponse,
  { status, type, body, headers }: Page,
  isHead = false,
): void {
  response.writeHead(status, {
    ...HEADERS,
    "content-type": type,
    "content-length": new TextEncoder().encode(body).length,
    ...(status === 405 && { allow: "GET, HEAD" }),
    ...headers,
  });
  response.end(isHead ? undefined : body);
}

function openStream(
  response: ServerResponse,
  accept: (stream: EventStream) => Page | null,
): void {
  let isOpen = false;
  const waiting: string[] = [];
  // A client that has gone is no failure of the run.
  response.on("error", () => {});
  const refused = accept({
    get isBusy() {
      return response.writableLength > 0;
    },
    send: (text) => void (isOpen ? response.write(text) : waiting.push(text)),
    end: () => response.end(),
    onClose: (call) => response.on("close", call),
  });
  if (refused) return answer(response, refused);
  isOpen = true;
  response.writeHead(200, { ...HEADERS, "content-type": "text/event-stream; charset=utf-8" });
  // A proxy and the browser learn at once that the stream is open.
  response.write(`: routes\n\n${waiting.join("")}`);
}

function format({ host, port }: Address): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

function explain(error: Error, address: Address): Error {
  const code = (error as { code?: string }).code ?? "";
  const [reason, hint] = KNOWN[code] ?? [error.message, "another host and port"];
  const kind = code === "EACCES" ? "noPermission" : "unavailable";
  const text = `cannot listen on ${format(address)}`;
  return new OperationalError(kind, text, { reason, hint, cause: error });
}

const FOREIGN_ADDRESS = "this machine does not have that address";
const LOCAL_ADDRESSES = "--http 127.0.0.1:PORT, or 0.0.0.0:PORT for every address";

const KNOWN: Record<string, [reason: string, hint: string]> = {
  EADDRINUSE: ["another program listens on that port", "another port, or 0 for any free port"],
  EADDRNOTAVAIL: [FOREIGN_ADDRESS, LOCAL_ADDRESSES],
  EINVAL: [FOREIGN_ADDRESS, LOCAL_ADDRESSES],
  ENOTFOUND: ["the name is not known", LOCAL_ADDRESSES],
  EACCES: ["the operating system denies access", "a port of 1024 or higher"],
};
