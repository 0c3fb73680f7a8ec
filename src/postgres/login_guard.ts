import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import tls from "node:tls";
import { OperationalError } from "../errors.ts";
import { countRoundTrips } from "../network/round_trips.ts";
import { messageSize } from "./row_tap.ts";

// postgres.js trusts what a server says during a login. The guard reads each message before postgres.js does, and closes
// the connection to a server that does not prove that it knows the password, or asks for what it must not get.

/** How a server can ask for a password, named as in require_auth of libpq. */
export type LoginMethod = "none" | "password" | "md5" | "scram-sha-256";

/** What the guard of a connection needs. */
export interface LoginRules {
  /** For messages: `host:port`. */
  where: string;
  mayUse(method: LoginMethod): boolean;
  /** Called when the server has chosen. */
  chosen(method: LoginMethod): void;
  /** Called when the server refuses the connection before the login; true: closes it, so that postgres.js opens another. */
  refused(message: string): boolean;
  /** Called with the process id that the server gives for this session. */
  started(pid: number): void;
  /** Called when the server ends the session, with its SQLSTATE and reason. */
  ended(last: LastWords): void;
  /** Called with whole messages; returns those that postgres.js gets. */
  passed(messages: Buffer): Buffer;
}

/** Why the server ended a session. */
export interface LastWords {
  code: string;
  message: string;
}

/** The largest messages: a login needs little, and no row or error comes near the other bound. */
const LOGIN_MESSAGE_MAX = 64 * 1024;
const MESSAGE_MAX = 256 * 1024 * 1024;
/** RFC 7677 asks for 4096; a million take half a second, in which nothing else runs. */
const ITERATIONS_MIN = 4_096;
const ITERATIONS_MAX = 1_000_000;

/** Type and length. */
const HEADER_BYTES = 5;
/** Types of messages. */
const ERROR = "E".charCodeAt(0);
const BACKEND_KEY = "K".charCodeAt(0);
/** Codes of authentication messages (PostgreSQL, chapter "Message Formats"). */
const METHODS = new Map<number, LoginMethod>([[0, "none"], [3, "password"], [5, "md5"], [
  10,
  "scram-sha-256",
]]);
const SASL_CONTINUE = 11;
const SASL_FINAL = 12;

/** The connection is to be opened again. */
const AGAIN = "again";

const connectTls = tls.connect;
// The only way to the socket that postgres.js makes for TLS: it passes on options that it does not know.
tls.connect = ((...args: Parameters<typeof connectTls>) => {
  const socket = connectTls(...args);
  const { guard } = args[0] as unknown as { guard?: LoginRules };
  if (guard) {
    countRoundTrips(socket as unknown as Socket);
    guardLogin(socket as unknown as Socket, guard);
  }
  return socket;
}) as typeof connectTls;

/** Closes the connection with an OperationalError as soon as the server breaks the rules. */
export function guardLogin(socket: Socket, rules: LoginRules): void {
  const guard = new Guard(rules);
  const { emit, write } = socket;
  socket.write = ((...args: Parameters<typeof write>) => {
    guard.sent(args[0] as unknown as Uint8Array);
    return write.apply(socket, args);
  }) as typeof write;
  socket.emit = ((event: string, ...args: unknown[]) => {
    if (event !== "data") return emit.apply(socket, [event, ...args] as Parameters<typeof emit>);
    const messages = guard.received(args[0] as Buffer);
    // Without an error, postgres.js connects again for its first statement.
    if (messages === AGAIN) socket.destroy();
    else if (messages instanceof OperationalError) socket.destroy(messages);
    else if (messages.length > 0) emit.apply(socket, ["data", rules.passed(messages)] as never);
    return true;
  }) as typeof emit;
}

/** Follows one connection. */
class Guard {
  readonly #rules: LoginRules;
  #method: LoginMethod = "none";
  #nonce: string | null = null;
  #isProven = false;
  #isLoggedIn = false;
  /** The message that has begun, as it arrived, and how many bytes are needed to go on. */
  #begun: Buffer[] = [];
  #begunBytes = 0;
  #needed = HEADER_BYTES;

  constructor(rules: LoginRules) {
    this.#rules = rules;
  }

