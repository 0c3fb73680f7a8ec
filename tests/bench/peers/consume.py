"""A careful program by hand: librdkafka and COPY, batch by batch, at least once.

consume.py BOOTSTRAP TOPIC COUNT CONNINFO TABLE
"""

import os
import sys

import orjson
import psycopg
from confluent_kafka import Consumer

bootstrap, topic, count, conninfo, table = sys.argv[1:]
count = int(count)
BATCH = 5000

consumer = Consumer({
    "bootstrap.servers": bootstrap,
    "group.id": f"peer-{os.getpid()}",
    "auto.offset.reset": "earliest",
    "enable.auto.commit": False,
    "fetch.wait.max.ms": 50,
    "queued.min.messages": 100_000,
    "max.partition.fetch.bytes": 1_048_576,
    "check.crcs": False,
    **orjson.loads(os.environ.get("PEER_KAFKA", "{}")),
})
consumer.subscribe([topic])
connection = psycopg.connect(conninfo)
copy_rows = (
    f"copy {table} (user_id, timestamp, latitude, longitude, source_id, source_offset) from stdin"
)


def is_number(value):
    return type(value) is float or type(value) is int


def parse(value):
    """Return the four numbers of a record, or None if it is invalid."""
    try:
        record = orjson.loads(value)
        user, timestamp = record["userID"], record["timestamp"]
        latitude, longitude = record["coordinates"]
        if type(user) is not int or not -2147483648 <= user <= 2147483647:
            return None
        if not is_number(timestamp) or not 0 <= timestamp < 253402300800:
            return None
        if not is_number(latitude) or not -90 <= latitude <= 90:
            return None
        if not is_number(longitude) or not -180 <= longitude <= 180:
            return None
        return user, timestamp, latitude, longitude
    except (ValueError, KeyError, TypeError):
        return None


done = rejected = 0
while done < count:
    messages = consumer.consume(BATCH, timeout=0.1)
    lines = []
    for message in messages:
        if message.error():
            raise SystemExit(message.error())
        row = parse(message.value())
        if row is None:
            rejected += 1
            continue
        user, timestamp, latitude, longitude = row
        lines.append(
            f"{user}\t{timestamp}\t{latitude}\t{longitude}\t{message.partition()}\t{message.offset()}\n"
        )
    if not messages:
        continue
    with connection.cursor() as cursor, cursor.copy(copy_rows) as copy:
        copy.write("".join(lines))
    connection.commit()
    consumer.commit(asynchronous=True)
    done += len(messages)
consumer.close()
print(done - rejected)
