"""How much Meta lets through: a token bucket for each pair and each number."""

from dataclasses import dataclass


@dataclass(slots=True)
class Bucket:
    """At most ``size`` at once, ``rate`` more each second.

    Source: cloud-api notes 4.2: one message per 6 s to one person, up to 45 borrowed from later.
    """

    size: float
    rate: float
    _left: float = -1.0
    _at: float = 0.0

    def take(self, now: float) -> bool:
        """Whether one more may go now; a refusal costs nothing."""
        if self._left < 0:
            self._left = self.size
        else:
            self._left = min(self.size, self._left + max(0.0, now - self._at) * self.rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
