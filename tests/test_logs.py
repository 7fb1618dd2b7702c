"""One JSON line for each event, whoever writes it, and no value of an exception in it."""

import asyncio
import gc
import io
import json
import logging
import threading
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import structlog

from app.logs import NOISY, set_up_logs

SECRET = "a pineapple for 15550190777"


LIBRARIES = (*NOISY, "uvicorn", "uvicorn.error", "rq.worker")


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    """Logging is one for the whole process: begin as a new one would, and give it back as it was.

    RQ's import gives its logger a level; a uvicorn that another test has run in this process has
    routed its loggers elsewhere.
    """
    loggers = [logging.getLogger(), *map(logging.getLogger, LIBRARIES)]
    before = [(logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    configured = structlog.get_config()
    for logger in loggers[1:]:
        logger.handlers[:], logger.propagate = [], True
        logger.setLevel(logging.INFO if logger.name == "rq.worker" else logging.NOTSET)
    yield
    for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
        logger.handlers[:], logger.propagate = handlers, propagate
        logger.setLevel(level)
    structlog.configure(**configured)


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


def lines_of(out: io.StringIO) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in out.getvalue().splitlines()]


def fail() -> None:
    raise ValueError(SECRET)


def test_an_event_is_one_json_line(out: io.StringIO) -> None:
    set_up_logs("info", "json", stream=out)
    structlog.get_logger().info("bubble.sent", number=3, note="two\nlines, ü 😀", code=None)
    (line,) = lines_of(out)
    stamp = line.pop("timestamp")
    assert stamp.endswith("Z")
    assert line == {
        "event": "bubble.sent",
        "level": "info",
        "number": 3,
        "note": "two\nlines, ü 😀",
        "code": None,
    }


def test_the_keys_of_a_turn_are_on_each_of_its_lines(out: io.StringIO) -> None:
    set_up_logs("info", "json", stream=out)
    with structlog.contextvars.bound_contextvars(turn_id="t1"):
        structlog.get_logger().info("turn.started")
        logging.getLogger("rq.worker").warning("something of RQ's")
    structlog.get_logger().info("between")
    assert [line.get("turn_id") for line in lines_of(out)] == ["t1", "t1", None]


def test_lines_of_libraries_come_through_the_same_door(out: io.StringIO) -> None:
    set_up_logs("info", "json", stream=out)
    logging.getLogger("uvicorn.error").info("Started server process [%d]", 42)
    (line,) = lines_of(out)
    assert line["event"] == "Started server process [42]"
    assert line["level"] == "info"
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("whose", ["ours", "a library's"])
def test_an_exception_tells_its_kind_and_place_and_no_value(
    out: io.StringIO, form: str, whose: str
) -> None:
    set_up_logs("info", form, stream=out)
    try:
        fail()
    except ValueError as exc:
        if whose == "ours":
            structlog.get_logger().exception("job.failed")
            structlog.get_logger().error("job.failed", exc_info=exc)
        else:
            logging.getLogger("uvicorn.error").exception("job.failed")
            logging.getLogger("uvicorn.error").error("job.failed", exc_info=exc)
    told = out.getvalue()
    assert told.count("job.failed") == 2
    assert len(told.splitlines()) == 2
    assert told.count("ValueError") == 2
    assert f"{__file__}:" in told
    assert " fail" in told
    assert "pineapple" not in told


def test_an_exception_without_a_traceback_is_told_all_the_same(out: io.StringIO) -> None:
    set_up_logs("info", "json", stream=out)
    structlog.get_logger().error("job.failed", exc_info=ValueError(SECRET))
    structlog.get_logger().error("job.failed", exc_info=True)  # where there is none
    first, second = lines_of(out)
    assert (first["error_type"], first["error_at"]) == ("ValueError", [])
    assert "error_type" not in second
    assert "pineapple" not in out.getvalue()


def test_a_long_traceback_is_cut_to_its_end(out: io.StringIO) -> None:
    set_up_logs("info", "json", stream=out)

    def deep(levels: int) -> None:
        if levels == 0:
            fail()
        deep(levels - 1)

    try:
        deep(50)
    except ValueError:
        structlog.get_logger().exception("job.failed")
    (line,) = lines_of(out)
    assert len(line["error_at"]) == 6
    assert line["error_at"][-1].endswith(" fail")


def test_asyncio_tells_of_a_failed_task_without_showing_it(out: io.StringIO) -> None:
    set_up_logs("info", "json", stream=out)

    async def forget_a_task() -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(fail_with, SECRET)
        task = loop.create_task(fail_later())
        await asyncio.wait({task})

    async def fail_later() -> None:
        fail()

    def fail_with(_: str) -> None:
        fail()

    asyncio.run(forget_a_task())
    gc.collect()
    lines = lines_of(out)
    assert {line["event"] for line in lines} == {
        "Exception in callback test_asyncio_tells_of_a_failed_task_without_showing_it.",
        "Task exception was never retrieved",
    }
    assert all(line["error_type"] == "ValueError" for line in lines)
    assert "pineapple" not in out.getvalue()


def test_what_json_cannot_hold_is_written_as_text(out: io.StringIO) -> None:
    set_up_logs("info", "json", stream=out)
    structlog.get_logger().info("odd", kind=ValueError, keys={1: 2})
    structlog.get_logger().info("odd", big=2**70, half="\ud83d")
    first, second = (json.loads(line) for line in out.getvalue().splitlines())
    assert first["kind"] == "<class 'ValueError'>"
    assert first["keys"] == {"1": 2}
    assert (second["big"], second["half"]) == (2**70, "\ud83d")


@pytest.mark.parametrize(
    ("level", "written"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_the_level_holds_for_us_and_for_libraries(
    out: io.StringIO, level: str, written: list[str]
) -> None:
    set_up_logs(level, "json", stream=out)
    for logger in (structlog.get_logger(), logging.getLogger("rq.worker")):
        for name in ("debug", "info", "warning", "error"):
            getattr(logger, name)(name)
    assert [line["event"] for line in lines_of(out)] == written * 2


@pytest.mark.parametrize("name", NOISY)
def test_loggers_that_print_urls_tell_only_their_warnings(out: io.StringIO, name: str) -> None:
    set_up_logs("debug", "json", stream=out)
    logging.getLogger(name).info("GET https://graph.example/?input_token=word")
    logging.getLogger(f"{name}.inner").info("GET https://graph.example/?input_token=word")
    logging.getLogger(name).warning("something is wrong")
    assert [line["event"] for line in lines_of(out)] == ["something is wrong"]


def test_the_console_form_is_for_people(out: io.StringIO) -> None:
    set_up_logs("info", "console", stream=out)
    structlog.get_logger().info("bubble.sent", number=3)
    (line,) = out.getvalue().splitlines()
    assert "bubble.sent" in line
    assert "number=3" in line
    assert "\x1b" not in line  # colours are for terminals
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(line)


def test_the_last_call_wins_also_for_loggers_in_use() -> None:
    first, second = io.StringIO(), io.StringIO()
    set_up_logs("info", "json", stream=first)
    log, other = structlog.get_logger(), logging.getLogger("rq.worker")
    log.info("one")
    set_up_logs("info", "console", stream=second)
    log.info("two")
    other.info("three")
    assert [line["event"] for line in lines_of(first)] == ["one"]
    two, three = second.getvalue().splitlines()
    assert "two" in two
    assert "three" in three


def test_lines_go_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("info", "json")
    structlog.get_logger().info("web.started")
    captured = capsys.readouterr()
    assert orjson.loads(captured.out)["event"] == "web.started"
    assert captured.err == ""


class Writes(io.StringIO):
    """Counts the writes: each costs the process a call of the system."""

    count = 0

    def write(self, text: str) -> int:
        self.count += 1
        return super().write(text)


async def test_on_a_loop_the_lines_of_one_round_leave_together() -> None:
    out = Writes()
    set_up_logs("info", "json", stream=out)
    for number in range(3):
        structlog.get_logger().info("message.received", number=number)
    assert out.count == 0
    await asyncio.sleep(0)  # the round ends
    assert out.count == 1
    assert [line["number"] for line in lines_of(out)] == [0, 1, 2]
    structlog.get_logger().info("message.received", number=3)
    await asyncio.sleep(0)
    assert len(lines_of(out)) == 4


async def test_a_warning_leaves_at_once_and_takes_along_what_waits() -> None:
    out = Writes()
    set_up_logs("info", "json", stream=out)
    structlog.get_logger().info("message.received")
    structlog.get_logger().warning("redis.away")
    assert [line["event"] for line in lines_of(out)] == ["message.received", "redis.away"]
    await asyncio.sleep(0)
    assert out.count == 1


async def test_a_line_from_a_thread_waits_for_no_loop(out: io.StringIO) -> None:
    set_up_logs("info", "json", stream=out)
    thread = threading.Thread(target=structlog.get_logger().info, args=["leases.renewed"])
    thread.start()
    thread.join()  # the loop is blocked, as by a job that does not end
    assert [line["event"] for line in lines_of(out)] == ["leases.renewed"]


def test_the_last_line_of_a_loop_that_has_ended_is_not_lost(out: io.StringIO) -> None:
    set_up_logs("info", "json", stream=out)
    loop = asyncio.new_event_loop()

    def last() -> None:
        structlog.get_logger().info("web.stopped")
        loop.stop()

    loop.call_soon(last)
    loop.run_forever()
    loop.close()
    structlog.get_logger().info("process.ended")
    assert [line["event"] for line in lines_of(out)] == ["web.stopped", "process.ended"]
