"""Every code of the reference: tried again or not, what it holds back, and for how long."""

from collections.abc import Iterable
from datetime import timedelta

import pytest

from app.core.graph_errors import VERDICTS, Kind, code_label, error_for, verdict_for
from app.errors import Refused, Scope, Unavailable

MINUTE = 60.0

# kind, scope, the first three waits in seconds (an hour at most), how many more tries.
Row = tuple[Kind, Scope, tuple[float, float, float], int | None]

RETRIED: Row = ("retry", "call", (0.5, 2, 8), 3)
BUG: Row = ("refused", "call", (0, 0, 0), 0)
PERSON: Row = ("refused", "pair", (0, 0, 0), 0)


def throttled(scope: Scope, *waits: float) -> Row:
    return ("throttled", scope, (waits[0], waits[1], waits[2]), None)


def stopped(scope: Scope) -> Row:
    return ("stopped", scope, (MINUTE, MINUTE, MINUTE), None)


CODES: dict[int, Row] = {
    0: stopped("token"),
    1: RETRIED,
    2: RETRIED,
    3: stopped("app"),
    4: throttled("app", 60, 120, 240),
    10: stopped("token"),
    17: throttled("token", 60, 120, 240),
    33: stopped("number"),
    100: BUG,
    104: stopped("token"),
    190: stopped("token"),
    200: stopped("token"),
    230: stopped("token"),
    299: stopped("token"),
    368: stopped("account"),
    613: throttled("app", 60, 120, 240),
    803: stopped("number"),
    80007: throttled("account", 60, 120, 240),
    130403: PERSON,
    130429: throttled("number", 1, 2, 4),
    130472: PERSON,
    130497: PERSON,
    131000: RETRIED,
    131005: stopped("token"),
    131008: BUG,
    131009: BUG,
    131016: RETRIED,
    131021: BUG,
    131026: PERSON,
    131030: PERSON,
    131031: stopped("account"),
    131036: PERSON,
    131037: stopped("number"),
    131042: stopped("account"),
    131044: stopped("account"),
    131045: stopped("number"),
    131047: PERSON,
    131048: stopped("number"),
    131049: PERSON,
    131050: PERSON,
    131051: BUG,
    131052: BUG,
    131053: ("retry", "call", (0.5, 2, 8), 1),
    131056: throttled("pair", 1, 4, 16),
    131057: throttled("number", 15, 30, 60),
    131059: BUG,
    131060: BUG,
    131062: BUG,
    131063: BUG,
    131064: stopped("account"),
    132000: BUG,
    132001: BUG,
    132069: BUG,
    133000: stopped("number"),
    133004: RETRIED,
    133005: stopped("number"),
    133006: stopped("number"),
    133007: stopped("number"),
    133008: stopped("number"),
    133009: stopped("number"),
    133010: stopped("number"),
    133015: stopped("number"),
    133016: stopped("number"),
    134011: stopped("account"),
    135000: BUG,
    137000: PERSON,
}


@pytest.mark.parametrize("code", CODES)
def test_a_code_says_whether_when_and_what_it_holds_back(code: int) -> None:
    kind, scope, waits, tries = CODES[code]
    verdict = verdict_for(code)
    assert (verdict.kind, verdict.scope, verdict.tries) == (kind, scope, tries)
    assert tuple(verdict.wait(n).total_seconds() for n in (1, 2, 3)) == waits


@pytest.mark.parametrize("code", CODES)
def test_the_error_has_the_class_and_scope_of_its_code(code: int) -> None:
    kind, scope, _, _ = CODES[code]
    error = error_for(code, http_status=400)
    assert type(error) is (Refused if kind == "refused" else Unavailable)
    assert (error.code, error.scope) == (code, scope)
    assert str(code) in str(error)


def in_ranges(code: int, *ranges: Iterable[int]) -> bool:
    return any(code in one for one in ranges)


def test_the_table_holds_no_code_that_is_not_tested() -> None:
    ranged = {code for code in VERDICTS if in_ranges(code, range(200, 300), range(132000, 132070))}
    assert set(VERDICTS) - ranged == set(CODES) - ranged


@pytest.mark.parametrize("http_status", [400, 401, 403, 404, 500, 503])
def test_an_unknown_code_is_refused_whatever_the_http_status(http_status: int) -> None:
    error = error_for(999_999, http_status=http_status)
    assert isinstance(error, Refused)
    assert error.scope == "call"


def test_an_unknown_code_with_429_is_throttling_of_the_number() -> None:
    error = error_for(999_999, http_status=429)
    assert isinstance(error, Unavailable)
    assert error.scope == "number"


@pytest.mark.parametrize("http_status", [400, 429, 500, 503])
def test_a_known_code_counts_more_than_the_http_status(http_status: int) -> None:
    assert isinstance(error_for(131047, http_status=http_status), Refused)
    assert error_for(3, http_status=http_status).scope == "app"


@pytest.mark.parametrize("code", [100, 131047, 999_999])
def test_what_meta_calls_transient_is_tried_a_few_times(code: int) -> None:
    assert isinstance(error_for(code, http_status=400, is_transient=True), Unavailable)
    assert verdict_for(code, is_transient=True).tries == 3


@pytest.mark.parametrize("code", [4, 190, 131056])
def test_transient_changes_nothing_where_the_code_knows_better(code: int) -> None:
    assert verdict_for(code, is_transient=True) == verdict_for(code)


def test_the_time_meta_asks_for_is_passed_on() -> None:
    asked = timedelta(seconds=40)
    error = error_for(130429, http_status=400, retry_after=asked)
    assert isinstance(error, Unavailable)
    assert error.retry_after == asked
    unasked = error_for(130429, http_status=400)
    assert isinstance(unasked, Unavailable)
    assert unasked.retry_after is None


@pytest.mark.parametrize(
    ("code", "label"),
    [(131047, "131047"), (0, "0"), (7_700_001, "other"), ("http_502", "http_502"), (None, "")],
)
def test_a_code_as_a_label_is_one_that_we_know(code: int | str | None, label: str) -> None:
    assert code_label(code) == label


@pytest.mark.parametrize("code", VERDICTS)
def test_no_wait_is_longer_than_an_hour_and_none_shrinks(code: int) -> None:
    waits = [verdict_for(code).wait(tried) for tried in (0, 1, 2, 5, 10, 100, 10**9)]
    assert waits == sorted(waits)
    assert waits[-1] <= timedelta(hours=1)


def test_only_a_refusal_has_nothing_to_wait_for() -> None:
    for verdict in VERDICTS.values():
        assert (
            (verdict.kind == "refused") == (verdict.tries == 0) == (verdict.wait(1) == timedelta())
        )
