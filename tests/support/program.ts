import type { Admin, Kafka } from "kafkajs";
import type { Sql } from "postgres";
import { importFlags } from "./imports.ts";
import { programCommand } from "./permissions.ts";
import { testSettings, uniqueName, withSchema, withTopic } from "./fixtures.ts";

/** The exit code and the output of a run. */
export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** A run of the program that may still be running. */
export interface Running {
  /** Waits until it has printed that, on either stream, and returns the match; throws if it ends before. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
  kill(signal: Deno.Signal): void;
  pid: number;
  /** Stops reading its stdout, as `head` does. */
  closeStdout(): Promise<void>;
  ended: Promise<Ended>;
}

/** Input and environment of a run. */
export interface RunOptions {
  stdin?: string;
  env?: Record<string, string>;
}

/** Runs the program as a user does: a folder with a settings file, a topic and a schema. */
export interface ProgramFixture {
  dir: string;
  topic: string;
  group: string;
  schema: string;
  kafka: Kafka;
  admin: Admin;
  sql: Sql;
  routes(args: string[], options?: RunOptions): Promise<Ended>;
  start(args: string[], options?: RunOptions): Running;
  /** The number of rows and rejects, and the sums over `routes_sources`. */
  counts(): Promise<Counts>;
}

/** Numbers of rows and rejects, and the sums over `routes_sources`. */
export interface Counts {
  rows: number;
  rejects: number;
  next: number;
  stored: number;
  rejected: number;
  tombstones: number;
}

/** What to create. */
export interface ProgramFixtureOptions {
  partitions?: number;
  configs?: Record<string, string>;
  migrated?: boolean;
}

/** Creates a fixture for one test; afterwards removes topic, group, schema and folder and kills what still runs. */
export async function withProgram(
  { partitions = 1, configs = {}, migrated = true }: ProgramFixtureOptions,
  work: (fixture: ProgramFixture) => Promise<void>,
): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "routes-program-" });
  const group = uniqueName("group");
  const children = new Set<Deno.ChildProcess>();
  try {
    const [program, flags] = programCommand(await importFlags(() => {}));
    const env = quietEnv();
    const start = (args: string[], options: RunOptions = {}) => {
      const child = spawn(program, [...flags, ...args], {
        cwd: dir,
        env: { ...env, ...options.env },
        stdin: options.stdin,
      });
      children.add(child.process);
      child.ended.then(() => children.delete(child.process));
      return child;
    };
    await withTopic(
      { partitions, configs },
      ({ topic, kafka, admin }) =>
        withSchema(async ({ schema, sql }) => {
          await Deno.writeTextFile(
            `${dir}/host_settings.ini`,
            settingsFile({ topic, group, schema }),
          );
          const counts = () => count(sql, schema);
          try {
            await work({
              dir,
              topic,
              group,
              schema,
              kafka,
              admin,
              sql,
              start,
              routes: (args, options) => start(args, options).ended,
              counts,
            });
          } finally {
            for (const child of children) child.kill("SIGKILL");
            await Promise.all([...children].map(({ status }) => status));
            await admin.deleteGroups([group]).catch(() => {});
          }
        }, { migrated }),
    );
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** Starts a program in a folder, with only the given environment. */
export function spawn(
  command: string,
  args: string[],
  { stdin, ...options }: { cwd: string; env: Record<string, string>; stdin: string | undefined },
): Running & { process: Deno.ChildProcess } {
  const process = new Deno.Command(command, {
    ...options,
    args,
    clearEnv: true,
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const texts = { stdout: "", stderr: "" };
  const waiting = new Set<() => void>();
  const readers = { stdout: process.stdout.getReader(), stderr: process.stderr.getReader() };
  const drain = async (name: "stdout" | "stderr") => {
    const decoder = new TextDecoder();
    for (;;) {
      const { done, value } = await readers[name].read();
      if (done) return;
      texts[name] += decoder.decode(value, { stream: true });
      for (const search of waiting) search();
    }
  };
  const drained = Promise.all([drain("stdout"), drain("stderr")]);
  // The program may end before it has read all its input.
  if (stdin !== undefined) {
    drained.catch(() => {});
    new Blob([stdin]).stream().pipeTo(process.stdin).catch(() => {});
  }
  const ended = process.status.then(async ({ code }) => {
    await drained;
    return { code, ...texts };
  });
  return {
    process,
    ended,
    kill: (signal) => process.kill(signal),
    pid: process.pid,
    closeStdout: () => readers.stdout.cancel(),
    said: (pattern) => {
      const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
      const search = () => {
        const match = pattern.exec(texts.stdout) ?? pattern.exec(texts.stderr);
        if (match) resolve(match);
      };
      waiting.add(search);
      ended.then(() =>
        reject(new Error(`never printed ${pattern}:\n${texts.stdout}${texts.stderr}`))
      );
      search();
      return promise.finally(() => waiting.delete(search));
    },
  };
}

/** The variables that the runtime needs, without those of the tests. */
export function quietEnv(): Record<string, string> {
  const windows = ["SYSTEMROOT", "USERPROFILE", "LOCALAPPDATA", "TEMP"];
  const names = ["PATH", "HOME", "TMPDIR", "DENO_DIR", "DENO_TLS_CA_STORE", ...windows];
  const kept = names.map((name) => [name, Deno.env.get(name)]).filter(([, value]) => value);
  return { ...Object.fromEntries(kept), NO_COLOR: "1" };
}

function settingsFile(names: { topic: string; group: string; schema: string }): string {
  const { kafka, postgresql } = testSettings();
  const { servers: [{ host, port }], user, password } = postgresql;
  return `[kafka]
bootstrap_servers = ${kafka.brokers}
topic = ${names.topic}
group_id = ${names.group}

[postgresql]
host = ${host}
port = ${port}
user = ${user}
password = ${password ?? ""}
dbname = postgres
schema = ${names.schema}
`;
}

async function count(sql: Sql, schema: string): Promise<Counts> {
  const table = (name: string) => sql(`${schema}.${name}`);
  const [row] = await sql`
    select (select count(*)::int from ${table("routes_table")}) as rows,
      (select count(*)::int from ${table("routes_rejects")}) as rejects,
      coalesce(sum(next_offset), 0)::int as next, coalesce(sum(stored), 0)::int as stored,
      coalesce(sum(rejected), 0)::int as rejected, coalesce(sum(tombstones), 0)::int as tombstones
    from ${table("routes_sources")}`;
  return { ...row } as Counts;
}
