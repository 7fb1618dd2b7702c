"""How large the next bubble may be."""

from typing import Literal

BubbleStyle = Literal["stream", "balanced", "single"]
BubbleOrder = Literal["delivered", "sent", "none"]

Band = tuple[int, int]
"""A bubble goes out at the first sentence end at or past the first number of characters, and is
looked for harder past the second."""


LOW_ROOM = 3
"""With room for fewer bubbles than this in the person's burst, bubbles grow instead of waiting."""


def band_of(
    number: int,
    *,
    style: BubbleStyle,
    min_chars: int,
    max_chars: int,
    hard_chars: int,
    room: int = LOW_ROOM,
) -> Band:
    """The band of a reply's bubble ``number``, from 0.

    Every bubble is billed. ``stream`` keeps each in the band; ``balanced`` lets the first go early
    and the others grow, so that an answer is at most four bubbles (more only past the hard limit);
    ``single`` holds everything back for one message.

    Args:
        room: How many more bubbles the person may get at once: each one that is missing to
            ``LOW_ROOM`` doubles the band.
    """
    whole = (hard_chars, hard_chars)
    if style == "single" or (style == "balanced" and number >= 3):
        return whole
    grown: int = 2 ** min(max(LOW_ROOM - room, 0), 12)
    if style == "balanced":
        grown = max(grown, 3**number)
    return min(min_chars * grown, hard_chars), min(max_chars * grown, hard_chars)
