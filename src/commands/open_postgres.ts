import type { PostgresSettings } from "../settings/settings.ts";
import type { TlsFiles } from "../settings/reader.ts";
import { requireFiles } from "../network/certificates.ts";
import { type Client, openPostgres } from "../postgres/connect.ts";
import { findLock } from "../postgres/locks.ts";
import { explainPostgres } from "../postgres/errors.ts";
import type { CommandContext } from "./context.ts";

/** A statement that takes longer may wait for a lock. */
const LOCK_CHECK_MS = 1_000;

/** A PostgreSQL client for the settings; connects on first use. */
export function openPostgresFor(
  { settings: { postgresql: settings }, system, reporter }: CommandContext,
  options: { max?: number; database?: string; readOnly?: boolean } = {},
) {
  const files = filesOf(settings);
  if (files) requireFiles("postgresql", files, system, reporter.warn);
  reporter.wait(`connecting to PostgreSQL at ${settings.host}:${settings.port}`);
  const { readFile } = system;
  const { sql, bounded, cut } = openPostgres(settings, { ...options, readFile, log: reporter.log });

  /** The result of `work`; while it waits for a lock on a table, a warning names the session that holds it. */
  async function watched<T>(work: Promise<T>): Promise<T> {
    let observer: Client | null = null;
    const look = async () => {
      // A connection of its own: the others may all wait for the lock.
      observer ??= openPostgres(settings, { ...options, readFile, log: null, max: 1 });
      const lock = await findLock(observer.sql, settings.schema);
      if (!lock) return;
      const { table, pid } = lock;
      reporter.warn(`PostgreSQL: another session holds a lock on ${table} (pid ${pid})`);
    };
    const timer = setInterval(() => look().catch(() => {}), LOCK_CHECK_MS);
    try {
      return await work;
    } finally {
      clearInterval(timer);
      (observer as Client | null)?.cut();
    }
  }

  return {
    sql,
    watched,
    bounded: <T>(work: Promise<T>) => watched(bounded(work)),
    explain: (error: unknown) => explainPostgres(error, settings),
    close: async () => {
      await sql.end({ timeout: 5 });
      cut();
    },
  };
}

/** The TLS files; null without TLS. With `require` nothing is verified, so the CA file is not needed. */
export function filesOf({ sslmode, tls }: PostgresSettings): TlsFiles | null {
  if (sslmode === "disable") return null;
  return sslmode === "require" ? { ...tls, ca: null } : tls;
}
