import { Buffer } from "node:buffer";

const BACKSLASH = "\\".charCodeAt(0);

/**
 * The type bytea for postgres.js, which reads it only as `bytea_output = hex` writes it: behind a pooler, a role or database
 * can have the other value.
 */
export const BYTEA = {
  to: 17,
  from: [17],
  serialize: (bytes: Uint8Array): string => `\\x${Buffer.from(bytes).toString("hex")}`,
  parse: (text: string): Buffer =>
    text.startsWith("\\x") ? Buffer.from(text.slice(2), "hex") : parseEscaped(text),
};

/** Bytes as ASCII; a backslash is doubled, and other bytes are a backslash and three octal digits. */
function parseEscaped(text: string): Buffer {
  const bytes = Buffer.alloc(text.length);
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code !== BACKSLASH) bytes[length++] = code;
    else if (text.charCodeAt(at + 1) === BACKSLASH) {
      bytes[length++] = code;
      at++;
    } else {
      bytes[length++] = parseInt(text.slice(at + 1, at + 4), 8);
      at += 3;
    }
  }
  return bytes.subarray(0, length);
}
