import { type Command, type Globals, parseCli } from "./cli.ts";
import { parseSettings, secretsOf, type Settings, SETTINGS_FILES } from "./config.ts";
import { EXIT, Operation, renderFailure } from "./failure.ts";
import { help } from "./help.ts";
import { openTalk, type Talk } from "./talk.ts";
import { version } from "./version.ts";

/** Everything outside of the program, as main.ts hands it in. */
export interface World {
  args: string[];
  env(name: string): string | undefined;
  /** Throws where the file is not there, or not to be read. */
  readFile(path: string): Uint8Array;
  stdin: ReadableStream<Uint8Array>;
  stdout: Output;
  stderr: Output;
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds on a clock that never jumps. */
  clock(): number;
  /** A whole number below 2^32. */
  random(): number;
  /** Ends when it is time to finish; its reason is the exit code of work that had an end. */
  signal: AbortSignal;
  /** For the version line. */
  runtime: string;
}

/** A stream to write to. */
export interface Output {
  /** Waits until it is taken; throws ClosedPipe when nobody reads any more. */
  write(data: string | Uint8Array): Promise<void>;
  /** Width of the terminal, null where it is none. */
  columns: number | null;
}

/** Whoever read the output went away, as `head` does: no failure. */
export class ClosedPipe extends Error {
  override name = "ClosedPipe";
}

/** Runs one command; returns the exit code. */
export async function run(world: World): Promise<number> {
  const secrets: string[] = [];
  let how = { json: world.args.includes("--json"), verbose: 0 };
  try {
    const { command, globals } = parseCli(world.args, world.now());
    how = globals;
    if (command.verb === "version") {
      await world.stdout.write(`routes ${version} (${world.runtime})\n`);
    } else if (command.verb === "help") await world.stdout.write(help(command.topic));
    else return await work(command, globals, world, secrets);
    return EXIT.ok;
  } catch (error) {
    if (error instanceof ClosedPipe) return EXIT.ok;
    const { text, code } = renderFailure(asPermission(error), { ...how, secrets });
    await world.stderr.write(text).catch(() => {});
    return code;
  }
}

type Work = Exclude<Command, { verb: "help" | "version" }>;

/** What a command is wired from. */
interface Bench {
  settings: Settings;
  globals: Globals;
  world: World;
  talk: Talk;
}

async function work(command: Work, globals: Globals, world: World, secrets: string[]) {
  const settings = readSettings(globals, world);
  secrets.push(...secretsOf(settings));
  const { stdout, stderr, now, signal } = world;
  let written = Promise.resolve();
  const write = (text: string) => {
    written = written.then(() => stderr.write(text)).catch(() => {});
  };
  const talk = openTalk({ ...globals, columns: stderr.columns, secrets, now, write });
  for (const warning of settings.warnings) talk.note(`warning: ${warning}`);
  talk.step(settings.file ? `settings from ${settings.file}` : "no settings file: defaults serve");
  try {
    const { summary, openEnded } = await perform(command, { settings, globals, world, talk });
    talk.clear();
    if (globals.json && summary) await stdout.write(JSON.stringify(summary) + "\n");
    return signal.aborted && !openEnded ? signal.reason as number : EXIT.ok;
  } finally {
    talk.clear();
    // The process ends as soon as this returns.
    await written;
  }
}

/** A summary for --json, and whether the work had no end of its own, so that stopping it is a good end. */
interface Done {
  summary: object | null;
  openEnded: boolean;
}

async function perform(command: Work, bench: Bench): Promise<Done> {
  switch (command.verb) {
    case "produce":
      return await produce(command.options, bench);
    case "consume":
      return await consume(command.options, bench);
    case "migrate":
      return { summary: await migrate(command.options, bench), openEnded: false };
    case "query":
      await query(command.options, bench);
      return { summary: null, openEnded: false };
    case "verify":
      return await verify(bench);
  }
}

type Options<Verb extends "produce" | "consume" | "migrate" | "query"> = Extract<
  Work,
  { verb: Verb }
>["options"];

// Adapters are loaded by the command that needs them: `--help` loads none.

async function produce(options: Options<"produce">, bench: Bench): Promise<Done> {
  const { world, talk, settings: { kafka: settings } } = bench;
  const { describeProgress, runProduce, summarize } = await import("./commands/produce.ts");
  const connection = options.dryRun ? null : await openKafkaFor(bench);
  const { openSender } = await import("./kafka/produce.ts");
  const sender = connection && await explained(
    connection.explain,
    openSender(connection.kafka, {
      ...options,
      ...settings,
      deadlineMs: 120_000,
      signal: world.signal,
    }),
  );
  try {
    const { tally, failure } = await runProduce(options, {
      ...world,
      topic: settings.topic,
      sender,
      out: world.stdout.write,
      progress: (tally) => talk.progress(describeProgress(tally)),
      sleep,
      drawSeed: world.random,
    });
    talk.note(summarize(tally, { dry: options.dryRun }));
    if (failure) throw failure;
    return { summary: tally, openEnded: options.count === null && !options.stdin };
  } finally {
    await sender?.close();
  }
}

