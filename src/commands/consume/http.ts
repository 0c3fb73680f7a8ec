import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, isIPv6 } from "node:net";
import type { ConsumeOptions } from "../../cli/commands/consume.ts";
import { OperationalError } from "../../errors.ts";

/** Where to listen; port 0 means any free port. */
export type Address = NonNullable<ConsumeOptions["http"]>;

/** An HTTP response. */
interface Page {
  status: number;
  type: string;
  body: string;
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

/** Answers GET and HEAD with the page of the path, which is built for each request. */
export async function serve(
  { host, port }: Address,
  pages: Record<string, () => Page>,
): Promise<Server> {
  const timeouts = {
    headersTimeout: IDLE_MAX_MS,
    requestTimeout: IDLE_MAX_MS,
    keepAliveTimeout: IDLE_MAX_MS,
    connectionsCheckingInterval: IDLE_MAX_MS / 10,
  };
  const server = createServer(timeouts, ({ method, url = "" }, response) => {
    const path = url.split("?")[0]!;
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
    if (method !== "GET" && method !== "HEAD") return answer(response, plain(405, "GET or HEAD"));
    try {
      answer(response, page?.() ?? plain(404, Object.keys(pages).join("\n")), method === "HEAD");
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

function answer(response: ServerResponse, { status, type, body }: Page, headOnly = false): void {
  response.writeHead(status, {
    "content-type": type,
    "content-length": new TextEncoder().encode(body).length,
    ...(status === 405 && { allow: "GET, HEAD" }),
  });
  response.end(headOnly ? undefined : body);
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
