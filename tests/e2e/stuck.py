"""A job that stands in the way of its worker's loop until it is told to go on."""

import os

from redis import Redis

GO_ON = "tests:go-on"


async def stand_in_the_way() -> None:
    with Redis.from_url(os.environ["REDIS_URL"], socket_timeout=90) as redis:
        redis.blpop([GO_ON], timeout=60)
