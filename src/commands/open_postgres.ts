import { addressesOf } from "../settings/postgres.ts";
import type { PostgresSettings } from "../settings/settings.ts";
import type { TlsFiles } from "../settings/reader.ts";
import { requireFiles } from "../network/certificates.ts";
import { type Client, openPostgres } from "../postgres/connect.ts";
import { explainPostgres, judgePostgres } from "../postgres/errors.ts";
import { findHolder, findLock } from "../postgres/locks.ts";
import { describeStandby } from "../postgres/standby.ts";
import type { CommandContext } from "./context.ts";

/** What a command does about a failure of PostgreSQL. */
export interface PostgresErrors {
  /** Whether to reject the data, to wait and retry, or to stop. `state` is the SQLSTATE. */
  judge: typeof judgePostgres;
  /** The failure as a message with a hint. */
  explain(error: unknown): Error;
}

/** A statement that takes longer may wait for a lock. */
const LOCK_CHECK_MS = 1_000;
const LOCK_TIMEOUT = "55P03";
/** A prepared statement is missing, or is there already. */
const MIXED_UP = ["26000", "42P05"];

/** A PostgreSQL client for the settings; connects on first use. */
export function openPostgresFor(
  { settings: { postgresql: settings }, system, reporter }: CommandContext,
  options: { max?: number; database?: string; readOnly?: boolean } = {},
) {
  const files = filesOf(settings);
  if (files) {
    requireFiles("postgresql", files, system, (line) => reporter.warn(line, "certificate"));
  }
  reporter.wait(`connecting to PostgreSQL at ${addressesOf(settings)}`);
  const { readFile } = system;
  const { sql, tap, bounded, cut, isPooled, throughPooler, causeOf } = openPostgres(settings, {
    ...options,
    readFile,
    log: reporter.log,
  });

  /** The result of `work`; while it waits for a lock on a table, a warning names the session that holds it. */
  async function watched<T>(work: Promise<T>): Promise<T> {
    let observer: Client | null = null;
    const check = async (find: typeof findLock) => {
      // A connection of its own: the others may all wait for the lock.
      observer ??= openPostgres(settings, { ...options, readFile, log: null, max: 1 });
      const lock = await find(observer.sql, settings.schema);
      if (!lock) return;
      const { table, pid } = lock;
      reporter.warn(`PostgreSQL: another session holds a lock on ${table} (pid ${pid})`, "lock");
    };
    const timer = setInterval(() => check(findLock).catch(() => {}), LOCK_CHECK_MS);
    try {
      return await work;
    } catch (error) {
      // lock_timeout can be shorter than the time until the first look.
      if (judgePostgres(error).state === LOCK_TIMEOUT) await check(findHolder).catch(() => {});
      throw error;
    } finally {
      clearInterval(timer);
      (observer as Client | null)?.cut();
    }
  }

  const errors: PostgresErrors = {
    judge: (error) => {
      const judged = judgePostgres(error);
      if (MIXED_UP.includes(judged.state)) throughPooler();
      return judged;
    },
    explain: (error) => explainPostgres(causeOf(error), settings),
  };
  return {
    sql,
    tap,
    isPooled,
    watched,
    bounded: <T>(work: Promise<T>) => watched(bounded(work)),
    /** For a command that reads: when a standby answers, notes how far it lags behind. */
    noteStandby: async () => {
      const lag = await bounded(describeStandby(sql)).catch(() => null);
      if (lag) reporter.note(`PostgreSQL: this server is a standby; ${lag}`);
    },
    ...errors,
    close: async () => {
      await sql.end({ timeout: 2 });
      cut();
    },
  };
}

/** The TLS files; null without TLS. With `require` nothing is verified, so the CA file is not needed. */
export function filesOf({ sslmode, tls }: PostgresSettings): TlsFiles | null {
  if (sslmode === "disable") return null;
  return sslmode === "require" ? { ...tls, ca: null } : tls;
}
