import type { Fault } from "./folder.ts";

/** Faults in the connection to PostgreSQL and in its tables. */
export const postgresFaults: Fault[] = [
  {
    name: "a wrong password for PostgreSQL",
    changes: { postgresql: { password: "wrong" } },
    code: 77,
    lines: [
      '✗ login of "ann" refused by PostgreSQL at <postgres>',
      '    the server answered 28P01: password authentication failed for user "ann"',
      "    fix: correct [postgresql] user and password",
    ],
  },
  {
    name: "an address of PostgreSQL with a wrong password",
    changes: {
      postgresql: {
        service_uri: "postgres://ann:wr%25ng@<postgres>/routes",
        user: null,
        password: null,
      },
    },
    code: 77,
    lines: [
      '✗ login of "ann" refused by PostgreSQL at <postgres>',
      '    the server answered 28P01: password authentication failed for user "ann"',
      "    fix: correct [postgresql] user and password",
    ],
  },
  {
    name: "a user without a line in pg_hba.conf",
    changes: { postgresql: { user: "stranger" } },
    code: 77,
    lines: [
      '✗ login of "stranger" refused by PostgreSQL at <postgres>: no entry in pg_hba.conf matches',
      '    the server answered 28000: no pg_hba.conf entry for host "127.0.0.1", user "stranger", database "routes", SSL encryption',
      "    fix: correct [postgresql] user and dbname, or add a line to pg_hba.conf",
    ],
  },
  {
    name: "no TLS where PostgreSQL requires it",
    changes: { postgresql: { sslmode: "disable" } },
    code: 77,
    lines: [
      '✗ login of "ann" refused by PostgreSQL at <postgres>: no entry in pg_hba.conf matches',
      '    the server answered 28000: no pg_hba.conf entry for host "127.0.0.1", user "ann", database "routes", no encryption',
      "    fix: set [postgresql] sslmode = verify-full, or add a line to pg_hba.conf",
    ],
  },
  {
    name: "no client certificate where PostgreSQL requires one",
    changes: { postgresql: { user: "certified", password: null } },
    code: 77,
    lines: [
      '✗ PostgreSQL at <postgres> requires a client certificate of "certified"',
      "    the server answered 28000: connection requires a valid client certificate",
      "    fix: set [postgresql] sslcert and sslkey",
    ],
  },
  {
    name: "TLS to a PostgreSQL without it",
    changes: { postgresql: { port: "<plainPostgres:port>" } },
    code: 69,
    lines: [
      "✗ PostgreSQL at <plainPostgres> does not speak TLS on that port",
      "    the server has TLS turned off",
      "    fix: correct the port, or set [postgresql] sslmode = disable",
    ],
  },
  {
    name: "no such database",
    changes: { postgresql: { dbname: "nowhere" } },
    code: 69,
    lines: [
      '✗ database "nowhere" does not exist on <postgres>',
      '    the server answered 3D000: database "nowhere" does not exist',
      "    fix: routes migrate --create-database",
    ],
  },
  {
    name: "no tables",
    changes: { postgresql: { dbname: "bare" } },
    code: 69,
    lines: [
      '✗ 4 tables are missing in "bare"',
      '    "public".routes_table, "public".routes_sources, "public".routes_rejects, "public".routes_losses',
      "    fix: routes migrate",
    ],
  },
  {
    name: "a pending migration",
    changes: { postgresql: { dbname: "behind" } },
    code: 69,
    lines: ['✗ 2 migrations pending in "behind"', "    fix: routes migrate"],
  },
  {
    name: "no right to insert",
    changes: { postgresql: { user: "reader" } },
    code: 77,
    lines: [
      '✗ "reader" lacks rights in database "routes"',
      '    fix: grant insert on "public".routes_table to "reader"',
      '    fix: grant insert, update on "public".routes_sources to "reader"',
      '    fix: grant insert on "public".routes_rejects to "reader"',
      '    fix: grant insert on "public".routes_losses to "reader"',
    ],
  },
  {
    name: "a read-only server",
    changes: { postgresql: { user: "frozen" } },
    code: 69,
    lines: [
      "✗ PostgreSQL at <postgres> is read-only",
      "    it is a standby, or default_transaction_read_only is on",
      "    fix: set [postgresql] host and port to those of the primary",
    ],
  },
];
