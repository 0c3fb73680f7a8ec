import { lookup } from "node:dns/promises";
import { connect, isIP, type Socket } from "node:net";
import {
  checkServerIdentity,
  connect as connectTls,
  type ConnectionOptions,
  type PeerCertificate,
  type TLSSocket,
} from "node:tls";
import { decodeText } from "../settings/file_text.ts";
import type { TlsFiles } from "../settings/reader.ts";

/** The result of a TLS handshake. */
export interface TlsHandshake {
  protocol: string;
  /** Common name in the certificate of the service. */
  name: string;
  /** Milliseconds since 1970. */
  validTo: number;
}

/** How to verify a TLS connection. */
interface TlsRules {
  /** Name or address of the service. */
  host: string;
  /** What is verified in its certificate; "signature": that a trusted CA signed it; "name": the host name too. */
  verify: "nothing" | "signature" | "name";
  readFile: (path: string) => Uint8Array;
}

/** Options of node:tls for one connection: reads the files now, so that renewed files need no restart. */
export function tlsOptions(
  { ca, cert, key, passphrase }: TlsFiles,
  { host, verify, readFile }: TlsRules,
): ConnectionOptions {
  const read = (path: string) => decodeText(readFile(path));
  return {
    ...(ca && verify !== "nothing" && { ca: read(ca) }),
    ...(cert && { cert: read(cert) }),
    ...(key && { key: read(key) }),
    ...(passphrase && { passphrase }),
    ...(!isIP(host) && { servername: host }),
    rejectUnauthorized: verify !== "nothing",
    // For an IP address the runtime would check the certificate against "localhost".
    checkServerIdentity: (_name, peer) => verify === "name" ? checkName(host, peer) : undefined,
  };
}

/** The check of node:tls with a better message: the original omits the names in the certificate. */
function checkName(host: string, peer: PeerCertificate): Error | undefined {
  const failure = checkServerIdentity(host, peer);
  if (!failure) return undefined;
  const names = peer.subjectaltname ?? `CN:${peer.subject?.CN}`;
  return Object.assign(failure, { message: `it is for ${names}, not for ${host}` });
}

/** Resolves a host name; null when it is an IP address. */
export async function resolveName(host: string): Promise<string | null> {
  return isIP(host) ? null : (await lookup(host)).address;
}

/** Opens a connection within `ms`; rejects with the code of the network error, such as ETIMEDOUT. */
export async function dial(host: string, port: number, ms: number): Promise<Socket> {
  const socket = connect({ host, port, noDelay: true });
  await waitFor(socket, "connect", ms);
  return socket;
}

/** Where to start TLS: at an address, or on an open connection. */
type TlsTarget = { host: string; port: number } | { socket: Socket };

/** Does a TLS handshake and closes the connection; rejects with the error code of TLS or the network. */
export async function tlsHandshake(
  target: TlsTarget,
  options: ConnectionOptions,
  ms: number,
): Promise<TlsHandshake> {
  const secure: TLSSocket = connectTls({ ...options, ...target });
  await waitFor(secure as Socket, "secureConnect", ms);
  // Null in older runtimes when the service has ended the connection by now.
  const peer = secure.getPeerCertificate() as PeerCertificate | null;
  const name = peer?.subject?.CN;
  const handshake = {
    // Older runtimes lack getProtocol().
    protocol: secure.getProtocol?.() ?? "TLS",
    name: [name].flat()[0] ?? "?",
    validTo: Date.parse(peer?.valid_to ?? ""),
  };
  secure.destroy();
  return handshake;
}

/** Waits up to `ms` after a handshake for an alert, and rejects with it: in TLS 1.3 a server rejects a client only then. */
export async function awaitAlert(
  target: TlsTarget,
  options: ConnectionOptions,
  ms: number,
): Promise<void> {
  const secure = connectTls({ ...options, ...target }) as Socket;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  secure.on("error", reject);
  secure.once("close", () => resolve());
  // Without a reader the socket does not notice the end of the connection.
  secure.resume();
  await promise.finally(() => {
    clearTimeout(timer);
    secure.destroy();
  });
}

/**
 * Sends the bytes and calls `next` with the answer, in the same tick: a socket that TLS takes over later has already read
 * bytes that belong to TLS.
 */
export async function converse<T>(
  socket: Socket,
  bytes: Uint8Array,
  { ms, next }: { ms: number; next(answer: Uint8Array): Promise<T> },
): Promise<T> {
  let outcome: Promise<T>;
  socket.once("data", (answer: Uint8Array) => outcome = next(answer));
  socket.write(bytes);
  await waitFor(socket, "data", ms);
  return await outcome!;
}

/**
 * The result of `work`; rejects with ETIMEDOUT after `ms`, as when a client retries without end. `details` are added to
 * that error, for its explanation.
 */
export async function within<T>(ms: number, work: Promise<T>, details: object = {}): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(Object.assign(timedOut(ms), details)), ms);
  return await Promise.race([work, promise]).finally(() => clearTimeout(timer));
}

function timedOut(ms: number): Error {
  return Object.assign(new Error(`no answer in ${ms / 1000} s`), { code: "ETIMEDOUT" });
}

/** Waits for an event and returns its argument; an error, a close or the timeout destroys the socket. */
async function waitFor(socket: Socket, event: string, ms: number): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const timer = setTimeout(() => reject(timedOut(ms)), ms);
  socket.once(event, resolve);
  // The listener stays: a later error without a listener would end the process.
  socket.on("error", reject);
  const ended = new Error("disconnected before secure TLS connection was established");
  socket.once("close", () => reject(Object.assign(ended, { code: "ECONNRESET" })));
  try {
    return await promise;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
