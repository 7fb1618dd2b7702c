"""A text in the pieces that a language model would write it in."""

import re

WORD_PIECE = 5
"""Characters of a long word in one piece."""

WIDE = r"\u3040-\u30ff\u4e00-\u9fff\uff00-\uffef\u3000-\u303f"
TOKEN = re.compile(rf"[{WIDE}]{{1,2}}|\s?[^\W\d_{WIDE}]+|\s?\d{{1,3}}|\s?[^\w\s]|.", re.DOTALL)


def pieces(text: str) -> list[str]:
    """The pieces, in order; joined they are the text, and the same text gives the same pieces.

    Words come with the space before them, long ones in two or more; ideographs by one or two.
    """
    return [part for token in TOKEN.findall(text) for part in _parts(token)]


def _parts(token: str) -> list[str]:
    if len(token) <= WORD_PIECE + 3:
        return [token]
    return [token[at : at + WORD_PIECE] for at in range(0, len(token), WORD_PIECE)]
