"""Meta's error codes → our error family, as one table.

Source: Meta, "Error codes" (pages of 2025-12-12 and 2026-09-11), "Throughput", "About the WhatsApp
Business Platform" (pair limit). An error body means that nothing was sent, so trying again never
doubles a bubble. The code decides: Meta throttles with HTTP 400, and code 3 comes with 500.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from app.errors import Refused, Scope, Unavailable

Kind = Literal["refused", "retry", "throttled", "stopped"]
"""What a code asks of us.

``refused``: this bubble will never go: record it, end the reply. ``retry``: a passing fault: a few
more tries. ``throttled``: too much for the scope: slow it down, then go on. ``stopped``: a person
must mend it: hold the scope's turns, tell the operator, probe now and then.
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one code means.

    Attributes:
        scope: What it holds back.
        first_wait: Before the next try, where Meta does not say; zero for ``refused``.
        growth: Each further wait is so many times the one before.
        tries: How many more tries before giving up; ``None``: until it works, 0 for ``refused``.
    """

    kind: Kind
    scope: Scope
    first_wait: timedelta = timedelta()
    growth: int = 1
    tries: int | None = 0

    def wait(self, tried: int) -> timedelta:
        """Before the next try, after ``tried`` tries (from 1) that gave this verdict; an hour at
        most.
        """
        steps = min(max(tried, 1) - 1, 16)  # more would pass the hour from any first wait
        factor: int = self.growth**steps
        return min(self.first_wait * factor, _LONGEST)


_LONGEST = timedelta(hours=1)
_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)


def _retry(tries: int) -> Verdict:
    return Verdict("retry", "call", _SECOND / 2, growth=4, tries=tries)


def _throttled(scope: Scope, first_wait: timedelta, growth: int = 2) -> Verdict:
    return Verdict("throttled", scope, first_wait, growth, tries=None)


def stopped(scope: Scope) -> Verdict:
    """Nothing is sent for this scope until a probe, one a minute, gets through."""
    return Verdict("stopped", scope, _MINUTE, tries=None)


_OUR_BUG = Verdict("refused", "call")
_NOT_THIS_PERSON = Verdict("refused", "pair")


def _table(rows: Mapping[Verdict, Iterable[int]]) -> dict[int, Verdict]:
    return {code: verdict for verdict, codes in rows.items() for code in codes}


VERDICTS: Mapping[int, Verdict] = _table(
    {
        # Passing faults: 1 unknown, 2 down or overloaded, 131000 something went wrong,
        # 131016 unavailable, 133004 server unavailable.
        _retry(3): (1, 2, 131000, 131016, 133004),
        # Our media could not be fetched or stored: once more, then it is a refusal.
        _retry(1): (131053,),
        # Throttling: 4 calls of the app, 613 generic, 17 calls of the token's user, 80007 calls of
        # the account, 130429 throughput of the number, 131056 this pair: Meta's own 4^X seconds.
        _throttled("app", _MINUTE): (4, 613),
        _throttled("token", _MINUTE): (17,),
        _throttled("account", _MINUTE): (80007,),
        _throttled("number", _SECOND): (130429,),
        _throttled("pair", _SECOND, growth=4): (131056,),
        # 131057: the number is being upgraded, up to minutes.
        _throttled("number", 15 * _SECOND): (131057,),
        # 0, 104, 190: no valid token; 10, 200–299, 131005: it lacks a permission.
        stopped("token"): (0, 10, 104, 190, *range(200, 300), 131005),
        # 3: the app lacks a capability.
        stopped("app"): (3,),
        # 368 policy, 131031 locked, 131042 and 131044 payment, 131064 misclassified templates,
        # 134011 payments terms.
        stopped("account"): (368, 131031, 131042, 131044, 131064, 134011),
        # 33 and 803 wrong or deleted, 131037 display name, 131045 certificate, 131048 spam limit
        # (trying makes it worse), 133xxx registration and PIN.
        stopped("number"): (
            *(33, 803, 131037, 131045, 131048),
            *(133000, *range(133005, 133011), 133015, 133016),
        ),
        # 130403 blocked by us, 130472 experiment, 130497 country, 131026 undeliverable,
        # 131030 not on the test number's list, 131036 a device without storage, 131047 window
        # closed, 131049 ecosystem health, 131050 stopped marketing, 137000 identity key.
        _NOT_THIS_PERSON: (
            *(130403, 130472, 130497, 131026, 131030, 131036),
            *(131047, 131049, 131050, 137000),
        ),
        # 100, 131008, 131009 parameters, 131021 to ourselves, 131051 type, 131052 their media,
        # 131059 paging cursor, 131060 their message, 131062 user id, 131063 marketing templates,
        # 132xxx templates, 135000 generic.
        _OUR_BUG: (
            *(100, 131008, 131009, 131021, 131051, 131052, 131059, 131060, 131062, 131063),
            *(*range(132000, 132070), 135000),
        ),
    }
)

_TRANSIENT = _retry(3)
_TOO_MANY = _throttled("number", _SECOND)


def verdict_for(code: int, *, http_status: int = 400, is_transient: bool = False) -> Verdict:
    """What a code means; ``refused`` for one that nobody has documented: a missed bubble is better
    than a doubled one.

    Args:
        code: Meta's ``error.code``.
        http_status: Counts only where the code says nothing: 429 is throttling.
        is_transient: Meta's own flag: what would be refused is worth a few more tries.
    """
    verdict = VERDICTS.get(code, _TOO_MANY if http_status == 429 else _OUR_BUG)
    return _TRANSIENT if is_transient and verdict.kind == "refused" else verdict


def code_label(code: int | str | None) -> str:
    """A code as a metric's label: a word of ours as it is, a number of Meta's that we know, else
    ``other``, so that labels stay few; ``""`` for none.
    """
    if isinstance(code, str):
        return code
    return str(code) if code in VERDICTS else "other" if code else ""


def verdict_of(error: Unavailable) -> Verdict:
    """What an error that was raised for a send asks of the sender: to try it again, or to wait.

    Without a code of Meta's (no connection, say) it is a passing fault.
    """
    known = VERDICTS.get(error.code) if isinstance(error.code, int) else None
    if known is not None and known.kind != "refused":
        return known
    return _TRANSIENT if error.scope in ("call", "pair") else _TOO_MANY


def error_for(
    code: int,
    *,
    http_status: int,
    is_transient: bool = False,
    retry_after: timedelta | None = None,
) -> Refused | Unavailable:
    """The error to raise for Meta's answer, by ``verdict_for``.

    Args:
        retry_after: What ``Retry-After`` asked for, if it came; passed on as it is.
    """
    verdict = verdict_for(code, http_status=http_status, is_transient=is_transient)
    if verdict.kind == "refused":
        return Refused(f"Meta refused it with code {code}", code=code, scope=verdict.scope)
    return Unavailable(
        f"not now, says Meta with code {code}",
        code=code,
        scope=verdict.scope,
        retry_after=retry_after,
    )
