-- Kafka's id of the topic, which changes when a topic is deleted and recreated; null until the next record is stored, and
-- for brokers before Kafka 3.1.
alter table routes_sources add column topic_id uuid;

-- A reject can stand for a batch that cannot be read: from source_offset to last_offset; null means one record.
alter table routes_rejects add column last_offset bigint;
