import { assertEquals } from "@std/assert";
import { faultsOf, readSettings } from "./support.ts";

Deno.test("a service URI is parsed and its escapes are decoded", () => {
  const uri = "postgres://avn%40admin:p%40s%2Fs%25%23@pg.example.com:17070/default%20db?" +
    "sslmode=verify-ca&connect_timeout=5&application_name=a%3Db";
  const { postgresql } = readSettings(`[postgresql]\nservice_uri = ${uri}`);
  assertEquals(
    [
      postgresql.user,
      postgresql.password,
      postgresql.servers[0].host,
      postgresql.servers[0].port,
      postgresql.database,
    ],
    ["avn@admin", "p@s/s%#", "pg.example.com", 17070, "default db"],
  );
  assertEquals(
    [postgresql.sslmode, postgresql.connectTimeoutMs, postgresql.applicationName],
    ["verify-ca", 5_000, "a=b"],
  );
});

const uris: [uri: string, expected: Partial<ReturnType<typeof readSettings>["postgresql"]>][] = [
  ["postgres://", {
    servers: [{ host: "127.0.0.1", port: 5432 }],
    user: "postgres",
    database: "routes",
  }],
  ["postgresql://h", { servers: [{ host: "h", port: 5432 }], sslmode: "verify-full" }],
  ["POSTGRES://h/d", { servers: [{ host: "h", port: 5432 }], database: "d" }],
  ["postgres://u@h", { user: "u", password: null }],
  ["postgres://u:@h", { user: "u", password: null }],
  ["postgres://u:a/b?c#d:e@h", { password: "a/b?c#d:e" }],
  ["postgres://[::1]:6543/d", { servers: [{ host: "::1", port: 6543 }], sslmode: "disable" }],
  ["postgres://a,b:6543/d?target_session_attrs=primary", {
    servers: [{ host: "a", port: 5432 }, { host: "b", port: 6543 }],
    target: "primary",
  }],
  ["postgres://u:p@a,[::1]:6543", {
    servers: [{ host: "a", port: 5432 }, { host: "::1", port: 6543 }],
    password: "p",
  }],
  ["postgres://h/d?user=u&password=a=b", { user: "u", password: "a=b" }],
  ["postgres://h?database=d", { database: "d" }],
];

for (const [uri, expected] of uris) {
  Deno.test(`a service URI may be ${uri}`, () => {
    const { postgresql } = readSettings(`[postgresql]\ndsn = ${uri}`);
    assertEquals({ ...postgresql, ...expected }, postgresql);
  });
}

Deno.test("single keys override the service URI", () => {
  const text = "[postgresql]\nservice_uri = postgres://u:p@h:1/d\nhost = other\npassword = q\n";
  const { servers: [{ host, port }], password, database } = readSettings(text).postgresql;
  assertEquals([host, password, port, database], ["other", "q", 1, "d"]);
});

Deno.test("a fault of a service URI names the wrong part", () => {
  const faultOf = (uri: string) => faultsOf(`[postgresql]\nservice_uri = ${uri}`);
  const where = "host_settings.ini line 2: service_uri";
  assertEquals(faultOf("mysql://h"), [`${where} is not a postgres:// address`]);
  assertEquals(faultOf("postgres://u:a@b@h/d"), [
    `${where} is not a postgres:// address: write an @ within the password as %40`,
  ]);
  assertEquals(faultOf("postgres://u:10%@h/d"), [
    `${where} has an invalid % in its password: write it as %25`,
  ]);
  assertEquals(faultOf("postgres://h/d?sslmod=require"), [
    `${where} has the unknown parameter "sslmod": did you mean "sslmode"?`,
  ]);
  assertEquals(faultOf("postgres://%2Fvar%2Frun/d"), [
    'host_settings.ini line 2: host is "/var/run": Unix sockets are not supported, use 127.0.0.1',
  ]);
  assertEquals(faultOf("postgres://h:99999/d"), [
    'host_settings.ini line 2: port is "99999": expected a whole number from 1 to 65535',
  ]);
});
