"""Server-sent events out of bytes, as they come in.

Source: WHATWG HTML, "Server-sent events", 9.2.6 Interpreting an event stream.
"""

from typing import NamedTuple

BOM = b"\xef\xbb\xbf"


class ServerEvent(NamedTuple):
    """One event.

    Attributes:
        name: The ``event`` field; ``b""`` when there was none.
        data: The ``data`` lines, joined by ``\\n``; may be ``b""``.
    """

    name: bytes
    data: bytes


class EventTooLarge(Exception):
    """One event has more bytes than we are ready to hold."""


class EventReader:
    """Turns the bytes of one response body into its events. Comments, ids and retries are dropped.

    The same bytes give the same events however they are split: inside a line end, a character or
    the byte order mark.
    """

    def __init__(self, *, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._pieces: list[bytes] = []  # of the line that has not ended yet
        self._piece_bytes = 0
        self._name = b""
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._first_line = True
        self._after_cr = False

    def feed(self, body: bytes) -> list[ServerEvent]:
        """The events that these bytes complete; often none.

        Raises:
            EventTooLarge: A line, or the data of an event, is longer than ``max_bytes``.
        """
        if self._after_cr and body:
            self._after_cr = False
            if body[0] == 10:  # the LF of a CRLF that was split
                body = body[1:]
        if not body:
            return []
        if b"\n" not in body and b"\r" not in body:
            self._keep(body)
            return []
        if self._pieces:
            body = b"".join((*self._pieces, body))
            self._pieces.clear()
            self._piece_bytes = 0
        lines = body.splitlines()
        last = body[-1]
        if last == 13:
            self._after_cr = True
        elif last != 10:
            self._keep(lines.pop())
        return self._read(lines)

    def close(self) -> list[ServerEvent]:
        """The event that the end of the body cut short of its empty line, if any.

        The standard drops it; model servers end their streams in that way.
        """
        rest = b"".join(self._pieces)
        self._pieces.clear()
        return self._read([rest, b""])

    def _keep(self, piece: bytes) -> None:
        self._piece_bytes += len(piece)
        if self._piece_bytes > self._max_bytes:
            raise EventTooLarge
        self._pieces.append(piece)

    def _read(self, lines: list[bytes]) -> list[ServerEvent]:
        events: list[ServerEvent] = []
        if self._first_line and lines:
            self._first_line = False
            lines[0] = lines[0].removeprefix(BOM)
        for line in lines:
            if not line:
                if self._data:
                    data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
                    events.append(ServerEvent(self._name, data))
                    self._data = []
                    self._data_bytes = 0
                self._name = b""
            elif line.startswith(b"data:"):
                self._add(line[6:] if line[5:6] == b" " else line[5:])
            elif line == b"data":
                self._add(b"")
            elif line.startswith(b"event:"):
                self._name = line[6:].removeprefix(b" ")
        return events

    def _add(self, data: bytes) -> None:
        self._data_bytes += len(data) + 1
        if self._data_bytes > self._max_bytes:
            raise EventTooLarge
        self._data.append(data)
