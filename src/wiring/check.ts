import type { Checked, Globals } from "../cli.ts";
import { type Finding, type Hop, runCheck } from "../commands/check.ts";
import { secretsOf, type Settings } from "../config.ts";
import { inspectFiles, openToOthers } from "../credentials.ts";
import { Operation } from "../failure.ts";
import { openKafka } from "../kafka/connect.ts";
import { explainKafka, isHungUp } from "../kafka/errors.ts";
import {
  openProbe,
  type Probe,
  reachBroker,
  refuseCertificate,
  refuseTls,
  shakeBroker,
} from "../kafka/probe.ts";
import { migrations } from "../migrations/mod.ts";
import { plan } from "../plan.ts";
import { openPostgres } from "../postgres/connect.ts";
import { explainPostgres } from "../postgres/errors.ts";
import { openHistory, withChecksums } from "../postgres/migrate.ts";
import {
  checkCreate,
  checkTables,
  greet,
  type Greeting,
  mayReadHistory,
  reachServer,
  shakeServer,
} from "../postgres/probe.ts";
import type { Shaken } from "../reach.ts";
import type { World } from "../run.ts";
import type { Talk } from "../talk.ts";
import { speaksUtf8 } from "./bench.ts";
import { filesOf } from "./postgres.ts";

// The hops of `routes check`, from the settings to the clocks.

const CLOCK_MS = 5_000;
const WAIT_MS = 8_000;

interface Bench {
  globals: Globals;
  world: World;
  talk: Talk;
  secrets: string[];
  settings: () => Settings;
}

/** Looks at everything that `command` needs, or all; returns the exit code. */
export async function check(
  { command }: { command: Checked | null },
  { globals, world, talk, secrets, settings: read }: Bench,
): Promise<number> {
  const { json, quiet } = globals;
  const unicode = speaksUtf8(world.env);
  const rest = { json, quiet, secrets, unicode, out: world.stdout.write };
  const closing: (() => Promise<unknown>)[] = [];
  let settings: Settings;
  try {
    settings = read();
    secrets.push(...secretsOf(settings));
  } catch (error) {
    const look = () => Promise.reject(error);
    return await runCheck({ ...rest, chains: [[{ name: "settings", look }]] });
  }
  const timeoutMs = Math.min(globals.timeoutMs, WAIT_MS);
  const file = { name: "settings", look: () => Promise.resolve(lookAtFile(settings, world)) };
  const chains: Hop[][] = [[file]];
  if (command === null || command === "produce" || command === "consume") {
    chains.push(kafkaChain(settings, command, { world, talk, timeoutMs, closing }));
  }
  if (command !== "produce") {
    chains.push(postgresChain(settings, command, { world, talk, closing }));
  }
  try {
    return await runCheck({ ...rest, chains });
  } finally {
    await Promise.allSettled(closing.map((close) => close()));
  }
}

function lookAtFile(settings: Settings, world: World): Finding[] {
  const { file } = settings;
  const warnings = settings.warnings.map((warning) => ({ seen: warning, warning }));
  if (file === null) {
    return [{ seen: "no settings file: defaults and the environment serve" }, ...warnings];
  }
  const fault = file.holdsSecret ? openToOthers(file.path, world) : null;
  const seen = `settings file "${file.path}"`;
  return [fault ? { seen, fault } : { seen }, ...warnings];
}

function kafkaChain(
  { kafka: settings }: Settings,
  command: Checked | null,
  { world, talk, timeoutMs, closing }: {
    world: World;
    talk: Talk;
    timeoutMs: number;
    closing: (() => Promise<unknown>)[];
  },
): Hop[] {
  const { tls, sasl, topic, groupId } = settings;
  const hop = hopOf("kafka", (error) => explainKafka(error, settings));
  let seed = settings.brokers[0]!;
  let probe: Probe;
  const shake = async (address: string) =>
    tellTls(
      `Kafka at ${address}`,
      await shakeBroker(address, settings, world.readFile, timeoutMs),
      tls!.checkHostname,
      world.now(),
    );
  return [
    ...(tls ? [filesHop("kafka", () => inspectFiles("kafka", tls, world))] : []),
    hop("port", async () => {
      const found = await Promise.allSettled(
        settings.brokers.map((address) => reachBroker(address, timeoutMs)),
      );
      const first = found.findIndex(({ status }) => status === "fulfilled");
      if (first === -1) throw (found[0] as PromiseRejectedResult).reason;
      seed = settings.brokers[first]!;
      return found.map((result, i): Finding => {
        const where = `Kafka at ${settings.brokers[i]}`;
        if (result.status === "fulfilled") return { seen: reached(where, result.value) };
        const { message } = explainKafka(toKafka(result.reason), settings);
        return { seen: where, warning: message };
      });
    }),
    ...(tls ? [hop("tls", () => shake(seed))] : []),
    hop("login", async () => {
      const kafka = openKafka({ ...settings, brokers: [seed] }, {
        readFile: world.readFile,
        log: talk.log,
        timeoutMs,
      });
      try {
        probe = await openProbe(kafka, topic);
      } catch (error) {
        if (!tls) await refuseTls(seed, timeoutMs);
        else if (isHungUp(error)) {
          await refuseCertificate(seed, settings, world.readFile, timeoutMs);
        }
        throw error;
      }
      closing.push(probe.close);
      return `Kafka login ${sasl ? `of "${sasl.username}" by ${sasl.mechanism}` : tellLogin(tls)}`;
    }),
    hop("brokers", async () => {
      const brokers = await probe.brokers();
      for (const address of brokers) {
        if (address === seed) continue;
        await reachBroker(address, timeoutMs);
        if (tls) await shake(address);
      }
      return `Kafka tells of ${count(brokers.length, "broker")}, each within reach`;
    }),
    hop(
      "topic",
      async () => `topic "${topic}" with ${count(await probe.partitions(), "partition")}`,
    ),
    ...(command !== "consume"
      ? [hop("write", async () => {
        await probe.mayWrite();
        return `right to write to topic "${topic}"`;
      })]
      : []),
    ...(command !== "produce"
      ? [hop("read", async () => {
        await probe.mayRead();
        await probe.mayJoin(groupId);
        return `right to read topic "${topic}" as group "${groupId}"`;
      })]
      : []),
  ];
}

