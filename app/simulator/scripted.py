"""What one scripted model knows: its pace, its faults, and whom it tells of its streams."""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from app.simulator.faults import Faults
from app.simulator.posting import NoAnswer, Poster

CLOSE_SECONDS = 5.0
POST_SECONDS = 2.0
JSON = {"content-type": "application/json"}


@dataclass(slots=True)
class Pace:
    """How the model writes.

    Attributes:
        tokens_per_second: Of one stream; 0: as fast as it can.
        first_token_seconds: From the request to the first delta.
        answer: Said to everything, in place of the script.
        api_key: The one bearer token that is taken; ``None``: any.
    """

    tokens_per_second: float = 40.0
    first_token_seconds: float = 0.4
    answer: str | None = None
    api_key: str | None = None

    def turn(self, values: Mapping[str, object]) -> None:
        """Change some of it from now on.

        Raises:
            ValueError: An unknown name, or a value that does not fit.
        """
        for name, value in values.items():
            number = type(value) in (int, float) and 0 <= value < 1e6  # type: ignore[operator]
            if name in ("tokens_per_second", "first_token_seconds") and number:
                setattr(self, name, value)
            elif name in ("answer", "api_key") and (value is None or isinstance(value, str)):
                setattr(self, name, value)
            else:
                raise ValueError(f"{name}: not a setting of the model, or not a value for it")

    def as_json(self) -> dict[str, object]:
        """What ``GET /simulator/model`` tells; the key stays here."""
        names = ("tokens_per_second", "first_token_seconds", "answer")
        return {name: getattr(self, name) for name in names}


@dataclass(slots=True)
class Scripted:
    """One running model.

    Attributes:
        events_url: Where its streams are told of (``/simulator/model-events``).
        calls: Completions asked for so far.
    """

    pace: Pace
    events_url: str | None = None
    faults: Faults = field(default_factory=Faults)
    calls: int = 0
    _news: deque[dict[str, object]] = field(default_factory=lambda: deque(maxlen=1000))
    _teller: asyncio.Task[None] | None = None
    _poster: Poster = field(default_factory=Poster)

    def tell(self, **event: object) -> None:
        """Tell of a stream, if somebody wants to hear; never waits."""
        if self.events_url is None:
            return
        self._news.append(event)
        if self._teller is None or self._teller.done():
            self._teller = asyncio.create_task(self._post_news(self.events_url))

    async def close(self) -> None:
        """Let the last events out."""
        if self._teller is not None:
            await asyncio.wait({self._teller}, timeout=CLOSE_SECONDS)
            self._teller.cancel()
        await self._poster.close()

    async def _post_news(self, url: str) -> None:
        # One after the other, so that they arrive in their order.
        while self._news:
            # A page that shows figures is no reason for a model to fail.
            with contextlib.suppress(NoAnswer):
                body = json.dumps(self._news.popleft()).encode()
                await self._poster.post(url, body, JSON, seconds=POST_SECONDS)
