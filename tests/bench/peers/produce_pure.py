"""The same with kafka-python, the client of the original program: produce_pure.py BOOTSTRAP TOPIC COUNT"""

import json
import random
import sys

from kafka import KafkaProducer

bootstrap, topic, count = sys.argv[1:]
producer = KafkaProducer(
    bootstrap_servers=bootstrap,
    acks="all",
    linger_ms=20,
    batch_size=131_072,
    key_serializer=str.encode,
    value_serializer=lambda record: json.dumps(record, separators=(",", ":")).encode(),
)
places = [[round(random.uniform(59, 61), 7), round(random.uniform(24, 26), 7)] for _ in range(1000)]
for i in range(int(count)):
    user = i % 100 + 1
    record = {"userID": user, "timestamp": 1732431234.567 + i, "coordinates": places[i % 1000]}
    producer.send(topic, record, str(user))
producer.flush()
producer.close()
