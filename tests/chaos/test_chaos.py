"""Workers, web and Redis are killed while people write: nothing is lost, double or out of order.

The form for every day; ``python -m tests.chaos`` is the long one.
"""

import pytest

from tests.chaos.judge import judge
from tests.chaos.world import Plan, run_of


@pytest.mark.chaos
@pytest.mark.timeout(200)
async def test_whatever_dies_every_person_is_answered_once_and_in_order() -> None:
    plan = Plan(seed=4, persons=40, messages=300, kills=10, restarts=2, writing=22.0, patience=60.0)
    verdict = judge(await run_of(plan))
    assert verdict.broken(plan) == {}
    assert verdict.kills == plan.kills
    assert verdict.recoveries, "no worker was killed that held a turn"
