import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, isIPv6 } from "node:net";
import { type ErrorKind, OperationalError } from "../../errors.ts";

/** Where to listen; port 0: any free one. */
export interface Address {
  host: string;
  port: number;
}

/** What is answered. */
export interface Page {
  status: number;
  type: string;
  body: string;
}

/** A server that listens. */
export interface Server {
  /** As it is typed: host and port, the one that was found where any would do. */
  address: string;
  close(): Promise<void>;
}

/** Answers GET and HEAD with the page of that path, made anew each time. */
export async function serve(
  { host, port }: Address,
  pages: Record<string, () => Page>,
): Promise<Server> {
  const server = createServer(({ method, url = "" }, response) => {
    const path = url.split("?")[0]!;
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
    if (method !== "GET" && method !== "HEAD") return answer(response, plain(405, "GET or HEAD"));
    try {
      answer(response, page?.() ?? plain(404, Object.keys(pages).join("\n")), method === "HEAD");
    } catch (error) {
      answer(response, plain(500, `${error}`));
    }
  });
  const listening = Promise.withResolvers<void>();
  server.once("error", (error) => listening.reject(explain(error, { host, port })));
  server.listen(port, host, listening.resolve);
  await listening.promise;
  return {
    address: show({ host, port: (server.address() as AddressInfo).port }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        // Those who keep a connection open would keep this waiting.
        server.closeAllConnections();
      }),
  };
}

/** A page of one line. */
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

function show({ host, port }: Address): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

function explain(error: Error, address: Address): Error {
  const { code } = error as { code?: string };
  const [kind, reason, fix] = KNOWN[code ?? ""] ?? [
    "unavailable",
    error.message,
    "another host and port",
  ];
  return new OperationalError(kind, `cannot listen on ${show(address)}`, {
    reason,
    hint: fix,
    cause: error,
  });
}

const NOT_OURS = "that host is no address of this machine";
const OURS = "--http 127.0.0.1:PORT, or 0.0.0.0:PORT for every address";

const KNOWN: Record<string, [ErrorKind, reason: string, fix: string]> = {
  EADDRINUSE: [
    "unavailable",
    "another program listens there",
    "another port, or 0 for any free one",
  ],
  EADDRNOTAVAIL: ["unavailable", NOT_OURS, OURS],
  EINVAL: ["unavailable", NOT_OURS, OURS],
  ENOTFOUND: ["unavailable", "the name is not known", OURS],
  EACCES: ["noPermission", "the system refuses it", "a port from 1024 on"],
};
