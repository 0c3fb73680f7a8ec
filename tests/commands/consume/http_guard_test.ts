import { assertEquals } from "@std/assert";
import type { Address } from "../../../src/commands/consume/http.ts";
import { createGuard } from "../../../src/commands/consume/http_guard.ts";

const HERE = { host: "127.0.0.1", port: 9187 };
const ANYWHERE = { host: "0.0.0.0", port: 9187 };
const PATHS = { open: ["/live"], monitoring: ["/metrics"] };
const TOKEN = "0123456789abcdef";

/** The status of a refusal; null: not refused. */
function refusal(
  address: Address,
  token: string | null,
  path: string,
  headers: Record<string, string> = {},
) {
  const url = new URL(path, "http://127.0.0.1");
  const answer = createGuard(address, token, PATHS)({
    path: url.pathname,
    query: url.searchParams,
    header: (name) => headers[name] ?? null,
  });
  return answer?.status ?? null;
}

const hosts: [host: string, address: Address, path: string, status: number | null][] = [
  ["127.0.0.1:9187", HERE, "/", null],
  ["[::1]:9187", HERE, "/events", null],
  ["LOCALHOST:9187", HERE, "/", null],
  ["localhost", HERE, "/metrics", null],
  ["10.0.0.7:9187", ANYWHERE, "/", null],
  ["consumer.example:9187", { host: "Consumer.example", port: 9187 }, "/", null],
  ["evil.example:9187", HERE, "/", 403],
  ["evil.example", HERE, "/events", 403],
  ["127.0.0.1.evil.example:9187", HERE, "/", 403],
  ["localhost.evil.example", HERE, "/", 403],
  ["", HERE, "/", 403],
  ["evil.example", ANYWHERE, "/", 403],
  ["evil.example", ANYWHERE, "/events", 403],
  ["evil.example", HERE, "/metrics", 403],
  // Prometheus asks a container by the name of its service.
  ["routes:9187", ANYWHERE, "/metrics", null],
  ["routes:9187", HERE, "/live", null],
];

for (const [host, address, path, status] of hosts) {
  Deno.test(`the guard of ${address.host} answers ${path} of host "${host}": ${status}`, () => {
    assertEquals(refusal(address, null, path, { host }), status);
  });
}

Deno.test("with a token the guard opens only /live without it", () => {
  const host = "routes:9187";
  for (const path of ["/", "/events", "/metrics", "/nothing"]) {
    assertEquals(refusal(ANYWHERE, TOKEN, path, { host }), 401, path);
    assertEquals(refusal(ANYWHERE, TOKEN, path, { host, authorization: "Bearer no" }), 401, path);
    const authorization = `Bearer ${TOKEN}`;
    assertEquals(refusal(ANYWHERE, TOKEN, path, { host, authorization }), null, path);
    const cookie = `a=b; routes_token_9187=${TOKEN}`;
    assertEquals(refusal(ANYWHERE, TOKEN, path, { host, cookie }), null, path);
  }
  assertEquals(refusal(ANYWHERE, TOKEN, "/live"), null);
  assertEquals(refusal(ANYWHERE, TOKEN, "/", { cookie: "routes_token_9187=%" }), 401);
});

Deno.test("a wrong token is told from a missing one, however it is sent", () => {
  const guard = createGuard(ANYWHERE, TOKEN, PATHS);
  const answer = (query: string, headers: Record<string, string> = {}) =>
    guard({
      path: "/",
      query: new URLSearchParams(query),
      header: (name) => headers[name] ?? null,
    })!.body;
  assertEquals(
    answer(""),
    "a token is needed: /?token=TOKEN, or the header Authorization: Bearer TOKEN\n",
  );
  const wrong = "this token is wrong: it is [http] token, or ROUTES_HTTP_TOKEN\n";
  assertEquals(answer("token=no"), wrong);
  assertEquals(answer("", { authorization: "Bearer no" }), wrong);
  assertEquals(answer("", { cookie: "routes_token_9187=no" }), wrong);
});

Deno.test("the address with the token becomes a cookie, so that the address of the page has none", () => {
  const guard = createGuard(ANYWHERE, "a;b=c%d 0123456", PATHS);
  const query = new URLSearchParams({ token: "a;b=c%d 0123456" });
  const answer = guard({ path: "/", query, header: () => null })!;
  assertEquals([answer.status, answer.headers!.location], [303, "/"]);
  const [cookie, ...attributes] = answer.headers!["set-cookie"]!.split("; ");
  assertEquals(attributes, ["Path=/", "HttpOnly", "SameSite=Strict"]);
  const header = (name: string) => name === "cookie" ? cookie! : null;
  assertEquals(guard({ path: "/", query: new URLSearchParams(), header }), null);
  const wrong = new URLSearchParams({ token: "wrong" });
  assertEquals(guard({ path: "/", query: wrong, header: () => null })!.status, 401);
});
