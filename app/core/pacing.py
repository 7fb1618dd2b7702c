"""How large the next bubble may be."""

from typing import Literal

BubbleStyle = Literal["stream", "balanced", "single"]
BubbleOrder = Literal["delivered", "sent", "none"]

Band = tuple[int, int]
"""A bubble goes out at the first sentence end at or past the first number of characters, and is
looked for harder past the second."""


def band_of(
    number: int, *, style: BubbleStyle, min_chars: int, max_chars: int, hard_chars: int
) -> Band:
    """The band of a reply's bubble ``number``, from 0.

    Every bubble is billed. ``stream`` keeps each in the band; ``balanced`` lets the first go early
    and the others grow, so that an answer is at most four bubbles (more only past the hard limit);
    ``single`` holds everything back for one message.
    """
    whole = (hard_chars, hard_chars)
    if style == "single" or (style == "balanced" and number >= 3):
        return whole
    if style == "balanced":
        grown = 3**number
        return min(min_chars * grown, hard_chars), min(max_chars * grown, hard_chars)
    return min_chars, max_chars
