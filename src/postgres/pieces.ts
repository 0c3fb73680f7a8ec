import type { Fragment, Helper, Sql } from "postgres";
import { type Box, boxAround, EARTH_RADIUS_M } from "../record/geo.ts";
import { inCells } from "./place_index.ts";
import type { Search } from "./search.ts";

/** The parts of `select <cells> from <from> order by <order>`. */
export interface Pieces {
  cells: Fragment;
  from: Fragment;
  order: Fragment;
}

type Key = [column: string, direction: "asc" | "desc"];

// Rows of other programs have no source. Rows that tie in all these columns print identically.
const PLACE: Key[] = [["latitude", "asc"], ["longitude", "asc"]];
const OLDEST_FIRST: Key[] = [
  ["timestamp", "asc"],
  ["source_id", "asc"],
  ["source_offset", "asc"],
  ...PLACE,
];
const NEWEST_FIRST: Key[] = [
  ["timestamp", "desc"],
  ["user_id", "asc"],
  ["source_id", "desc"],
  ["source_offset", "desc"],
  ...PLACE,
];
const BY_USER: Key[] = [["user_id", "asc"], ...OLDEST_FIRST];
const FIX_ORDERS: Record<Search["order"], Key[]> = {
  time: NEWEST_FIRST,
  user: BY_USER,
  tracks: BY_USER,
  distance: [["distance", "asc"], ...NEWEST_FIRST],
};

/** The parts of the statement of a search; every value is a parameter. */
export function piecesOf(sql: Sql, schema: string, search: Search): Pieces {
  const table = (name: string) => sql(`${schema}.${name}`);
  const order = (keys: Key[]) => sql.unsafe(orderText(keys, search.reverse)) as unknown as Fragment;
  if (search.what === "rejects" || search.what === "codes") {
    const rejects = sql`
        select * from ${table("routes_rejects")}
        join ${table("routes_sources")} on id = source_id
        where ${during(sql, search, (seconds) => sql`to_timestamp(${seconds}::float8)`)}
          ${search.codes ? sql`and code = any(${`{${search.codes}}`}::text[])` : sql``}`;
    if (search.what === "codes") {
      return {
        cells: sql`code, rejects, first, last`,
        from: sql`(
          select code, count(*)::float8 as rejects,
            extract(epoch from min(record_time))::float8 as first,
            extract(epoch from max(record_time))::float8 as last
          from (${rejects}) as reject group by code
        ) as codes`,
        order: order([["rejects", "desc"], ["code", "asc"]]),
      };
    }
    return {
      cells: sql`topic, partition, source_offset::float8, extract(epoch from record_time)::float8,
        code, path, message, key, headers::text, value`,
      from: sql`(${rejects}) as reject`,
      order: order([
        ["record_time", "desc"],
        ["topic", "asc"],
        ["partition", "asc"],
        ["source_offset", "desc"],
      ]),
    };
  }
  const fixes = fixesOf(sql, table("routes_table"), search);
  if (search.what === "summary") {
    return {
      cells: sql`user_id, fixes, first, last, metres, seconds,
        west, east, eastern_west, western_east, south, north`,
      from: sql`(${summaryOf(sql, fixes, search.gapS)}) as summary`,
      order: order(
        search.order === "time" ? [["last", "desc"], ["user_id", "asc"]] : [["user_id", "asc"]],
      ),
    };
  }
  // The limit of the statement would keep the first users, with their oldest fixes.
  const kept = search.order === "tracks" && search.limit !== null
    ? sql`select * from (${fixes}) as fix order by ${order(NEWEST_FIRST)}
        limit ${search.limit}::bigint`
    : fixes;
  const latest = latestOf(sql, table("routes_table"), search, fixes);
  const origin = sql`left join ${table("routes_sources")} as source on source.id = fix.source_id`;
  return {
    cells: sql`user_id, timestamp, latitude, longitude ${search.near ? sql`, distance` : sql``}
      ${search.withOrigin ? sql`, partition, source_offset::float8` : sql``}`,
    from: sql`(${search.what === "last" ? latest : kept}) as fix
      ${search.withOrigin ? origin : sql``}`,
    order: order(FIX_ORDERS[search.order]),
  };
}

/** The last fix of each user. */
function latestOf(sql: Sql, table: Helper<string>, search: Search, fixes: Fragment): Fragment {
  const newest = sql`timestamp desc, source_id desc nulls last, source_offset desc nulls last,
    latitude, longitude`;
  // A place is not in the index, so that the last fix there can be anywhere in the track.
  if (search.bbox || search.near) {
    return sql`select distinct on (user_id) * from (${fixes}) as fix order by user_id, ${newest}`;
  }
  // One probe of the index on user and time for each user, instead of sorting all rows.
  const where = sql`${search.users ? among(sql, search.users) : sql`true`}`;
  return sql`
    with recursive known as (
      (select user_id from ${table} where (${where}) order by user_id limit 1)
      union all
      select (
        select user_id from ${table} where user_id > known.user_id and (${where})
        order by user_id limit 1
      ) from known where user_id is not null
    )
    select last.* from known cross join lateral (
      select * from (${fixes}) as fix where fix.user_id = known.user_id order by ${newest} limit 1
    ) as last`;
}

