import { openPostgres } from "../../src/postgres/connect.ts";
import { importFlags } from "./imports.ts";
import { programCommand } from "./permissions.ts";
import { connectKafka, testSettings, uniqueName } from "./fixtures.ts";

/** Names of a new topic and a new database, with a settings file, to run the program. */
export interface Workspace {
  name: string;
  /** Holds host_settings.ini; the program runs in it. */
  dir: string;
  /** The program with these arguments, not yet started. */
  routes(args: string[], options?: Omit<Deno.CommandOptions, "args" | "cwd">): Deno.Command;
  /** Removes topic, group, database and folder. */
  close(): Promise<void>;
}

/** Opens a workspace on the services of the tests; `routes migrate` creates topic and database. */
export async function openWorkspace(prefix: string): Promise<Workspace> {
  const [command, before] = programCommand(await importFlags(() => {}));
  const name = uniqueName(prefix);
  const { kafka, postgresql } = testSettings();
  const dir = await Deno.makeTempDir({ prefix: "routes-workspace-" });
  await Deno.writeTextFile(
    `${dir}/host_settings.ini`,
    `[kafka]\nbootstrap_servers = ${kafka.brokers.join()}\ntopic = ${name}\ngroup_id = ${name}\n\n` +
      `[postgresql]\nhost = ${postgresql.servers[0].host}\nport = ${
        postgresql.servers[0].port
      }\ndbname = ${name}\n`,
  );
  return {
    name,
    dir,
    routes: (args, options = {}) =>
      new Deno.Command(command, { ...options, args: [...before, ...args], cwd: dir }),
    close: async () => {
      const admin = connectKafka().admin();
      await admin.connect();
      await admin.deleteTopics({ topics: [name] }).catch(() => {});
      await admin.deleteGroups([name]).catch(() => {});
      await admin.disconnect();
      const { sql } = openPostgres({ ...postgresql, database: "postgres" }, {
        readFile: Deno.readFileSync,
        log: null,
        max: 1,
      });
      await sql.unsafe(`drop database if exists "${name}" with (force)`);
      await sql.end();
      await Deno.remove(dir, { recursive: true });
    },
  };
}
