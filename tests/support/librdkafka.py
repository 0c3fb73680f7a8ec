"""A consumer that uses librdkafka and stores nothing. At the end it prints its longest pause between two
records, of all and of each partition, and how many records of each partition it has read.

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
longest, last, read = {}, {}, {}
while not stopped:
    message = consumer.poll(0.2)
    if message is None or message.error():
        continue
    read[message.partition()] = read.get(message.partition(), 0) + 1
    now = time.monotonic()
    for key in ["all", message.partition()]:
        longest[key] = max(longest.get(key, 0.0), now - last.get(key, now))
        last[key] = now
print(f"longest pause {longest.pop('all', 0.0):.1f} s", flush=True)
print("pauses", *(f"{partition}={seconds:.1f}" for partition, seconds in sorted(longest.items())), flush=True)
print("read", *(f"{partition}={count}" for partition, count in sorted(read.items())), flush=True)
consumer.close()
