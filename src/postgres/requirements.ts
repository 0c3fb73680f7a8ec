import type { Sql } from "postgres";
import { OperationalError } from "../errors.ts";
import { once } from "./sql_text.ts";

/** SQL_ASCII stores every byte; any other encoding lacks most characters that a reject can contain. */
const ENCODINGS = ["UTF8", "SQL_ASCII"];

/** Throws unless the database can store every text. */
export function requireEncoding(encoding: string, database: string): void {
  if (ENCODINGS.includes(encoding)) return;
  const text = `database "${database}" has encoding ${encoding}, which cannot store every record`;
  throw new OperationalError("settings", text, {
    hint: ["set [postgresql] dbname to a new name", "routes migrate --create-database"],
  });
}

const ORIGINAL: Record<string, string> = {
  user_id: "integer",
  timestamp: "double precision",
  latitude: "double precision",
  longitude: "double precision",
};
const MIGRATED = { ...ORIGINAL, source_id: "integer", source_offset: "bigint" };

/** Throws when `routes_table` exists, but consume could not write to it: other columns or types than it was created with. */
export async function checkColumns(sql: Sql, schema: string): Promise<void> {
  const columns = await once(sql)`
    select column_name as name, data_type as type,
      is_nullable = 'NO' and column_default is null and is_identity = 'NO'
        and is_generated = 'NEVER' as required
    from information_schema.columns
    where table_schema = ${schema} and table_name = 'routes_table' order by ordinal_position`;
  if (columns.length === 0) return;
  const types = new Map(columns.map(({ name, type }) => [name, type]));
  const isMigrated = types.has("source_id");
  const expected = isMigrated ? MIGRATED : ORIGINAL;
  const wrong = [
    ...Object.entries(expected).filter(([name, type]) => types.get(name) !== type)
      .map(([name, type]) => `column ${name} is ${types.get(name) ?? "missing"}, expected ${type}`),
    ...columns.filter(({ name, required }) => !(name in expected) && (required || !isMigrated))
      .map(({ name }) => isMigrated ? `column ${name} needs a value` : `column ${name} is unknown`),
  ];
  if (wrong.length === 0) return;
  const text = isMigrated
    ? `table "${schema}.routes_table" was changed: consume cannot write to it`
    : `table "${schema}.routes_table" was not created by the original program`;
  throw new OperationalError("data", text, {
    reason: wrong,
    hint: isMigrated
      ? "change those columns back; a column of your own must allow null or have a default"
      : "rename that table, or set [postgresql] schema to another schema",
  });
}
