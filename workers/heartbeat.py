"""The thread that says a worker lives, and that notices when its event loop does not turn.

A thread and not a task: a job that blocks the loop for seconds must not make the worker look dead,
or another worker runs all its jobs a second time.
"""

import asyncio
import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable

WATCH_SECONDS = 0.25


class Heartbeat(threading.Thread):
    """Calls ``beat`` at a steady pace until ``stop``; to be made on the loop's own thread.

    Args:
        beat: What to do at each beat, on this thread. Its errors are logged, once for each kind
            in a row, and the beating goes on.
        beat_seconds: From one beat to the next.
        blocked_seconds: A loop that has not turned for so long is reported, with the stack of what
            stands in its way, once; and again when it turns.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        beat: Callable[[], None],
        *,
        beat_seconds: float,
        blocked_seconds: float,
        log: logging.Logger,
    ) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._loop = loop
        self._loop_thread = threading.get_ident()
        self._beat = beat
        self._beat_seconds = beat_seconds
        self._blocked_seconds = blocked_seconds
        self._log = log
        self._stopped = threading.Event()
        self._turned = threading.Event()
        self._turned.set()
        self._asked_at = time.monotonic()
        self._reported = False
        self._trouble: type[Exception] | None = None

    @property
    def blocked_seconds(self) -> float:
        """For how long the loop has not turned."""
        return 0.0 if self._turned.is_set() else time.monotonic() - self._asked_at

    def stop(self) -> None:
        """No beat begins after this; waits 5 s at most for one that is under way."""
        self._stopped.set()
        self.join(timeout=5)

    def run(self) -> None:
        next_beat = time.monotonic()
        while not self._stopped.is_set():
            if time.monotonic() >= next_beat:
                next_beat = time.monotonic() + self._beat_seconds
                self._beat_once()
            self._watch_loop()
            self._stopped.wait(min(WATCH_SECONDS, self._beat_seconds))

    def _beat_once(self) -> None:
        try:
            self._beat()
        except Exception as exc:
            if self._trouble is not type(exc):
                self._log.warning("heartbeat failed: %s", type(exc).__name__)
            self._trouble = type(exc)
        else:
            if self._trouble:
                self._log.info("heartbeat works again")
            self._trouble = None

    def _watch_loop(self) -> None:
        waited = time.monotonic() - self._asked_at
        if self._turned.is_set():
            if self._reported:
                self._log.warning("the event loop turns again after about %.1f s", waited)
            self._reported = False
            self._turned.clear()
            self._asked_at = time.monotonic()
            self._loop.call_soon_threadsafe(self._turned.set)
        elif waited > self._blocked_seconds and not self._reported:
            self._reported = True
            self._log.warning(
                "the event loop has been blocked for %.1f s by %s:\n%s",
                waited,
                self._culprit(),
                self._stack(),
            )

    def _culprit(self) -> str:
        task = asyncio.current_task(self._loop)
        return task.get_name() if task else "a callback"

    def _stack(self) -> str:
        frame = sys._current_frames().get(self._loop_thread)
        return "".join(traceback.format_stack(frame)) if frame else "(no stack)"
