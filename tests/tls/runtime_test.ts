import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { createServer } from "node:tls";
import { importFlags } from "../support/imports.ts";
import { programCommand } from "../support/permissions.ts";
import { type Pair, Pki } from "../support/pki.ts";
import { quietEnv } from "../support/program.ts";
import { weaknessOf } from "../../src/version.ts";

// What TLS promises must hold in the program that is released, with the runtime that is compiled into it.

const dir = await Deno.makeTempDir({ prefix: "routes-runtime-" });
Deno.test.afterAll(() => Deno.remove(dir, { recursive: true }));
const pki = new Pki(dir);
const ca = await pki.authority("ca");
const named = await pki.pair({ name: "named", ca, names: "DNS:localhost" });
const addressed = await pki.pair({ name: "addressed", ca, names: "IP:127.0.0.1" });
const [program, flags] = programCommand(await importFlags(() => {}));

/** Has `routes check produce` connect to a server with that certificate; returns the line about TLS. */
async function connect(
  { cert, key }: Pair,
  { ca, env = {} }: { ca: string | null; env?: Record<string, string> },
): Promise<string> {
  const read = (path: string) => Buffer.from(Deno.readFileSync(path));
  const server = createServer({ cert: read(cert), key: read(key) }, (socket) => {
    socket.on("error", () => {});
    socket.end();
  });
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket));
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const folder = await Deno.makeTempDir({ dir });
  await Deno.mkdir(`${folder}/ssl`);
  if (ca) await Deno.copyFile(ca, `${folder}/ssl/root.pem`);
  const settings = `[kafka]\nbootstrap_servers = 127.0.0.1:${port}\n` +
    "security_protocol = SASL_SSL\nsasl_plain_username = u\nsasl_plain_password = p\n" +
    (ca ? "ssl_cafile = ssl/root.pem\n" : "");
  await Deno.writeTextFile(`${folder}/host_settings.ini`, settings, { mode: 0o600 });
  const { stdout } = await new Deno.Command(program, {
    args: [...flags, "check", "produce"],
    cwd: folder,
    clearEnv: true,
    env: { ...quietEnv(), ...env },
  }).output();
  for (const socket of sockets) socket.destroy();
  server.close();
  const text = new TextDecoder().decode(stdout);
  return /^. (cannot trust .*|Kafka at \S+: TLS.*)$/m.exec(text)?.[1]?.replace(
    /127\S+:\d+/,
    "IP",
  ) ?? text;
}

/** The runtime of the program under test, such as `deno 2.9.6, x86_64-unknown-linux-gnu`. */
async function runtime(): Promise<string> {
  const { stdout } = await new Deno.Command(program, { args: [...flags, "--version", "--json"] })
    .output();
  return JSON.parse(new TextDecoder().decode(stdout)).runtime;
}

const weakness = weaknessOf(await runtime());

/** A promise of TLS. It need not hold in an older runtime, which the program itself warns of. */
function promise(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, fn, ignore: weakness !== null && !Deno.env.has("ROUTES_RELEASE") });
}

promise(
  "a certificate for a name is refused at an address, one for the address is accepted",
  async () => {
    const trusted = { ca: ca.cert };
    assertEquals(
      await connect(named, trusted),
      "cannot trust Kafka at IP: its certificate is for another name",
    );
    assertEquals((await connect(addressed, trusted)).split(":")[0], "Kafka at IP");
  },
);

for (const variable of ["DENO_CERT", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"]) {
  promise(`${variable} adds no authority to those that the settings name`, async () => {
    const other = await pki.authority(`other-${variable}`);
    const env = { [variable]: ca.cert };
    assertEquals(
      (await connect(addressed, { ca: other.cert, env })).replace(/signed by .*/, "signed by …"),
      "cannot trust Kafka at IP: its certificate is not signed by …",
    );
  });
}

promise("SSLKEYLOGFILE writes no keys of the sessions", async () => {
  const path = `${dir}/keys.log`;
  await connect(addressed, { ca: ca.cert, env: { SSLKEYLOGFILE: path } });
  assertEquals(await Deno.stat(path).then(({ size }) => size, () => 0), 0);
});

Deno.test("a program with an older runtime warns of it", async () => {
  const run = async (args: string[]) => {
    const output = await new Deno.Command(program, { args: [...flags, ...args], cwd: dir })
      .output();
    return new TextDecoder().decode(output.stdout);
  };
  const warns = weakness !== null;
  assertEquals((await run(["version"])).includes(`${weakness}`), warns);
  assertEquals((await run(["check", "query"])).includes(`${weakness}`), warns);
});
