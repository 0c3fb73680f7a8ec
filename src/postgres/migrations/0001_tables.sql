-- Rows: the four columns of the original program, and where each came from; both null when another program wrote it.
create table if not exists routes_table (
  user_id int not null,
  timestamp float8 not null,
  latitude float8 not null,
  longitude float8 not null
);

alter table routes_table
  alter column user_id set not null,
  alter column timestamp set not null,
  alter column latitude set not null,
  alter column longitude set not null,
  add column source_id int,
  add column source_offset bigint;

create unique index routes_table_source on routes_table (source_id, source_offset);
create index routes_table_time on routes_table using brin (timestamp);
create index routes_table_user on routes_table (user_id, timestamp);

-- One row a Kafka partition: how far it is settled.
create table routes_sources (
  id int generated always as identity primary key,
  cluster_id text not null,
  topic text not null,
  partition int not null,
  start_offset bigint not null,
  next_offset bigint not null,
  stored bigint not null default 0,
  rejected bigint not null default 0,
  tombstones bigint not null default 0,
  -- Those below are counted: records that are read again after a replay must not count twice.
  tombstones_to bigint not null default 0,
  -- The last record settled, to recognise a topic that was deleted and made anew; time in milliseconds since 1970.
  last_offset bigint,
  last_time bigint,
  last_hash text,
  updated_at timestamptz not null default now(),
  unique (cluster_id, topic, partition)
);

-- Records that are no rows, as they came, and why.
create table routes_rejects (
  source_id int not null references routes_sources,
  source_offset bigint not null,
  record_time timestamptz,
  key bytea,
  value bytea,
  headers jsonb,
  code text not null,
  path text not null,
  message text not null,
  rejected_at timestamptz not null default now(),
  primary key (source_id, source_offset)
);

-- Records that an operator declared as gone for good: [from_offset, to_offset).
create table routes_losses (
  source_id int not null references routes_sources,
  from_offset bigint not null,
  to_offset bigint not null,
  reason text not null,
  declared_at timestamptz not null default now(),
  primary key (source_id, from_offset)
);
