import { freePort, type Sandbox, startChild } from "./child.ts";
import { testSettings } from "./fixtures.ts";
import { UNPRIVILEGED } from "./postgres.ts";

/** Starts PgBouncer in front of the PostgreSQL of the tests and returns its port; it asks for no password. */
export async function startPgBouncer(
  sandbox: Sandbox,
  { mode, users, settings = {} }: {
    mode: "session" | "transaction";
    users: string[];
    /** Lines of its configuration that differ from the defaults. */
    settings?: Record<string, string>;
  },
): Promise<number> {
  const port = freePort();
  const { host, port: target } = testSettings().postgresql.servers[0];
  const files = `${sandbox.dir}/pgbouncer-${port}`;
  await Deno.writeTextFile(`${files}.users`, users.map((user) => `"${user}" ""\n`).join(""));
  const lines = Object.entries({
    listen_addr: "127.0.0.1",
    listen_port: port,
    unix_socket_dir: "",
    auth_type: "trust",
    auth_file: `${files}.users`,
    pool_mode: mode,
    ...settings,
  }).map(([name, value]) => `${name} = ${value}\n`);
  await Deno.writeTextFile(
    `${files}.ini`,
    `[databases]\n* = host=${host} port=${target}\n[pgbouncer]\n${lines.join("")}`,
  );
  await sandbox.adopt(
    await startChild("pgbouncer", {
      args: [`${files}.ini`],
      ready: /process up/,
      name: "PgBouncer",
      ...(Deno.uid() === 0 && { uid: UNPRIVILEGED, gid: UNPRIVILEGED }),
    }),
  );
  return port;
}
