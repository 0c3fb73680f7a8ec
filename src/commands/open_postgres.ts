import { addressesOf } from "../settings/postgres.ts";
import type { PostgresSettings } from "../settings/settings.ts";
import type { TlsFiles } from "../settings/reader.ts";
import { requireFiles } from "../network/certificates.ts";
import { type Client, openPostgres } from "../postgres/connect.ts";
import { explainPostgres, judgePostgres } from "../postgres/errors.ts";
import { findLock } from "../postgres/locks.ts";
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
  const { sql, bounded, cut } = openPostgres(settings, { ...options, readFile, log: reporter.log });

  /** The result of `work`; while it waits for a lock on a table, a warning names the session that holds it. */
  async function watched<T>(work: Promise<T>): Promise<T> {
    let observer: Client | null = null;
    const check = async () => {
      // A connection of its own: the others may all wait for the lock.
      observer ??= openPostgres(settings, { ...options, readFile, log: null, max: 1 });
      const lock = await findLock(observer.sql, settings.schema);
      if (!lock) return;
      const { table, pid } = lock;
      reporter.warn(`PostgreSQL: another session holds a lock on ${table} (pid ${pid})`, "lock");
    };
    const timer = setInterval(() => check().catch(() => {}), LOCK_CHECK_MS);
    try {
      return await work;
    } finally {
      clearInterval(timer);
      (observer as Client | null)?.cut();
    }
  }

  const errors: PostgresErrors = {
    judge: judgePostgres,
    explain: (error) => explainPostgres(error, settings),
  };
  return {
    sql,
    watched,
    bounded: <T>(work: Promise<T>) => watched(bounded(work)),
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