async function consume(options: Options<"consume">, bench: Bench): Promise<Done> {
  const { world, talk, settings: { kafka: { topic, groupId, sessionTimeoutMs }, postgresql } } =
    bench;
  const { runConsume } = await import("./commands/consume.ts");
  const { readTopic } = await import("./kafka/consume.ts");
  const { fingerprint, openStore } = await import("./postgres/store.ts");
  const { explainPostgres, judgePostgres } = await import("./postgres/errors.ts");
  const { kafka, explain, openLog } = await openKafkaFor(bench);
  const log = await openLog();
  const { sql, close } = await openPostgresFor(bench);
  try {
    const clusterId = await explained(explain, log.clusterId());
    const ledger = {
      ...openStore(sql, { schema: postgresql.schema, clusterId, topic }),
      fingerprint,
      judge: judgePostgres,
      explain: (error: unknown) => explainPostgres(error, postgresql),
    };
    // A trickle is held back by the broker, so that it comes in batches; what ends at the end of the topic is not.
    const minBytes = options.follow ? 65_536 : 1;
    const tally = await runConsume(options, {
      ...log,
      ...world,
      ...talk,
      topic,
      ranges: () => explained(explain, log.ranges()),
      read: (share, signal) =>
        readTopic(kafka, share, {
          topic,
          groupId,
          sessionTimeoutMs,
          waitMs: options.flushMs,
          minBytes,
          concurrency: 16,
          ranges: log.ranges,
        }, signal),
      ledger,
      explain,
      out: world.stdout.write,
      sleep,
    });
    return { summary: tally, openEnded: options.follow };
  } finally {
    await Promise.allSettled([log.close(), close()]);
  }
}

async function migrate(options: Options<"migrate">, bench: Bench): Promise<object> {
  const { world, settings: { kafka: { topic }, postgresql } } = bench;
  const { runMigrate } = await import("./commands/migrate.ts");
  const { migrations } = await import("./migrations/mod.ts");
  const { checksum, createDatabase, openHistory, script } = await import("./postgres/migrate.ts");
  const { sql, explain, close } = await openPostgresFor(bench, { max: 1 });
  const history = openHistory(sql, postgresql.schema);
  const known = migrations.map((migration) => ({
    ...migration,
    checksum: checksum(migration.sql),
  }));
  try {
    return await runMigrate(options, {
      ...history,
      known,
      database: postgresql.database,
      topicName: topic,
      createDatabase: () => createMissing(createDatabase, bench),
      createTopic: async (how) => {
        const { openLog, explain } = await openKafkaFor(bench);
        const log = await openLog();
        return await explained(explain, log.createTopic(how)).finally(log.close);
      },
      script: (migration) => script(postgresql.schema, migration),
      out: (text) => bench.globals.json ? Promise.resolve() : world.stdout.write(text),
      now: world.now,
    });
  } catch (error) {
    throw explain(error);
  } finally {
    await close();
  }
}

/** Creates the database through another one: the one that is set, or Aiven's, or PostgreSQL's own. */
async function createMissing(
  create: (sql: import("postgres").Sql, name: string) => Promise<"created" | "exists">,
  bench: Bench,
): Promise<"created" | "exists"> {
  const { maintenanceDb, database } = bench.settings.postgresql;
  const candidates = maintenanceDb ? [maintenanceDb] : ["defaultdb", "postgres"];
  for (const candidate of candidates) {
    const { sql, explain, close } = await openPostgresFor(bench, { max: 1, database: candidate });
    try {
      return await create(sql, database);
    } catch (error) {
      const missing = (error as { code?: string }).code === "3D000";
      if (!missing || candidate === candidates.at(-1)) throw explain(error);
    } finally {
      await close();
    }
  }
  throw new Error("Cannot create the database: no candidate");
}

async function query(options: Options<"query">, bench: Bench): Promise<void> {
  const { globals, world, talk, settings: { postgresql: { schema } } } = bench;
  const { runQuery } = await import("./commands/query.ts");
  const { openFinder } = await import("./postgres/find.ts");
  const { sql, explain, close } = await openPostgresFor(bench, { max: 1, readOnly: true });
  const asked = globals.json ? { ...options, format: "json" } : options;
  try {
    await explained(
      explain,
      runQuery(asked, {
        ...openFinder(sql, { schema, signal: world.signal }),
        out: world.stdout.write,
        note: talk.note,
        terminal: terminalOf(world.stdout, globals.color, world.env),
        signal: world.signal,
      }),
    );
  } finally {
    await close();
  }
}

