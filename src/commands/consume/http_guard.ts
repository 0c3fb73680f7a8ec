import { createHash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import { LOOPBACK } from "../../settings/postgres.ts";
import { type Address, type Page, plain, type Request } from "./http.ts";

// A page of another site can make a browser ask any address. It reads the answer only if the browser takes that address
// for the same site, as after DNS rebinding: then the Host header names that site.

/** Whether only programs on this machine reach the address. */
export function isLoopback({ host }: Pick<Address, "host">): boolean {
  return LOOPBACK.test(host);
}

/**
 * Refuses requests without the token, if there is one, and those for a foreign host. `open` paths need neither; those of
 * monitoring are often asked for by the name of a service.
 */
export function createGuard(
  address: Address,
  token: string | null,
  { open, monitoring }: { open: string[]; monitoring: string[] },
): (request: Request) => Page | null {
  const cookie = `routes_token_${address.port}`;
  return (request) => {
    const { path, query } = request;
    if (open.includes(path)) return null;
    if (token !== null) {
      const asked = path === "/" ? query.get("token") : null;
      if (isSame(asked, token)) return signedIn(cookie, token);
      const sent = tokenOf(request, cookie);
      if (isSame(sent, token)) return null;
      return asked === null && sent === null ? MISSING : WRONG;
    }
    if (monitoring.includes(path) && !isLoopback(address)) return null;
    return isOwnHost(request.header("host"), address.host) ? null : FOREIGN;
  };
}

const FOREIGN = plain(
  403,
  "the Host header names another site: use the IP address, --http NAME:PORT or a token",
);
const MISSING = unknown(
  "a token is needed: /?token=TOKEN, or the header Authorization: Bearer TOKEN",
);
const WRONG = unknown("this token is wrong: it is [http] token, or ROUTES_HTTP_TOKEN");

function unknown(text: string): Page {
  return { ...plain(401, text), headers: { "www-authenticate": "Bearer" } };
}

/** Keeps the token in a cookie, out of the address of the page, which people share. */
function signedIn(cookie: string, token: string): Page {
  const value = `${cookie}=${encodeURIComponent(token)}; Path=/; HttpOnly; SameSite=Strict`;
  return { ...plain(303, "/"), headers: { location: "/", "set-cookie": value } };
}

function tokenOf({ header }: Request, cookie: string): string | null {
  const [, bearer] = /^Bearer (.+)$/i.exec(header("authorization") ?? "") ?? [];
  if (bearer !== undefined) return bearer;
  const [value] = (header("cookie") ?? "").split(/;\s*/)
    .flatMap((pair) => pair.startsWith(`${cookie}=`) ? [pair.slice(cookie.length + 1)] : []);
  try {
    return value === undefined ? null : decodeURIComponent(value);
  } catch {
    return null;
  }
}

/** Takes the same time wherever the texts differ. */
function isSame(given: string | null, token: string): boolean {
  const hash = (text: string) => createHash("sha256").update(text).digest();
  return given !== null && timingSafeEqual(hash(given), hash(token));
}

/** Whether it is an IP address, which no other site can be, this machine, or the host that was configured. */
function isOwnHost(header: string | null, host: string): boolean {
  const name = (header ?? "").toLowerCase().replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  return isIP(name) > 0 || name === "localhost" || name.endsWith(".localhost") ||
    name === host.toLowerCase();
}
