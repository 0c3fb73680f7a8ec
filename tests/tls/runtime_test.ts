import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { createServer, type TlsOptions } from "node:tls";
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

const PASSPHRASE = "four words";
const client = await pki.pair({ name: "client", ca, passphrase: PASSPHRASE });

const LOGIN = "security_protocol = SASL_SSL\nsasl_plain_username = u\nsasl_plain_password = p\n";

/** A server with that certificate, which closes each connection and knows whose certificates it accepts. */
async function serve({ cert, key }: Pair, options: TlsOptions = {}) {
  const read = (path: string) => Buffer.from(Deno.readFileSync(path));
  const accepted: boolean[] = [];
  const server = createServer({ cert: read(cert), key: read(key), ...options }, (socket) => {
    accepted.push(socket.authorized);
    socket.on("error", () => {});
    socket.end();
  });
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket));
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { port: (server.address() as { port: number }).port, accepted, close };
}

/** A folder with settings for that port, and files in `ssl` by their names. */
async function folderFor(port: number, files: Record<string, string>, settings: string) {
  const folder = await Deno.makeTempDir({ dir });
  await Deno.mkdir(`${folder}/ssl`);
  for (const [name, path] of Object.entries(files)) {
    await Deno.copyFile(path, `${folder}/ssl/${name}`);
  }
  const text = `[kafka]\nbootstrap_servers = 127.0.0.1:${port}\n${settings}`;
  await Deno.writeTextFile(`${folder}/host_settings.ini`, text, { mode: 0o600 });
  return folder;
}

/** Has `routes check produce` connect to a server with that certificate; returns the line about TLS. */
async function connect(
  pair: Pair,
  { ca, env = {} }: { ca: string | null; env?: Record<string, string> },
): Promise<string> {
  const { port, close } = await serve(pair);
  const settings = LOGIN + (ca ? "ssl_cafile = ssl/root.pem\n" : "");
  const folder = await folderFor(port, ca ? { "root.pem": ca } : {}, settings);
  const { stdout } = await new Deno.Command(program, {
    args: [...flags, "check", "produce"],
    cwd: folder,
    clearEnv: true,
    env: { ...quietEnv(), ...env },
  }).output();
  close();
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
function promise(name: string, fn: () => Promise<void>, lacksProgram = false): void {
  const isOlder = weakness !== null && !Deno.env.has("ROUTES_RELEASE");
  Deno.test({ name, fn, ignore: isOlder || lacksProgram });
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

promise("a client key that is encrypted opens", async () => {
  const trust = { ca: Deno.readTextFileSync(ca.cert), requestCert: true };
  const { port, accepted, close } = await serve(addressed, trust);
  const settings = "ssl_cafile = ssl/root.pem\nssl_certfile = ssl/service.cert\n" +
    `ssl_keyfile = ssl/service.key\nssl_password = ${PASSPHRASE}\n`;
  const files = { "root.pem": ca.cert, "service.cert": client.cert, "service.key": client.key };
  const cwd = await folderFor(port, files, settings);
  await new Deno.Command(program, { args: [...flags, "check", "produce"], cwd }).output();
  close();
  assertEquals([accepted.length > 0, accepted.every(Boolean)], [true, true]);
});

const strace = await new Deno.Command("strace", { args: ["-V"] }).output().catch(() => null);

promise("a connection with TLS sends small requests at once", async () => {
  const { port, close } = await serve(addressed);
  const settings = `${LOGIN}ssl_cafile = ssl/root.pem\n`;
  const cwd = await folderFor(port, { "root.pem": ca.cert }, settings);
  const routes = [program, ...flags, "produce", "--count", "1", "--timeout", "2s"];
  const log = `${cwd}/calls`;
  await new Deno.Command("strace", {
    args: ["-f", "-qq", "-e", "trace=connect,setsockopt", "-o", log, ...routes],
    cwd,
  }).output();
  close();
  const calls = (await Deno.readTextFile(log)).split("\n");
  const started = calls.findIndex((call) => call.includes(`htons(${port})`));
  const [, file] = /connect\((\d+),/.exec(calls[started]!)!;
  const sets = new RegExp(`setsockopt\\(${file}, SOL_TCP, TCP_NODELAY, \\[1\\]`);
  assertEquals(calls.slice(started).some((call) => sets.test(call)), true);
}, strace === null);

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
