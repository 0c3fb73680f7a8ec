"""A producer that uses librdkafka. Until SIGTERM it sends records at a steady rate; then it prints the longest pause
between two acknowledgements, of all and of each partition.

librdkafka_producer.py BOOTSTRAP TOPIC PER_SECOND [NAME=VALUE ...]
"""

import signal
import sys
import time

from confluent_kafka import Producer

bootstrap, topic, per_second, *settings = sys.argv[1:]
producer = Producer({
    "bootstrap.servers": bootstrap,
    "enable.idempotence": True,
    **dict(setting.split("=", 1) for setting in settings),
})
stopped = []
signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
longest, last, acked = {}, {}, {}


def on_delivery(error, message):
    if error:
        print("failed:", error, flush=True)
        return
    if not acked:
        print("sending", flush=True)
    acked[message.partition()] = acked.get(message.partition(), 0) + 1
    now = time.monotonic()
    for key in ["all", message.partition()]:
        longest[key] = max(longest.get(key, 0.0), now - last.get(key, now))
        last[key] = now


began, sent = time.monotonic(), 0
while not stopped:
    while sent < (time.monotonic() - began) * int(per_second):
        user = 1_000 + sent % 97
        value = f'{{"userID":{user},"timestamp":{1_600_000_000 + sent},"coordinates":[1.5,2.5]}}'
        producer.produce(topic, value, key=str(user), on_delivery=on_delivery)
        sent += 1
    producer.poll(0.02)
producer.flush(30)
print(f"longest pause {longest.pop('all', 0.0):.1f} s", flush=True)
print("pauses", *(f"{partition}={seconds:.1f}" for partition, seconds in sorted(longest.items())), flush=True)
print("acked", *(f"{partition}={count}" for partition, count in sorted(acked.items())), flush=True)
