"""Shows where an answer would be cut and why, for people who judge a cut or report a bad one."""

from app.core.chunker import Chunker
from app.core.graphemes import size


def explain(
    text: str, *, min_chars: int = 100, max_chars: int = 200, hard_chars: int = 4000
) -> str:
    """The bubbles of an answer, each followed by a line with its size and why it ends there."""
    chunker = Chunker(min_chars=min_chars, max_chars=max_chars, hard_chars=hard_chars)
    cuts = chunker.cuts(text) + chunker.last_cuts()
    shown = [
        f"{cut.bubble}\n── bubble {number}: {_counted(cut.bubble)}; {cut.why}\n"
        for number, cut in enumerate(cuts, 1)
    ]
    return "\n".join(shown)


def _counted(bubble: str) -> str:
    characters = f"{len(bubble)} characters"
    # Wide ones count double towards the band, so a short-looking bubble may be long enough.
    return characters if size(bubble) == len(bubble) else f"{characters}, counted as {size(bubble)}"
