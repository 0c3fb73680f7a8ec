"""A consumer that uses librdkafka and stores nothing. At the end it prints its longest pause between two
records, and how many records of each partition it has read.

librdkafka.py BOOTSTRAP TOPIC GROUP [NAME=VALUE ...]
"""

import signal
import sys
import time

from confluent_kafka import Consumer

bootstrap, topic, group, *settings = sys.argv[1:]
consumer = Consumer({
    "bootstrap.servers": bootstrap,
    "group.id": group,
    "auto.offset.reset": "earliest",
    **dict(setting.split("=", 1) for setting in settings),
})
stopped = []
signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))


def on_assign(_, partitions):
    print("assigned", *sorted(one.partition for one in partitions), flush=True)


consumer.subscribe([topic], on_assign=on_assign)
longest, last = 0.0, None
read = {}
while not stopped:
    message = consumer.poll(0.2)
    if message is None or message.error():
        continue
    read[message.partition()] = read.get(message.partition(), 0) + 1
    now = time.monotonic()
    longest = max(longest, now - (last or now))
    last = now
print(f"longest pause {longest:.1f} s", flush=True)
print("read", *(f"{partition}={count}" for partition, count in sorted(read.items())), flush=True)
consumer.close()
