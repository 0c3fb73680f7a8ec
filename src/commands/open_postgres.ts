import type { PostgresSettings } from "../settings/settings.ts";
import type { TlsFiles } from "../settings/reader.ts";
import { requireFiles } from "../network/certificates.ts";
import { openPostgres } from "../postgres/connect.ts";
import { explainPostgres, judgePostgres } from "../postgres/errors.ts";
import type { CommandContext } from "./context.ts";

/** What a command does about a failure of PostgreSQL. */
export interface PostgresErrors {
  /** Whether to reject the data, to wait and retry, or to stop. `state` is the SQLSTATE. */
  judge: typeof judgePostgres;
  /** The failure as a message with a hint. */
  explain(error: unknown): Error;
}

/** A PostgreSQL client for the settings; connects on first use. */
export function openPostgresFor(
  { settings: { postgresql: settings }, system, reporter }: CommandContext,
  options: { max?: number; database?: string; readOnly?: boolean } = {},
) {
  const files = filesOf(settings);
  if (files) requireFiles("postgresql", files, system, reporter.warn);
  reporter.wait(`connecting to PostgreSQL at ${settings.host}:${settings.port}`);
  const { sql, bounded, cut } = openPostgres(settings, {
    ...options,
    readFile: system.readFile,
    log: reporter.log,
  });
  const errors: PostgresErrors = {
    judge: judgePostgres,
    explain: (error) => explainPostgres(error, settings),
  };
  return {
    sql,
    bounded,
    ...errors,
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