function postgresChain(
  { postgresql: settings }: Settings,
  command: Checked | null,
  { world, talk, closing }: { world: World; talk: Talk; closing: (() => Promise<unknown>)[] },
): Hop[] {
  const { host, port, sslmode, schema, database } = settings;
  const where = `PostgreSQL at ${host}:${port}`;
  const hop = hopOf("postgresql", (error) => explainPostgres(error, settings));
  const { sql, cut } = openPostgres(settings, { readFile: world.readFile, log: talk.log, max: 1 });
  closing.push(async () => {
    await sql.end({ timeout: 1 });
    cut();
  });
  let greeting: Greeting;
  const files = filesOf(settings);
  return [
    ...(files ? [filesHop("postgresql", () => inspectFiles("postgresql", files, world))] : []),
    hop("port", async () => reached(where, await reachServer(settings))),
    ...(sslmode === "disable" ? [] : [
      hop("tls", async () => {
        const shaken = await shakeServer(settings, world.readFile);
        if (sslmode !== "require") {
          return tellTls(where, shaken, sslmode === "verify-full", world.now());
        }
        const warning = `${where}: ${shaken.protocol}, but who answers is not verified`;
        return { seen: where, warning };
      }),
    ]),
    hop("login", async () => {
      greeting = await greet(sql, world.now);
      return `PostgreSQL ${greeting.version}, login of "${greeting.user}" to database "${database}"`;
    }),
    ...(command === "query" ? [] : [
      hop("writable", () => {
        if (!greeting.readOnly) return Promise.resolve(`${where} takes writes`);
        throw new Operation("unavailable", `${where} is read-only`, {
          reason: "it is a standby, or default_transaction_read_only is on",
          fix: "correct [postgresql] host and port to the primary",
        });
      }),
    ]),
    ...(command === "migrate" ? [hop("rights", () => checkCreate(sql, settings))] : [
      hop("tables", () =>
        checkTables(
          sql,
          settings,
          command === null ? ["consume", "query"] : [
            command === "query" ? "query" : "consume",
          ],
        )),
    ]),
    hop("migrations", async () => {
      if (!(await mayReadHistory(sql, schema))) {
        return "migrations: not to be read by this user, nor needed";
      }
      const applied = await openHistory(sql, schema).applied();
      const pending = plan(withChecksums(migrations), applied).length;
      if (pending === 0) return "migrations: up to date";
      if (command === "migrate") return `migrations: ${pending} pending`;
      throw new Operation(
        "unavailable",
        `${count(pending, "migration")} pending in "${database}"`,
        {
          fix: "routes migrate",
        },
      );
    }),
    hop("clock", () => {
      const apart = `clock of ${where}: ${tellApart(greeting.aheadMs)}`;
      const isFar = Math.abs(greeting.aheadMs) > CLOCK_MS;
      return Promise.resolve({ seen: apart, ...(isFar && { warning: apart }) });
    }),
  ];
}

/** Makes hops whose failures are put in words. */
function hopOf(section: string, explain: (error: unknown) => Error) {
  return (name: string, look: Hop["look"]): Hop => ({
    name: `${section}.${name}`,
    look: async () => {
      try {
        return await look();
      } catch (error) {
        throw explain(section === "kafka" ? toKafka(error) : error);
      }
    },
  });
}

function filesHop(section: string, look: () => Finding[]): Hop {
  return { name: `${section}.files`, look: () => Promise.resolve(look()) };
}

/** An error of the network as the one that kafkajs would have made of it. */
function toKafka(error: unknown): unknown {
  const isNetwork = error instanceof Error && "code" in error && error.name === "Error";
  return isNetwork ? Object.assign(error, { name: "KafkaJSConnectionError" }) : error;
}

function reached(where: string, address: string | null): string {
  return `${where}: ${address ? `${address}, ` : ""}port open`;
}

function tellTls(where: string, { protocol, name, validTo }: Shaken, named: boolean, now: number) {
  const days = Math.floor((validTo - now) / 86_400_000);
  const seen = `${where}: ${protocol}, certificate of "${name}" verified, ${days} days left`;
  if (!named) return { seen, warning: `${seen}, but its name is not checked` };
  return days < 30 ? { seen, warning: seen } : { seen };
}

function tellLogin(tls: Settings["kafka"]["tls"]): string {
  return tls?.cert ? "by certificate" : "without a name";
}

function tellApart(aheadMs: number): string {
  const seconds = (Math.abs(aheadMs) / 1000).toFixed(1);
  return seconds === "0.0" ? "the same" : `${seconds} s ${aheadMs > 0 ? "ahead" : "behind"}`;
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
