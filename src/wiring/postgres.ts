import type { PostgresSettings } from "../config.ts";
import type { TlsFiles } from "../config/reader.ts";
import { requireFiles } from "../credentials.ts";
import { openPostgres } from "../postgres/connect.ts";
import { explainPostgres } from "../postgres/errors.ts";
import type { Bench } from "./bench.ts";

/** PostgreSQL as the settings say; connects on first use. */
export function openPostgresFor(
  { settings: { postgresql: settings }, world, talk }: Bench,
  options: { max?: number; database?: string; readOnly?: boolean } = {},
) {
  const files = filesOf(settings);
  if (files) requireFiles("postgresql", files, world, talk.warn);
  talk.wait(`connecting to PostgreSQL at ${settings.host}:${settings.port}`);
  const { sql, bounded, cut } = openPostgres(settings, {
    ...options,
    readFile: world.readFile,
    log: talk.log,
  });
  return {
    sql,
    bounded,
    explain: (error: unknown) => explainPostgres(error, settings),
    close: async () => {
      await sql.end({ timeout: 5 });
      cut();
    },
  };
}

/** The files that its TLS needs; null without TLS. With `require` nothing is verified, so the CA plays no part. */
export function filesOf({ sslmode, tls }: PostgresSettings): TlsFiles | null {
  if (sslmode === "disable") return null;
  return sslmode === "require" ? { ...tls, ca: null } : tls;
}