async function verify(bench: Bench): Promise<Done> {
  const { globals, world, talk, settings: { kafka: settings, postgresql } } = bench;
  const { topic, groupId } = settings;
  const { runVerify } = await import("./commands/verify.ts");
  const { readTopic } = await import("./kafka/consume.ts");
  const { openAudit } = await import("./postgres/audit.ts");
  const { kafka, explain, openLog } = await openKafkaFor(bench);
  const log = await openLog();
  const { sql, explain: explainSql, close } = await openPostgresFor(bench, { readOnly: true });
  // A group of its own: nobody else's partitions are taken away, and it is gone afterwards.
  const group = `${groupId}-verify-${world.random().toString(36)}`;
  try {
    const clusterId = await explained(explain, log.clusterId());
    const verified = await runVerify({
      ...openAudit(sql, { schema: postgresql.schema, clusterId, topic }),
      topic,
      ranges: log.ranges,
      read: (reading, signal) =>
        readTopic(kafka, reading, {
          topic,
          groupId: group,
          sessionTimeoutMs: settings.sessionTimeoutMs,
          waitMs: 500,
          minBytes: 1,
          concurrency: 8,
          ranges: log.ranges,
        }, signal),
      out: (text) => globals.json ? Promise.resolve() : world.stdout.write(text),
      note: talk.note,
      progress: talk.progress,
      signal: world.signal,
    });
    await log.forgetGroup(group);
    if (verified && globals.json) {
      await world.stdout.write(JSON.stringify({ partitions: verified.accounts }) + "\n");
    }
    if (verified?.failure) throw verified.failure;
    return { summary: null, openEnded: false };
  } catch (error) {
    throw explainSql(explain(error));
  } finally {
    await Promise.allSettled([log.close(), close()]);
  }
}

/** What the output may look like: flag, FORCE_COLOR, NO_COLOR, TERM, terminal, in this order. */
function terminalOf(
  { columns: width }: Output,
  flag: Globals["color"],
  env: World["env"],
): { width: number | null; unicode: boolean; color: boolean } {
  const isTerminal = width !== null && env("TERM") !== "dumb";
  const locale = env("LC_ALL") || env("LC_CTYPE") || env("LANG") || "UTF-8";
  const forced = flag === "always" || (flag !== "never" && Boolean(env("FORCE_COLOR")));
  const refused = flag === "never" || Boolean(env("NO_COLOR"));
  return {
    width,
    unicode: isTerminal && /utf-?8/i.test(locale),
    color: forced || (!refused && isTerminal),
  };
}

async function openKafkaFor({ settings: { kafka: settings }, globals, world, talk }: Bench) {
  const { openKafka } = await import("./kafka/connect.ts");
  const { explainKafka } = await import("./kafka/errors.ts");
  const { openLog } = await import("./kafka/log.ts");
  talk.step(`connecting to Kafka at ${settings.brokers.join(", ")}`);
  const kafka = openKafka(settings, {
    readFile: world.readFile,
    log: talk.log,
    timeoutMs: globals.timeoutMs,
  });
  const explain = (error: unknown) => explainKafka(error, settings);
  return { kafka, explain, openLog: () => explained(explain, openLog(kafka, settings.topic)) };
}

async function openPostgresFor(
  { settings: { postgresql: settings }, world, talk }: Bench,
  options: { max?: number; database?: string; readOnly?: boolean } = {},
) {
  const { openPostgres } = await import("./postgres/connect.ts");
  const { explainPostgres } = await import("./postgres/errors.ts");
  talk.step(`connecting to PostgreSQL at ${settings.host}:${settings.port}`);
  const { sql, cut } = openPostgres(settings, {
    ...options,
    readFile: world.readFile,
    log: talk.log,
  });
  return {
    sql,
    explain: (error: unknown) => explainPostgres(error, settings),
    close: async () => {
      await sql.end({ timeout: 5 });
      cut();
    },
  };
}

async function explained<T>(explain: (error: unknown) => Error, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw explain(error);
  }
}

/** Resolves after that time, or as soon as the signal ends. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const wake = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    // Timers take no more than 31 bits of milliseconds.
    const timer = setTimeout(wake, Math.min(ms, 2_147_483_647));
    signal.addEventListener("abort", wake);
  });
}

function readSettings({ config, set }: Globals, { env, readFile }: World): Settings {
  const read = (path: string): Uint8Array | null => {
    try {
      return readFile(path);
    } catch (error) {
      if ((error as Error).name === "NotFound") return null;
      throw error;
    }
  };
  const exists = (path: string): boolean => read(path) !== null;
  const path = config ?? SETTINGS_FILES.find(exists);
  if (path === undefined) return parseSettings({ file: null, env, set, exists });
  const bytes = read(path);
  if (!bytes) {
    throw new Operation("noInput", `cannot read "${path}": file does not exist`, {
      fix: `routes help settings > ${path}`,
    });
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return parseSettings({ file: { path, text }, env, set, exists });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new Operation("settings", `cannot read "${path}": it is not UTF-8 text`);
  }
}

/** Deno refused what the program was not allowed at its start. */
function asPermission(error: unknown): unknown {
  if (!(error instanceof Error) || error.name !== "NotCapable") return error;
  return new Operation(
    "noPermission",
    `not permitted: ${error.message.replace(/, run again.*$/s, "")}`,
    {
      fix: "settings and certificates may lie in ., ./res, ./src, ./ssl and /etc/routes",
      cause: error,
    },
  );
}
