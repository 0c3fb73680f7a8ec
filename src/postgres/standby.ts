import type { Sql } from "postgres";

/** How far the server lags behind its primary, as the end of a sentence; null when it is no standby. */
export async function describeStandby(sql: Sql): Promise<string | null> {
  // Since PostgreSQL 14 the server says it at the login.
  if (sql.parameters["in_hot_standby"] === "off") return null;
  const [row] = await sql`
    select pg_is_in_recovery() as standby, exists (select from pg_stat_wal_receiver where pid is not null) as "isFed",
      pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() as "hasAll",
      round(1000 * extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::numeric)
        as "agoMs"`;
  const { standby, isFed, hasAll, agoMs } = row!;
  if (!standby) return null;
  const ago = agoMs === null ? null : describeAge(Number(agoMs));
  if (isFed && hasAll) return "it has applied all that its primary has sent";
  if (isFed) return ago === null ? "its lag is not known" : `it lags ${ago} behind its primary`;
  const last = ago === null ? "" : `: its last transaction is ${ago} old`;
  return `it is not connected to its primary${last}`;
}

function describeAge(ms: number): string {
  const seconds = Math.max(ms, 0) / 1000;
  if (seconds < 100) return `${seconds.toFixed(1)} s`;
  return seconds < 6_000 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
