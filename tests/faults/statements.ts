import { Buffer } from "node:buffer";

/** A statement of a client that has just come in whole; its last byte lies before `end` of the piece given. */
export interface Statement {
  /** Its SQL, also where it was only named because the server knew it already. */
  text: string;
  end: number;
}

const SYNC = 0x53;
const QUERY = 0x51;
const PARSE = 0x50;
const BIND = 0x42;
const READY = 0x5a;
const KEPT_MAX = 65_536;

/** Follows both sides of one connection in PostgreSQL's protocol, however its bytes are cut into pieces. */
export class Statements {
  readonly #client = new Frames({ greeting: true });
  readonly #server = new Frames({ greeting: false });
  /** The SQL of what the client has prepared, by name. */
  readonly #prepared = new Map<string, string>();
  #text = "";
  /** Statements the server has yet to answer. */
  #waiting = 0;

  /** The statements that end within these bytes of the client; whoever breaks off has not passed on the rest. */
  *client(bytes: Buffer): Generator<Statement> {
    for (const { type, body, end } of this.#client.take(bytes)) {
      if (type === PARSE) {
        const [name, text] = words(body);
        this.#prepared.set(name!, text!);
        this.#text = text!;
      } else if (type === BIND) {
        this.#text = this.#prepared.get(words(body)[1]!) ?? "";
      } else if (type === QUERY) this.#text = words(body)[0]!;
      if (type !== SYNC && type !== QUERY) continue;
      this.#waiting++;
      yield { text: this.#text, end };
    }
  }

  /** Whether the server has, with these bytes, answered everything it was asked. */
  server(bytes: Buffer): boolean {
    let ready = false;
    for (const { type } of this.#server.take(bytes)) {
      if (type !== READY) continue;
      // The first one answers the greeting.
      this.#waiting = Math.max(this.#waiting - 1, 0);
      ready = this.#waiting === 0;
    }
    return ready;
  }
}

/** The first two texts of a message, each ended by a zero byte. */
function words(body: Buffer): string[] {
  const first = body.indexOf(0);
  const second = body.indexOf(0, first + 1);
  return [body.toString("utf8", 0, first), body.toString("utf8", first + 1, second)];
}

/** Messages of one side: a type, a length that counts itself, a body; the client's first has no type. */
class Frames {
  #head = Buffer.alloc(0);
  #headSize: number;
  /** Of the body, what is still to come, and what is kept of it. */
  #left = 0;
  #body: Buffer[] = [];
  #kept = 0;

  constructor({ greeting }: { greeting: boolean }) {
    this.#headSize = greeting ? 4 : 5;
  }

  *take(piece: Buffer): Generator<{ type: number; body: Buffer; end: number }> {
    for (let at = 0; at < piece.length;) {
      if (this.#head.length < this.#headSize) {
        const head = piece.subarray(at, at + this.#headSize - this.#head.length);
        this.#head = Buffer.concat([this.#head, head]);
        at += head.length;
        if (this.#head.length < this.#headSize) return;
        this.#left = this.#head.readUInt32BE(this.#headSize - 4) - 4;
      }
      const part = piece.subarray(at, at + this.#left);
      at += part.length;
      this.#left -= part.length;
      // All that is read of a body stands at its beginning, and the rest may be large.
      if (this.#kept < KEPT_MAX) this.#body.push(part);
      this.#kept += part.length;
      if (this.#left > 0) return;
      const type = this.#headSize === 4 ? 0 : this.#head[0]!;
      const body = Buffer.concat(this.#body);
      [this.#head, this.#headSize, this.#body, this.#kept] = [Buffer.alloc(0), 5, [], 0];
      yield { type, body, end: at };
    }
  }
}
