import tables from "./0001_tables.sql" with { type: "text" };
import topicIds from "./0002_topic_ids.sql" with { type: "text" };

/** The migrations in order; a released one is never changed. */
export const migrations: { version: number; name: string; sql: string }[] = [
  { version: 1, name: "tables", sql: tables },
  { version: 2, name: "topic_ids", sql: topicIds },
];
