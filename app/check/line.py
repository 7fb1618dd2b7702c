"""One outcome of ``rivulet check``."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """The outcome of one check.

    Attributes:
        ok: ``None``: not checked, because of another failure.
        fix: What to do about a failure.
        warns: It works now, and somebody should look at it all the same.
    """

    ok: bool | None
    text: str
    fix: str = ""
    warns: bool = False

    def __str__(self) -> str:
        mark = {True: "✓ ok         ", False: "✗ FAILS      ", None: "- not checked"}[self.ok]
        if self.warns:
            mark = "! look at    "
        return f"{mark} {self.text}{f'  Fix: {self.fix}' if self.fix else ''}"
