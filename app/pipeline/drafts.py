"""Texts become numbered bubbles."""

from app.core.markup import split_to_fit, to_whatsapp
from app.core.model import Bubble


class Drafts:
    """Numbers the bubbles of one reply, each in the channel's markup."""

    def __init__(self, reply_id: str, *, first: int) -> None:
        self._reply_id = reply_id
        self._next = first

    def of(self, source: str) -> list[Bubble]:
        """The bubbles of one cut of the model's text: one, or more where markup made it too long;
        none where nothing is left to be seen.
        """
        texts = [text for text in split_to_fit(to_whatsapp(source)) if text.strip()]
        bubbles = []
        for text in texts:
            own = source if len(texts) == 1 else text
            bubbles.append(Bubble(self._reply_id, self._next, text, own))
            self._next += 1
        return bubbles
