import { lookup } from "node:dns/promises";
import { connect, isIP, type Socket } from "node:net";
import {
  checkServerIdentity,
  connect as connectTls,
  type ConnectionOptions,
  type PeerCertificate,
  type TLSSocket,
} from "node:tls";
import type { TlsFiles } from "../settings/reader.ts";

/** What a TLS handshake came to. */
export interface TlsHandshake {
  protocol: string;
  /** Common name of the other side. */
  name: string;
  /** Milliseconds since 1970. */
  validTo: number;
}

/** How to speak TLS. */
export interface TlsRules {
  /** Name or address of the other side. */
  host: string;
  /** What is looked at in its certificate; "signature": that an authority we trust has signed it. */
  verify: "nothing" | "signature" | "name";
  readFile: (path: string) => Uint8Array;
}

/** Options of node:tls for one connection: the files are read now, so that renewed ones serve without a restart. */
export function tlsOptions(
  { ca, cert, key, passphrase }: TlsFiles,
  { host, verify, readFile }: TlsRules,
): ConnectionOptions {
  const read = (path: string) => new TextDecoder().decode(readFile(path));
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

/** As node:tls does it, but for the words: it leaves out of them what the certificate is for. */
function checkName(host: string, peer: PeerCertificate): Error | undefined {
  const failure = checkServerIdentity(host, peer);
  if (!failure) return undefined;
  const names = peer.subjectaltname ?? `CN:${peer.subject?.CN}`;
  return Object.assign(failure, { message: `it is for ${names}; asked for was ${host}` });
}

/** Looks a name up; null where it is an address already. */
export async function resolveName(host: string): Promise<string | null> {
  return isIP(host) ? null : (await lookup(host)).address;
}

/** Opens a connection within that time; fails with the code of the network, ETIMEDOUT among them. */
export async function dial(host: string, port: number, ms: number): Promise<Socket> {
  const socket = connect({ host, port, noDelay: true });
  await settled(socket, "connect", ms);
  return socket;
}

/** Where to shake hands: at an address, or over a connection that stands. */
type Counterpart = { host: string; port: number } | { socket: Socket };

/** Shakes hands and ends the connection; fails with the code that tells what was wrong. */
export async function tlsHandshake(
  counterpart: Counterpart,
  options: ConnectionOptions,
  ms: number,
): Promise<TlsHandshake> {
  const secure: TLSSocket = connectTls({ ...options, ...counterpart });
  await settled(secure as Socket, "secureConnect", ms);
  const { subject, valid_to } = secure.getPeerCertificate();
  const name = subject?.CN;
  const shaken = {
    // Older runtimes do not tell.
    protocol: secure.getProtocol?.() ?? "TLS",
    name: [name].flat()[0] ?? "?",
    validTo: Date.parse(valid_to),
  };
  secure.destroy();
  return shaken;
}

/** Shakes hands and stays: fails with the alert if the other side then refuses, as it does with TLS 1.3; else ends. */
export async function awaitAlert(
  counterpart: Counterpart,
  options: ConnectionOptions,
  ms: number,
): Promise<void> {
  const secure = connectTls({ ...options, ...counterpart }) as Socket;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const late = setTimeout(resolve, ms);
  secure.on("error", reject);
  secure.once("close", () => resolve());
  // Without a reader it would not be noticed that nothing comes.
  secure.resume();
  await promise.finally(() => {
    clearTimeout(late);
    secure.destroy();
  });
}

/**
 * Sends the bytes, and has `next` go on with what comes back. It is called at once: a connection that TLS takes over later
 * than that has begun to read what is meant for TLS.
 */
export async function converse<T>(
  socket: Socket,
  bytes: Uint8Array,
  { ms, next }: { ms: number; next(answer: Uint8Array): Promise<T> },
): Promise<T> {
  let outcome: Promise<T>;
  socket.once("data", (answer: Uint8Array) => outcome = next(answer));
  socket.write(bytes);
  await settled(socket, "data", ms);
  return await outcome!;
}

/**
 * What the work comes to; fails with ETIMEDOUT when that takes longer, as where a client tries again and again. `marks`
 * go with that error, for whoever explains it.
 */
export async function within<T>(ms: number, work: Promise<T>, marks: object = {}): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const late = setTimeout(() => reject(Object.assign(timedOut(ms), marks)), ms);
  return await Promise.race([work, promise]).finally(() => clearTimeout(late));
}

function timedOut(ms: number): Error {
  return Object.assign(new Error(`no answer in ${ms / 1000} s`), { code: "ETIMEDOUT" });
}

/** Waits for the event, and gives what it tells; an error, an end or the time destroys the socket. */
async function settled(socket: Socket, event: string, ms: number): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const late = setTimeout(() => reject(timedOut(ms)), ms);
  socket.once(event, resolve);
  // Stays, for errors that come when nobody waits any more.
  socket.on("error", reject);
  const ended = new Error("disconnected before secure TLS connection was established");
  socket.once("close", () => reject(Object.assign(ended, { code: "ECONNRESET" })));
  try {
    return await promise;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(late);
  }
}
