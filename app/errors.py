"""The error family: its class tells a caller whether to try again, and when.

Adapters turn their SDK's exceptions into these; above an adapter nobody knows SDKs.
``str(error)`` is safe to log: no secret, no number, no wamid, no text.
"""

from datetime import timedelta
from typing import Literal

Scope = Literal[
    "call", "pair", "number", "account", "app", "token", "model", "store", "webhook", "worker"
]
"""What an error or a trouble holds back: this call, one person, one of our numbers, everything …"""


NO_TEXT = "no_text"
"""The code of a model's answer that ended as it should and has no text."""


class RivuletError(Exception):
    """Whatever goes wrong outside, in our words.

    Attributes:
        code: Meta's ``error.code`` or a provider's word, when there was one.
        scope: What the error holds back.
    """

    def __init__(
        self, message: str, *, code: int | str | None = None, scope: Scope = "call"
    ) -> None:
        super().__init__(message)
        self.code = code
        self.scope = scope


class Refused(RivuletError):
    """No, and no again next time. The caller records it and stops."""


class Unavailable(RivuletError):
    """Not done; perhaps later. The caller waits, or parks the turn, and tries again.

    Attributes:
        retry_after: How long the other side asked us to wait; ``None`` when it did not say.
    """

    def __init__(
        self,
        message: str,
        *,
        code: int | str | None = None,
        scope: Scope = "call",
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(message, code=code, scope=scope)
        self.retry_after = retry_after


class Uncertain(RivuletError):
    """It may have been done: the answer was lost after the request began to leave.

    The caller waits for the status webhook before anything else.
    """


class Deadly(RivuletError):
    """Workers have died with it again and again. The caller gives it up."""


class LeaseLost(RivuletError):
    """Another worker holds this conversation now. The caller stops, and touches nothing more."""


class Paused(RivuletError):
    """The bot is to be silent in this conversation now. The caller stops, and the messages wait."""


class NewerLayout(RivuletError):
    """Redis holds the data of a newer version of us. The caller leaves it alone and ends."""

    def __init__(self, found: int, ours: int) -> None:
        super().__init__(
            f"REDIS_URL: a newer Rivulet keeps its data there (version {found}; this one knows"
            f" {ours}). Upgrade this process as well.",
            scope="store",
        )


class Parked(RivuletError):
    """Not now: a limit or a stop holds this turn back. The caller gives it back until later.

    Attributes:
        after: When it may go on, from now.
    """

    def __init__(self, after: timedelta, *, scope: Scope = "call") -> None:
        super().__init__(f"to be taken up again in {after.total_seconds():.1f} s", scope=scope)
        self.after = after
