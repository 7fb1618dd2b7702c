"""Beside the journeys: look at Meta now and then, for what no message would tell in time.

A token that is about to end, webhooks that no longer come, a number that Meta restricts. Such calls
are scarce (200 an hour), so one process of the installation looks for all.
"""

import asyncio
from collections.abc import Sequence

import structlog

from app.core.account import WARNINGS, troubles_in, unanswered
from app.errors import Unavailable
from app.pipeline.ports import Account, Clock, Store

log = structlog.get_logger()


async def watch(accounts: Sequence[Account], store: Store, clock: Clock) -> bool:
    """Look if it is our turn; whether it was. What is found stands in ``Store.troubles``.

    While Meta does not answer, what was found before stands on, for some ten minutes. What it
    refuses to tell (an account that is ours no more) is passed over.

    Args:
        accounts: One for each access token.

    Raises:
        Unavailable: Not now: Redis is away.
    """
    if not await store.take_watch():
        return False
    known = await store.accounts()
    surveys = await asyncio.gather(*(account.survey(known) for account in accounts))
    unsaid = [error for survey in surveys for error in unanswered(survey) if error.scope != "token"]
    for error in unsaid:
        log.warning("watch.unanswered", error=str(error))
    if any(isinstance(error, Unavailable) for error in unsaid):
        await store.end_watch(None)
        return True
    found: dict[str, str] = {}
    for survey in surveys:
        for scope, code in troubles_in(survey, clock.now()).items():
            if found.get(scope) in {None, *WARNINGS}:
                found[scope] = code
    for scope, code in found.items():
        log.warning("watch.found", scope=scope, code=code)
    await store.end_watch(found)
    return True
