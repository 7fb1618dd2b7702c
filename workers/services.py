"""The clients that a worker's jobs share: opened once a process, closed after the last job."""

from dataclasses import replace
from functools import partial
from weakref import WeakKeyDictionary

from app.adapters.redis_troubles import Pulse
from app.bootstrap import open_reply_services
from app.pipeline.ports import ReplyServices
from app.settings import Installation, load_settings
from workers.async_worker import AsyncWorker, current_worker

_opened: WeakKeyDictionary[AsyncWorker, ReplyServices] = WeakKeyDictionary()


def services(settings: Installation | None = None) -> ReplyServices:
    """The services of the worker that runs this code; the first call opens them.

    Under our own command that call comes before the first job; under RQ's (``rq worker -w
    workers.async_worker.AsyncWorker``) it comes with it, and the settings are read then.

    Raises:
        SettingsError: They are not complete.
        LookupError: No ``AsyncWorker`` runs this code.
    """
    worker = current_worker.get()
    if worker not in _opened:
        opened = open_reply_services(settings or load_settings(), worker.exit_stack)
        numbers = {n: replace(one, ends_at=worker.ends_at) for n, one in opened.numbers.items()}
        _opened[worker] = replace(opened, ends_at=worker.ends_at, numbers=numbers)
        worker.at_each_beat.append(partial(_tell_pulse, worker, Pulse(worker.connection)))
    return _opened[worker]


def _tell_pulse(worker: AsyncWorker, pulse: Pulse) -> None:
    pulse.beat(worker.beating.blocked_seconds if worker.beating else 0.0)
