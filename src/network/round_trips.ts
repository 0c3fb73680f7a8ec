import type { Socket } from "node:net";

/** The longest chain of requests of this process, each sent after the answer to the one before. */
let longest = 0;

/**
 * How many round trips the process has waited for, one after the other, on the sockets given to countRoundTrips(). It is exact
 * where answers take long; work that is independent, on a short line, may count one after the other.
 */
export function roundTrips(): number {
  return longest;
}

/** Counts a new socket: its connection, its TLS handshake, and each answer to what is written to it. */
export function countRoundTrips(socket: Socket): void {
  // Of several requests on the way, the newest counts: the number is never too low.
  let next = longest + 1;
  const answered = () => longest = Math.max(longest, next);
  const sending = () => next = longest + 1;
  const write = socket.write;
  socket.write = function (this: Socket, ...args: unknown[]) {
    sending();
    return (write as (...args: unknown[]) => boolean).apply(this, args);
  } as Socket["write"];
  socket.prependOnceListener("connect", () => {
    answered();
    sending();
  });
  socket.prependOnceListener("secureConnect", answered);
  // A listener for "data" would start the flow before its reader is there.
  const emit = socket.emit;
  socket.emit = function (this: Socket, ...args: Parameters<Socket["emit"]>) {
    if ((args as unknown[])[0] === "data") answered();
    return emit.apply(this, args);
  } as Socket["emit"];
}
