import { Buffer } from "node:buffer";

/** A complete statement of a client; it ends before index `end` of the current piece. */
export interface Statement {
  /** Its SQL, also if the client sent only the name of a prepared statement. */
  text: string;
  end: number;
}

const SYNC = 0x53;
const QUERY = 0x51;
const PARSE = 0x50;
const BIND = 0x42;
const READY = 0x5a;
const KEPT_MAX = 65_536;

/** Parses both sides of one connection in PostgreSQL's protocol, from pieces of any size. */
export class Statements {
  readonly #client = new Frames({ greeting: true });
  readonly #server = new Frames({ greeting: false });
  /** The SQL of prepared statements, by name. */
  readonly #prepared = new Map<string, string>();
  #text = "";
  /** How many statements the server has not answered yet. */
  #waiting = 0;

  /** The statements that end within these bytes of the client. A caller that stops early must not pass on the rest. */
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

  /** Whether the server has answered every statement with these bytes. */
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

/** The first two texts of a message; each ends with a zero byte. */
function words(body: Buffer): string[] {
  const first = body.indexOf(0);
  const second = body.indexOf(0, first + 1);
  return [body.toString("utf8", 0, first), body.toString("utf8", first + 1, second)];
}

/** Messages of one side: type, length (which includes itself), body. The client's first message has no type. */
class Frames {
  #head = Buffer.alloc(0);
  #headSize: number;
  /** How many bytes of the body are missing, and the beginning of the body. */
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
      // Only the beginning of a body is needed, and the rest may be large.
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
