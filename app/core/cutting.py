"""A reply's deltas in, its bubbles out, each as large as the style wants it."""

from collections.abc import Callable
from functools import partial

from app.core.chunker import Chunker
from app.core.pacing import LOW_ROOM, BubbleStyle, band_of


class PacedChunker:
    """A ``Chunker`` whose bubbles keep to a style: deltas in, bubble sources out.

    The same text gives the same bubbles however it is split into deltas.
    """

    def __init__(
        self,
        style: BubbleStyle,
        *,
        min_chars: int,
        max_chars: int,
        hard_chars: int,
        first: int = 0,
        room: Callable[[], int] = lambda: LOW_ROOM,
    ) -> None:
        """
        Args:
            first: How many bubbles of the answer there are already.
            room: How many more the person may get at once; asked at each cut.
        """
        self._bands = partial(
            band_of, style=style, min_chars=min_chars, max_chars=max_chars, hard_chars=hard_chars
        )
        band = self._bands(first)
        self._step = band[0]
        self._chunker = Chunker(min_chars=band[0], max_chars=band[1], hard_chars=hard_chars)
        self._cut = first
        self._room = room
        self._chunker.band = self._bands(first + 1)

    def feed(self, delta: str) -> list[str]:
        """The bubbles that this delta completes, often none."""
        bubbles: list[str] = []
        # In steps: one large delta must not carry several bubbles past the band of the first.
        for start in range(0, len(delta), self._step):
            for bubble in self._chunker.feed(delta[start : start + self._step]):
                bubbles.append(bubble)
                self._cut += 1
                self._chunker.band = self._bands(self._cut + 1, room=self._room())
        return bubbles

    def close(self) -> list[str]:
        """The rest, once."""
        return self._chunker.close()
