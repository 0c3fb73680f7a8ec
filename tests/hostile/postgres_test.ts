import { assertEquals, assertRejects } from "@std/assert";
import { OperationalError } from "../../src/errors.ts";
import { openPostgres } from "../../src/postgres/connect.ts";
import type { PostgresSettings } from "../../src/settings/settings.ts";
import { saslprep } from "../../src/postgres/saslprep.ts";
import { testSettings } from "../support/fixtures.ts";
import {
  authentication,
  type FakeSession,
  message,
  ready,
  scram,
  serveFake,
} from "./fake_postgres.ts";

type Script = (session: FakeSession) => Promise<void>;

/** What a query ends with at a server that follows the script. */
async function meet(script: Script, requireAuth: string[] | null = null): Promise<unknown> {
  const server = serveFake(script);
  const settings: PostgresSettings = {
    ...testSettings().postgresql,
    servers: [{ host: "127.0.0.1", port: server.port }],
    password: "secret",
    requireAuth,
  };
  const { sql, cut } = openPostgres(settings, { readFile: Deno.readFileSync, log: null, max: 1 });
  try {
    return await sql`select 1`.then(() => null, (error) => error);
  } finally {
    cut();
    await sql.end({ timeout: 0 });
    server.close();
  }
}

/** Answers the first query with an error, which shows that the login was accepted. */
async function refuseQuery(session: FakeSession): Promise<void> {
  await session.receive();
  await session.send("E", "SERROR\0C57014\0Mlogged in\0\0");
  await session.send("Z", "I");
}

const big = (type: string, size: number) => {
  const bytes = message(type, "");
  new DataView(bytes.buffer).setUint32(1, size);
  return bytes;
};

const refused: [what: string, script: Script, reason: string, requireAuth?: string[]][] = [
  [
    "a server that skips the final message of SCRAM",
    (session) => scram(session, { skipFinal: true }),
    "no proof that it knows the password",
  ],
  [
    "a nonce that is not an answer to ours",
    (session) => scram(session, { nonce: () => "other" }),
    "a challenge that does not answer this login",
  ],
  [
    "a nonce without a part of the server",
    (session) => scram(session, { nonce: (client) => client }),
    "a challenge that does not answer this login",
  ],
  [
    "too few iterations",
    (session) => scram(session, { iterations: 4095 }),
    "4095 iterations of SCRAM, not 4096 to 1000000",
  ],
  [
    "iterations that take hours",
    (session) => scram(session, { iterations: 2 ** 31 }),
    "2147483648 iterations of SCRAM, not 4096 to 1000000",
  ],
  [
    "iterations that are no number",
    (session) => scram(session, { iterations: "1e4" }),
    "a challenge that does not answer this login",
  ],
  [
    "a challenge before the login began",
    (session) => session.raw(authentication(11, "r=x,s=eA==,i=4096")),
    "a challenge that does not answer this login",
  ],
  [
    "SCRAM with other mechanisms only",
    (session) => session.raw(authentication(10, "SCRAM-SHA-1\0\0")),
    "no mechanism of SASL that this program knows",
  ],
  [
    "a way to log in that is not known",
    (s) => s.raw(authentication(7)),
    "an unknown way to log in (7)",
  ],
  ["rows before the login", (session) => session.send("T", "\0\0"), "data before the login"],
  ["readiness without a login", (session) => session.send("Z", "I"), "data before the login"],
  [
    "a message of 2 GB before the login",
    (session) => session.raw(big("N", 0x7fffffff)),
    "a message of 2147483648 bytes",
  ],
  ["a message without a length", (session) => session.raw(big("R", 0)), "a message of 1 bytes"],
  [
    "a clear-text password where SCRAM is required",
    (session) => session.raw(authentication(3)),
    'the login "password", which require_auth excludes',
    ["scram-sha-256"],
  ],
  [
    "an MD5 password where SCRAM is required",
    (session) => session.raw(authentication(5, "salt")),
    'the login "md5", which require_auth excludes',
    ["scram-sha-256"],
  ],
  ["no login where SCRAM is required", ready, 'the login "none", which require_auth excludes', [
    "scram-sha-256",
  ]],
  [
    "a message of 2 GB after the login",
    async (session) => {
      await scram(session);
      await session.receive();
      await session.raw(big("D", 0x7fffffff));
    },
    "a message of 2147483648 bytes",
  ],
];

for (const [what, script, reason, requireAuth] of refused) {
  Deno.test(`the login refuses ${what}`, async () => {
    const error = await meet(script, requireAuth) as OperationalError;
    assertEquals(error.reason, [`the server sent ${reason}`], String(error));
    assertEquals(error.kind, "unavailable");
  });
}

Deno.test("the login accepts SCRAM in pieces of messages, and refuses a wrong signature", async () => {
  const inPieces: Script = async (session) => {
    const raw = async (bytes: Uint8Array) => {
      for (let at = 0; at < bytes.length; at += 7) await session.raw(bytes.subarray(at, at + 7));
    };
    await scram({ ...session, raw }, {});
    await refuseQuery(session);
  };
  assertEquals((await meet(inPieces) as Error).message, "logged in");
  const wrong = await meet((session) => scram(session, { signature: () => "AAAA" }));
  assertEquals((wrong as { code: string }).code, "SASL_SIGNATURE_MISMATCH");
});

Deno.test("the login answers each method that require_auth allows", async () => {
  const methods: [string, Script][] = [
    ["none", ready],
    ["password", async (session) => {
      await session.raw(authentication(3));
      assertEquals(await session.receive(), "secret\0");
      await ready(session);
    }],
    ["scram-sha-256", (session) => scram(session)],
  ];
  for (const [method, script] of methods) {
    const login: Script = async (session) => {
      await script(session);
      await refuseQuery(session);
    };
    for (const allowed of [null, [method]]) {
      assertEquals((await meet(login, allowed) as Error).message, "logged in", method);
    }
  }
});

Deno.test("SCRAM uses the password in the form that libpq prepares", async () => {
  const server = async (password: string, prepared: string) => {
    const fake = serveFake(async (session) => {
      await scram(session, { password: prepared });
      await refuseQuery(session);
    });
    const settings: PostgresSettings = {
      ...testSettings().postgresql,
      servers: [{ host: "127.0.0.1", port: fake.port }],
      password,
      requireAuth: null,
    };
    const { sql, cut } = openPostgres(settings, { readFile: Deno.readFileSync, log: null, max: 1 });
    const error = await assertRejects(() => sql`select 1`, Error);
    cut();
    await sql.end({ timeout: 0 });
    fake.close();
    return error.message;
  };
  assertEquals(await server("e\u0301\u00a0ﬁ\u00adª", "é fia"), "logged in");
});

Deno.test("saslprep() gives what libpq gives, and keeps what it cannot prepare", () => {
  const cases: [string, string][] = [
    ["plain", "plain"],
    ["a\u00a0b", "a b"],
    ["soft\u00adhyphen", "softhyphen"],
    ["ﬁ", "fi"],
    ["ª", "a"],
    ["e\u0301", "é"],
    ["\u2168", "IX"],
    ["a\u0007é", "a\u0007é"],
    ["\u00ad", "\u00ad"],
    ["\u0627\u0031", "\u0627\u0031"],
    ["\u0627a\u0628", "\u0627a\u0628"],
    ["\u0627\u0031\u0628", "\u0627\u0031\u0628"],
    ["🔑é", "🔑é"],
  ];
  for (const [password, prepared] of cases) assertEquals(saslprep(password), prepared);
});
