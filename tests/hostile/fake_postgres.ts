import { createHmac, pbkdf2Sync } from "node:crypto";

/** One connection of a fake server. */
export interface FakeSession {
  /** Sends one message: its type, then its body. */
  send(type: string, body: Uint8Array | string): Promise<void>;
  /** Sends bytes as they are. */
  raw(bytes: Uint8Array): Promise<void>;
  /** The body of the next message of the client. */
  receive(): Promise<string>;
}

const encoder = new TextEncoder();

/** Listens on 127.0.0.1, refuses TLS, and runs the script for each connection that has sent its start-up message. */
export function serveFake(script: (session: FakeSession) => Promise<void>) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections = new Set<Deno.Conn>();
  (async () => {
    for await (const connection of listener) {
      connections.add(connection);
      serve(connection, script).catch(() => {});
    }
  })();
  return {
    port: (listener.addr as Deno.NetAddr).port,
    close: () => {
      listener.close();
      for (const connection of connections) connection.close();
    },
  };
}

async function serve(
  connection: Deno.Conn,
  script: (session: FakeSession) => Promise<void>,
): Promise<void> {
  const read = async (length: number) => {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length;) {
      const count = await connection.read(bytes.subarray(at));
      if (count === null) throw new Error("ended");
      at += count;
    }
    return bytes;
  };
  const sized = async () => await read(new DataView((await read(4)).buffer).getUint32(0) - 4);
  const raw = async (bytes: Uint8Array) => {
    const writer = connection.writable.getWriter();
    await writer.write(bytes);
    writer.releaseLock();
  };
  await sized();
  await script({
    raw,
    send: async (type, body) => await raw(message(type, body)),
    receive: async () => {
      await read(1);
      return String.fromCharCode(...await sized());
    },
  });
}

/** A message: type, length, body. */
export function message(type: string, body: Uint8Array | string): Uint8Array {
  const bytes = typeof body === "string" ? encoder.encode(body) : body;
  const whole = new Uint8Array(5 + bytes.length);
  whole[0] = type.charCodeAt(0);
  new DataView(whole.buffer).setUint32(1, bytes.length + 4);
  whole.set(bytes, 5);
  return whole;
}

/** An authentication message. */
export function authentication(code: number, text = ""): Uint8Array {
  const body = new Uint8Array(4 + text.length);
  new DataView(body.buffer).setUint32(0, code);
  body.set(encoder.encode(text), 4);
  return message("R", body);
}

/** A login as PostgreSQL does it; each part can be replaced. */
export async function scram(session: FakeSession, changes: {
  password?: string;
  iterations?: number | string;
  nonce?: (client: string) => string;
  signature?: (right: string) => string;
  skipFinal?: boolean;
} = {}): Promise<void> {
  const { password = "secret", iterations = 4096, nonce = (client) => `${client}server` } = changes;
  await session.raw(authentication(10, "SCRAM-SHA-256\0\0"));
  const client = /r=([^,]+)/.exec(await session.receive())![1]!;
  const salt = btoa("salt salt salt s");
  const challenge = `r=${nonce(client)},s=${salt},i=${iterations}`;
  await session.raw(authentication(11, challenge));
  if (changes.skipFinal) return await ready(session);
  const bare = (await session.receive()).split(",p=")[0]!;
  const salted = pbkdf2Sync(password, atob(salt), Number(iterations), 32, "sha256");
  const key = createHmac("sha256", salted).update("Server Key").digest();
  const right = createHmac("sha256", key).update(`n=*,r=${client},${challenge},${bare}`)
    .digest("base64");
  await session.raw(authentication(12, `v=${changes.signature?.(right) ?? right}`));
  await ready(session);
}

/** The end of a login: from now on the server accepts queries. */
export async function ready(session: FakeSession): Promise<void> {
  await session.raw(authentication(0));
  await session.send("Z", "I");
}
