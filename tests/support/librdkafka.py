"""A consumer that uses librdkafka and stores nothing.

librdkafka.py BOOTSTRAP TOPIC GROUP [NAME=VALUE ...]
"""

import signal
import sys

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
while not stopped:
    consumer.poll(0.2)
consumer.close()
