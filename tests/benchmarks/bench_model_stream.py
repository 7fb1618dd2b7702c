"""CPU per chunk of a model's stream: our reader against the SDK's own parsing, in one run.

    python -m tests.benchmarks.bench_model_stream

The model is another process, whose chunks are encoded beforehand. ``burst``: one stream, as fast as
it can be read, many chunks in a read. ``paced``: many streams at once, 40 chunks a second each, one
chunk in a read. ``ask``: a prompt of 25 messages and an answer of one chunk. The readers take
turns; medians are compared.
"""

import argparse
import asyncio
import contextlib
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version

import openai
import uvloop
from pydantic import SecretStr

from app.adapters.openai_model import OpenAIModel
from app.core.model import PromptMessage
from tests.adapters.model_server import DONE, EVENTS, Asked, Wire, delta, model_server

QUESTION = "Tell me about tea."
PACE_SECONDS = 0.025
WORDS = ("Tea ", "is ", "the ", "leaf ", "of ", "Camellia ", "sinensis, ", "nothing ", "more. ")


@dataclass(frozen=True, slots=True)
class Load:
    """What one round reads: this many streams at once, of this many chunks, so many times."""

    name: str
    streams: int
    chunks: int
    paced: bool = False
    messages: int = 1
    times: int = 1


def chunk(number: int) -> bytes:
    """A chunk with all the fields that OpenAI sends, about 300 bytes."""
    fields = (
        b'data: {"id": "chatcmpl-0123456789abcdefghijkl", "object": "chat.completion.chunk", '
        b'"created": 1790000000, "model": "tea-1-2026-11-01", "service_tier": "default", '
        b'"system_fingerprint": "fp_0123456789", "choices"'
    )
    return delta(WORDS[number % len(WORDS)]).replace(b'data: {"choices"', fields)


async def serve(chunks: int, *, paced: bool) -> None:
    """Answer every request with that many chunks; prints the URL, ends with standard input."""
    pieces = [framed(chunk(number)) for number in range(chunks)]
    last = framed(delta({}, "stop")) + framed(DONE)

    async def answer(_: Asked, wire: Wire) -> None:
        await wire.head(EVENTS)
        if paced:
            now = asyncio.get_running_loop().time
            due = now()
            for piece in pieces:
                await wire.raw(piece)
                due += PACE_SECONDS
                await asyncio.sleep(due - now())
        else:
            await wire.raw(b"".join(pieces))
        await wire.raw(last)
        await wire.end()

    async with model_server(answer) as server:
        print(server.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


def framed(piece: bytes) -> bytes:
    """A piece as HTTP frames it."""
    return b"%x\r\n%b\r\n" % (len(piece), piece)


@contextlib.contextmanager
def model_process(load: Load) -> Iterator[str]:
    """The URL of a model in a process of its own."""
    command = [sys.executable, "-m", __spec__.name, "--serve", str(load.chunks)]
    with subprocess.Popen(
        [*command, "--paced"] if load.paced else command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.stdin.close()


Read = Callable[[], Awaitable[int]]
"""Reads one stream to its end; how many characters it had."""


@contextlib.asynccontextmanager
async def sdk(url: str, messages: int) -> AsyncIterator[Read]:
    """The SDK as its documentation says."""

    async def read() -> int:
        chars = 0
        async with await client.chat.completions.create(
            model="tea-1",
            messages=[{"role": "user", "content": QUESTION} for _ in range(messages)],
            stream=True,
        ) as stream:
            async for item in stream:
                if item.choices and item.choices[0].delta.content:
                    chars += len(item.choices[0].delta.content)
        return chars

    async with openai.AsyncOpenAI(api_key="none", base_url=url, max_retries=0) as client:
        yield read


@contextlib.asynccontextmanager
async def ours(url: str, messages: int) -> AsyncIterator[Read]:
    """What the worker uses."""

    async def read() -> int:
        chars = 0
        prompt = [PromptMessage("user", QUESTION) for _ in range(messages)]
        async with aclosing(model.stream(prompt)) as stream:
            async for item in stream:
                if isinstance(item, str):
                    chars += len(item)
        return chars

    limit = timedelta(seconds=300)
    model = OpenAIModel(
        api_key=SecretStr("none"),
        base_url=url,
        model="tea-1",
        first_token=limit,
        idle=limit,
        total=limit,
    )
    yield read
    await model.close()


READERS: Mapping[str, Callable[[str, int], AbstractAsyncContextManager[Read]]] = {
    "openai SDK": sdk,
    "Rivulet": ours,
}


async def microseconds(reader: str, url: str, load: Load) -> float:
    """CPU of this process for each chunk, asking included, connecting not."""
    async with READERS[reader](url, load.messages) as read:
        await asyncio.gather(*(read() for _ in range(load.streams)))
        began = time.process_time()
        for _ in range(load.times):
            chars = await asyncio.gather(*(read() for _ in range(load.streams)))
            if min(chars) != max(chars) or min(chars) < load.chunks:
                raise RuntimeError("the streams were not read to their ends")
        spent = time.process_time() - began
    return spent / (load.streams * load.chunks * load.times) * 1e6


def measured(load: Load, rounds: int) -> dict[str, float]:
    """The median of each reader; each round begins with the other one."""
    results: dict[str, list[float]] = {reader: [] for reader in READERS}
    with model_process(load) as url:
        for number in range(rounds):
            for reader in sorted(READERS, reverse=number % 2 == 1):
                results[reader].append(uvloop.run(microseconds(reader, url, load)))
    return {reader: statistics.median(values) for reader, values in results.items()}


def main() -> None:
    """Print the table, or be the model of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--streams", type=int, default=60, help="at once, when paced")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--paced", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        uvloop.run(serve(args.serve, paced=args.paced))
        return
    loads = [
        Load("burst", 1, 10_000),
        Load("paced", args.streams, 120, paced=True),
        Load("ask", 10, 1, messages=25, times=10),
    ]
    versions = ", ".join(f"{name} {version(name)}" for name in ("openai", "httpx2", "uvloop"))
    print(f"{platform.python_implementation()} {platform.python_version()}, {versions}")
    print(f"{os.cpu_count()} cores, medians of {args.rounds} rounds; µs of CPU for each chunk\n")
    print("| load | openai SDK | Rivulet | ratio |\n|---|---|---|---|")
    for load in loads:
        found = measured(load, args.rounds)
        theirs, own = found["openai SDK"], found["Rivulet"]
        print(f"| {load.name} | {theirs:.1f} | {own:.1f} | {theirs / own:.1f} × |")


if __name__ == "__main__":
    main()
