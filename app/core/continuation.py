"""Going on with an answer whose beginning the person has already read.

A worker died in the middle of it; another shows the model its own beginning and asks it to go on.
Some models start over, or repeat their last sentences: bubbles that were already said are
recognised and dropped. Whole ones only: two sentences may begin alike, and half a sentence says
nothing.
"""

from collections.abc import Sequence

from app.core.model import PromptMessage

GO_ON = (
    "Your answer broke off here; the person has read all of it so far. Go on exactly where it"
    " stopped, in the same language. Do not repeat anything and do not apologise."
)

LEAST_MATCH = 12
"""Characters, white space aside, that must be alike before a repetition is believed: "The " may
begin any two sentences."""


def continue_prompt(prompt: Sequence[PromptMessage], said: str) -> list[PromptMessage]:
    """The prompt that asks for the rest of an answer of which ``said`` was sent."""
    return [*prompt, PromptMessage("assistant", said), PromptMessage("user", GO_ON)]


class Continuation:
    """Lets through what is new of a continued answer: deltas in, new text out.

    Compares without white space. Holds text back only while it still repeats what was said from the
    beginning of some bubble on; each delta costs what it is long, times the bubbles.
    """

    def __init__(self, said: Sequence[str]) -> None:
        """
        Args:
            said: The bubbles' sources, in order. Without any, everything is new.
        """
        self._said = _squash("".join(said))
        starts = [0]
        for source in said:
            starts.append(starts[-1] + len(_squash(source)))
        self._alive = starts[:-1]  # places from which the new text may be a repetition
        self._ends = frozenset(starts[1:])
        self._held = ""
        self._matched = 0  # characters of the held text, white space aside, that repeat …
        self._whole = 0  # … and how many of them end with a bubble
        self._deciding = bool(self._said)

    def feed(self, delta: str) -> str:
        """The new text that is known to be new by now, often ``""`` at first."""
        if not self._deciding:
            return delta
        for position, character in enumerate(delta):
            self._held += character
            if character.isspace():
                continue
            going_on = [
                start
                for start in self._alive
                if self._said[start + self._matched : start + self._matched + 1] == character
            ]
            if not going_on:
                self._deciding = False
                return self._without(self._whole) + delta[position + 1 :]
            self._alive = going_on
            self._matched += 1
            if any(start + self._matched in self._ends for start in going_on):
                self._whole = self._matched
        return ""

    def close(self) -> str:
        """The rest, at the end of the answer: nothing when all of it was a repetition."""
        if not self._deciding:
            return ""
        self._deciding = False
        return self._without(self._matched)

    def _without(self, repeated: int) -> str:
        """The held text after so many characters, white space aside, unless they are too few."""
        if repeated < LEAST_MATCH:
            return self._held
        seen = 0
        for position, character in enumerate(self._held):
            if seen == repeated and not character.isspace():
                return self._held[position:]
            seen += not character.isspace()
        return ""


def _squash(text: str) -> str:
    return "".join(text.split())
