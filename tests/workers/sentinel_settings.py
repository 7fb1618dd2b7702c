"""``rq worker -c`` reads this: RQ's own way to name a Sentinel."""

import os

SENTINEL = {
    "INSTANCES": [("127.0.0.1", int(os.environ["TESTS_SENTINEL_PORT"]))],
    "MASTER_NAME": "main",
    "SOCKET_TIMEOUT": 5,
}