function orderText(keys: Key[], reverse: boolean): string {
  return keys.map(([column, direction]) =>
    `${column} ${(direction === "asc") === reverse ? "desc" : "asc"}`
  ).join(", ");
}

/** Selects the fixes that pass every filter. */
function fixesOf(sql: Sql, table: Helper<string>, search: Search): Fragment {
  const { users, bbox, near } = search;
  const conditions = [during(sql, search, (seconds) => sql`${seconds}::float8`)];
  if (users) conditions.push(sql`(${among(sql, users)})`);
  if (bbox) conditions.push(within(sql, bbox));
  if (near) conditions.push(within(sql, boxAround(near)));
  const box = bbox ?? (near && boxAround(near));
  const cells = box && search.usesPlaceIndex ? inCells(sql, box) : null;
  if (cells) conditions.push(cells);
  const columns = sql`user_id, timestamp, latitude, longitude, source_id, source_offset`;
  const where = conditions.reduce((all, one) => sql`${all} and ${one}`);
  if (!near) return sql`select ${columns} from ${table} where ${where}`;
  const distance = metres(sql, {
    latitude: sql`${near.latitude}::float8`,
    longitude: sql`${near.longitude}::float8`,
  });
  return sql`
    select * from (
      select ${columns}, ${distance} as distance from ${table} where ${where}
    ) as near where distance <= ${near.radiusM}::float8`;
}

function during(
  sql: Sql,
  { what, since, until }: Search,
  instant: (seconds: number) => Fragment,
): Fragment {
  const column = sql(what === "rejects" || what === "codes" ? "record_time" : "timestamp");
  const from = since === null ? sql`true` : sql`${column} >= ${instant(since)}`;
  return until === null ? from : sql`${from} and ${column} < ${instant(until)}`;
}

function among(sql: Sql, users: [number, number][]): Fragment {
  const single = users.filter(([from, to]) => from === to).map(([user]) => user);
  return users.filter(([from, to]) => from !== to).reduce(
    (any, [from, to]) => sql`${any} or user_id between ${from}::int and ${to}::int`,
    sql`user_id = any(${`{${single}}`}::int[])`,
  );
}

/** Inside the box or on its edges; treats 180° and -180° as equal. */
function within(sql: Sql, { west, south, east, north }: Box): Fragment {
  const from = sql`longitude >= ${west}::float8`;
  const to = sql`longitude <= ${east}::float8`;
  const same = east === 180 ? -180 : west === -180 ? 180 : null;
  // Infinity, which another program may have written, is at no place.
  const inside = west > east
    ? sql`(${from} and longitude <= 180 or ${to} and longitude >= -180)`
    : same === null
    ? sql`${from} and ${to}`
    : sql`(${from} and ${to} or longitude = ${same}::float8)`;
  return sql`latitude between ${south}::float8 and ${north}::float8 and ${inside}`;
}

/**
 * Haversine distance between `from` and the row; `least` because rounding may exceed 1. Null when a coordinate is not
 * finite: PostgreSQL refuses a sine of infinity.
 */
function metres(sql: Sql, from: { latitude: Fragment; longitude: Fragment }): Fragment {
  const north = withoutTiny(sql, sql`latitude - ${from.latitude}`);
  const east = withoutTiny(sql, sql`longitude - ${from.longitude}`);
  return sql`case when abs(${north}) + abs(${east}) < 'infinity' then
    ${2 * EARTH_RADIUS_M}::float8 * asin(least(1, sqrt(
      sin(radians(${north}) / 2) ^ 2 +
      cos(radians(${withoutTiny(sql, sql`latitude`)})) *
        cos(radians(${withoutTiny(sql, from.latitude)})) * sin(radians(${east}) / 2) ^ 2
    ))) end`;
}

/** Rounds degrees below 1e-116 to 0 and leaves others: PostgreSQL refuses a product that is too small for a float. */
function withoutTiny(sql: Sql, degrees: Fragment): Fragment {
  return sql`(${degrees} + 1e-100::float8 - 1e-100::float8)`;
}

function summaryOf(sql: Sql, fixes: Fragment, gapS: number): Fragment {
  // The first fix is its own predecessor, so its distance is 0.
  const before = {
    latitude: sql`lag(latitude, 1, latitude) over track`,
    longitude: sql`lag(longitude, 1, longitude) over track`,
  };
  const chronology = sql.unsafe(orderText(OLDEST_FIRST, false)) as unknown as Fragment;
  return sql`
    select user_id, count(*)::float8 as fixes, min(timestamp) as first, max(timestamp) as last,
      sum(case when pause <= ${gapS}::float8 then metres else 0 end) as metres,
      sum(case when pause <= ${gapS}::float8 then pause else 0 end) as seconds,
      min(longitude) as west, max(longitude) as east,
      min(longitude) filter (where longitude >= 0) as eastern_west,
      max(longitude) filter (where longitude < 0) as western_east,
      min(latitude) as south, max(latitude) as north
    from (
      select *, ${metres(sql, before)} as metres,
        timestamp - lag(timestamp, 1, timestamp) over track as pause
      from (${fixes}) as fix
      window track as (partition by user_id order by ${chronology})
    ) as step
    group by user_id`;
}
