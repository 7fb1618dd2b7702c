"""The model's own way to call for a human: a mark in its answer that the person never sees."""

import re
from collections.abc import Sequence

MARK = "[[HUMAN]]"

HOW_TO = (
    "When the person clearly wants a human to take over, or only a human can settle the matter, "
    f"write {MARK} and nothing after it. The person does not see this mark: a colleague is "
    "called, the person is told so, and you stay silent until the colleague is done. Do not use "
    "it for questions that you can answer."
)

_MARK = re.compile(r"[\s*_~`>\"'(\-]*\[\[\s*HUMAN\s*\]\]", re.IGNORECASE)


def until_mark(cuts: Sequence[str]) -> tuple[Sequence[str], bool]:
    """What the person may see of some cuts of the model's text, and whether they call for a human.

    Asked once for each cut, not for each delta. A cut never ends within the mark: it has no space,
    sentence end or line end, and is shorter than anything that is cut by force.
    """
    for number, cut in enumerate(cuts):
        found = _MARK.search(cut) if "[[" in cut else None
        if found:
            return [*cuts[:number], cut[: found.start()]], True
    return cuts, False