  /** Bytes of postgres.js: the first message of SCRAM has its nonce. */
  sent(bytes: Uint8Array): void {
    if (this.#isLoggedIn || this.#method !== "scram-sha-256" || this.#nonce !== null) return;
    this.#nonce = /n,,n=\*,r=([^,]+)/.exec(latin1(bytes))?.[1] ?? null;
  }

  /** Bytes of the server; returns the messages that are whole now, or what is wrong with them. */
  received(bytes: Buffer): Buffer | OperationalError | typeof AGAIN {
    this.#begun.push(bytes);
    this.#begunBytes += bytes.length;
    if (this.#begunBytes < this.#needed) return Buffer.alloc(0);
    const all = this.#begun.length === 1 ? bytes : Buffer.concat(this.#begun);
    let end = 0;
    this.#needed = HEADER_BYTES;
    while (all.length - end >= HEADER_BYTES) {
      const size = messageSize(all, end);
      if (size < HEADER_BYTES || size > (this.#isLoggedIn ? MESSAGE_MAX : LOGIN_MESSAGE_MAX)) {
        return this.#fault(`a message of ${size >>> 0} bytes`);
      }
      if (all.length - end < size) {
        this.#needed = size;
        break;
      }
      const type = all[end]!;
      // Of the messages after the login, most are rows.
      if (!this.#isLoggedIn || type === BACKEND_KEY || type === ERROR) {
        const wrong = this.#read(type, all.subarray(end + HEADER_BYTES, end + size));
        if (wrong) return wrong;
      }
      end += size;
    }
    this.#begun = end < all.length ? [all.subarray(end)] : [];
    this.#begunBytes = all.length - end;
    return all.subarray(0, end);
  }

  #read(type: number, body: Uint8Array): OperationalError | typeof AGAIN | null {
    if (this.#isLoggedIn) {
      this.#note(type, body);
      return null;
    }
    if (type === ERROR && this.#rules.refused(latin1(body))) return AGAIN;
    const fault = this.#check(type, body);
    return fault === null ? null : this.#fault(fault);
  }

  /** A message after the login that tells about the session. */
  #note(type: number, body: Uint8Array): void {
    if (type === BACKEND_KEY && body.length >= 4) {
      this.#rules.started(new DataView(body.buffer, body.byteOffset).getUint32(0));
    }
    if (type !== ERROR) return;
    const fields = new TextDecoder().decode(body).split("\0");
    const field = (name: string) => fields.find((text) => text.startsWith(name))?.slice(1) ?? "";
    if (!["FATAL", "PANIC"].includes(field("V") || field("S"))) return;
    this.#rules.ended({ code: field("C"), message: field("M") });
  }

  #check(type: number, body: Uint8Array): string | null {
    const kind = String.fromCharCode(type);
    // Errors, notices and the negotiation of the protocol's version need no login.
    if ("ENv".includes(kind)) return null;
    if (kind !== "R" || body.length < 4) return "data before the login";
    const code = new DataView(body.buffer, body.byteOffset).getUint32(0);
    const text = latin1(body.subarray(4));
    if (code === SASL_CONTINUE) return this.#checkChallenge(text);
    if (code === SASL_FINAL) {
      this.#isProven = true;
      return null;
    }
    const method = METHODS.get(code);
    if (!method) return `an unknown way to log in (${code})`;
    if (code === 0) {
      this.#isLoggedIn = true;
      if (this.#method === "scram-sha-256" && !this.#isProven) {
        return "no proof that it knows the password";
      }
      if (this.#method !== "none") return null;
    }
    if (!this.#rules.mayUse(method)) return `the login "${method}", which require_auth excludes`;
    this.#method = method;
    this.#rules.chosen(method);
    const isKnown = method !== "scram-sha-256" || text.split("\0").includes("SCRAM-SHA-256");
    return isKnown ? null : "no mechanism of SASL that this program knows";
  }

  #checkChallenge(text: string): string | null {
    const [, nonce = "", iterations = ""] = /^r=([^,]*),s=[^,]*,i=(\d{1,10})$/.exec(text) ?? [];
    if (this.#nonce === null || !nonce.startsWith(this.#nonce) || nonce === this.#nonce) {
      return "a challenge that does not answer this login";
    }
    const count = Number(iterations);
    return count >= ITERATIONS_MIN && count <= ITERATIONS_MAX
      ? null
      : `${count} iterations of SCRAM, not ${ITERATIONS_MIN} to ${ITERATIONS_MAX}`;
  }

  #fault(sent: string): OperationalError {
    const text = `the login at PostgreSQL ${this.#rules.where} is not safe`;
    return new OperationalError("unavailable", text, {
      reason: `the server sent ${sent}`,
      hint: "check [postgresql] host and port: another program may answer there",
    });
  }
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, 4_096));
}
