from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.sse import EventReader, EventTooLarge, ServerEvent

LIMIT = 1000


def read(*bodies: bytes) -> list[ServerEvent]:
    reader = EventReader(max_bytes=LIMIT)
    events = [event for body in bodies for event in reader.feed(body)]
    return events + reader.close()


def pieces(body: bytes, cuts: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    return [body[start:end] for start, end in pairwise(edges)]


CASES = {
    "one line": (b"data: a\n\n", [(b"", b"a")]),
    "two events": (b"data: a\n\ndata: b\n\n", [(b"", b"a"), (b"", b"b")]),
    "no space after the colon": (b"data:a\n\n", [(b"", b"a")]),
    "only one space is dropped": (b"data:  a\n\n", [(b"", b" a")]),
    "CRLF": (b"data: a\r\n\r\ndata: b\r\n\r\n", [(b"", b"a"), (b"", b"b")]),
    "CR": (b"data: a\r\rdata: b\r\r", [(b"", b"a"), (b"", b"b")]),
    "mixed line ends": (b"data: a\r\n\ndata: b\n\r\n", [(b"", b"a"), (b"", b"b")]),
    "byte order mark": (b"\xef\xbb\xbfdata: a\n\n", [(b"", b"a")]),
    "a second byte order mark is part of a name": (b"\n\xef\xbb\xbfdata: a\n\n", []),
    "several data lines": (b"data: a\ndata:\ndata: b\n\n", [(b"", b"a\n\nb")]),
    "several data lines, CRLF": (b"data: a\r\ndata: b\r\n\r\n", [(b"", b"a\nb")]),
    "data without a colon": (b"data\n\n", [(b"", b"")]),
    "empty data": (b"data:\n\n", [(b"", b"")]),
    "named event": (b"event: error\ndata: a\n\n", [(b"error", b"a")]),
    "a name lasts for one event": (
        b"event: x\ndata: a\n\ndata: b\n\n",
        [(b"x", b"a"), (b"", b"b")],
    ),
    "a name without data is no event": (b"event: x\n\ndata: a\n\n", [(b"", b"a")]),
    "comments": (b": ping\n\n:\n\ndata: a\n: ping\n\n", [(b"", b"a")]),
    "ids and retries": (b"id: 7\nretry: 10\ndata: a\n\n", [(b"", b"a")]),
    "a field that only begins like data": (b"database: x\n\n", []),
    "no empty line at the end": (b"data: a\n\ndata: b\n", [(b"", b"a"), (b"", b"b")]),
    "no line end at the end": (b"data: a\n\ndata: b", [(b"", b"a"), (b"", b"b")]),
    "many empty lines": (b"\n\n\ndata: a\n\n\n\n", [(b"", b"a")]),
    "other separators of text are data": (
        "data: a\u2028b\x0bc\x85d\n\n".encode(),
        [(b"", "a\u2028b\x0bc\x85d".encode())],
    ),
    "nothing": (b"", []),
}


@pytest.mark.parametrize(("body", "events"), CASES.values(), ids=CASES.keys())
def test_a_body_is_read_as_its_events(body: bytes, events: list[tuple[bytes, bytes]]) -> None:
    assert read(body) == events


@pytest.mark.parametrize(("body", "events"), CASES.values(), ids=CASES.keys())
def test_a_body_that_comes_byte_by_byte_gives_the_same(
    body: bytes, events: list[tuple[bytes, bytes]]
) -> None:
    assert read(*(body[at : at + 1] for at in range(len(body)))) == events


LINES = st.sampled_from(
    [b"data: ", b"data:", b"data", b"event: error", b": ping", b"", b"{}", "é😀".encode(), b"\xff"]
)
ENDS = st.sampled_from([b"\n", b"\r", b"\r\n", b""])
BODIES = st.builds(
    lambda mark, parts: mark + b"".join(line + end for line, end in parts),
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
    st.lists(st.tuples(LINES, ENDS), max_size=20),
)


@given(BODIES, st.lists(st.integers(0, 150), max_size=12))
def test_the_split_into_reads_does_not_matter(body: bytes, cuts: list[int]) -> None:
    assert read(*pieces(body, cuts)) == read(body)


@given(st.lists(st.binary(max_size=12), max_size=8))
def test_any_bytes_are_read_alike_however_they_are_split(bodies: list[bytes]) -> None:
    assert read(*bodies) == read(b"".join(bodies))


def test_an_event_comes_as_soon_as_its_empty_line_is_read() -> None:
    reader = EventReader(max_bytes=LIMIT)
    assert reader.feed(b"data: a\n") == []
    assert reader.feed(b"\n") == [(b"", b"a")]


def test_an_event_that_ends_in_a_bare_cr_does_not_wait_for_what_follows() -> None:
    reader = EventReader(max_bytes=LIMIT)
    assert reader.feed(b"data: a\r\r") == [(b"", b"a")]
    assert reader.feed(b"\ndata: b\r\r") == [(b"", b"b")]


@pytest.mark.parametrize(
    "body",
    [
        b"data: " + b"a" * LIMIT,
        b": " + b"a" * LIMIT,
        b"data: " + b"a" * LIMIT + b"\n\n",
        b"data: aaaa\n" * LIMIT,
    ],
    ids=["unfinished line", "unfinished comment", "one line", "many lines"],
)
@pytest.mark.parametrize("size", [1, 64, 100_000])
def test_an_event_over_the_limit_is_refused_however_it_comes(body: bytes, size: int) -> None:
    with pytest.raises(EventTooLarge):
        read(*(body[at : at + size] for at in range(0, len(body), size)))


def test_many_events_may_be_larger_together_than_the_limit_of_one() -> None:
    assert len(read(b"data: aaaa\n\n" * LIMIT)) == LIMIT
