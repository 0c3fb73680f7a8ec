"""Produce with librdkafka, idempotent: produce.py BOOTSTRAP TOPIC COUNT"""

import json
import os
import random
import sys

from confluent_kafka import Producer

bootstrap, topic, count = sys.argv[1:]
count = int(count)
USERS = 100

failed = 0


def acked(error, _message):
    global failed
    failed += error is not None


producer = Producer({
    "bootstrap.servers": bootstrap,
    "enable.idempotence": True,
    "acks": "all",
    "linger.ms": 20,
    "batch.num.messages": 10_000,
    "queue.buffering.max.messages": 200_000,
    "partitioner": "murmur2_random",
    "on_delivery": acked,
    **json.loads(os.environ.get("PEER_KAFKA", "{}")),
})
# Generated first, so that mainly sending and json.dumps() are measured.
places = [[random.uniform(59, 61), random.uniform(24, 26)] for _ in range(1000)]
places = [[round(latitude, 7), round(longitude, 7)] for latitude, longitude in places]
for i in range(count):
    user = i % USERS + 1
    record = {"userID": user, "timestamp": 1732431234.567 + i, "coordinates": places[i % 1000]}
    value = json.dumps(record, separators=(",", ":"))
    while True:
        try:
            producer.produce(topic, value, str(user))
            break
        except BufferError:
            producer.poll(0.05)
    if i % 1000 == 0:
        producer.poll(0)
producer.flush()
if failed:
    raise SystemExit(f"{failed} records failed")
