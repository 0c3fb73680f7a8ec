"""What the original homework does with a record, rewritten: its producer makes one, its consumer takes or leaves one.

    python3 original.py produce COUNT   a line each, as the producer sends them
    python3 original.py consume         a line each for the lines on stdin: the four numbers, or null for one left
"""

import json
import random
import sys
import time


def make_record():
    return {
        "userId": random.randint(-(2**31), 2**31 - 1),
        "timestamp": time.time(),
        "coordinates": [random.uniform(-90, 90), random.uniform(-180, 180)],
    }


def take_record(value):
    if not isinstance(value, dict):
        return None
    user = value.get("userId")
    timestamp = value.get("timestamp")
    coordinates = value.get("coordinates")
    if not isinstance(user, int) or user < 0:
        return None
    if not isinstance(timestamp, float) or timestamp < 0:
        return None
    if not isinstance(coordinates, list) or len(coordinates) != 2:
        return None
    if not all(isinstance(degrees, float) for degrees in coordinates):
        return None
    return [user, timestamp, *coordinates]


if sys.argv[1] == "produce":
    for _ in range(int(sys.argv[2])):
        print(json.dumps(make_record()))
else:
    for line in sys.stdin:
        # The original decodes the bytes of a record as ASCII.
        print(json.dumps(take_record(json.loads(line.encode().decode("ascii")))))
