"""Hosts with cables between them: network namespaces of this machine, for root with iproute2.

Each host is on two networks, ``data`` (where Redis is) and ``outside`` (where Meta and the model
are, which run in no host of their own). A cable that is pulled takes packets away without a word,
as between real machines: nobody's connection is closed.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Literal

import pytest

from tests.e2e.house import Place

Network = Literal["data", "outside"]

# RFC 2544: addresses for benchmarks, of which no real network is made.
PREFIX: dict[Network, str] = {"data": "198.18", "outside": "198.19"}
SWITCH = "switch"


@dataclass
class Hosts:
    """The hosts of one test run; their names end in its process id, and so do its networks."""

    names: Sequence[str]
    run: int = field(default_factory=os.getpid)

    def address(self, network: Network, host: str | None = None) -> str:
        """Of a host, or (``None``) of the tests' own process."""
        last = 1 if host is None else 2 + self.names.index(host)
        return f"{PREFIX[network]}.{self.run % 256}.{last}"

    def enter(self, host: str) -> tuple[str, ...]:
        """The command that brings another one there."""
        return "ip", "netns", "exec", self._space(host)

    def place(self, host: str | None) -> Place:
        """For a part of the house; ``None`` as above."""
        return Place(self.address("outside", host), self.enter(host) if host else ())

    @contextmanager
    def unplugged(self, host: str, network: Network) -> Iterator[None]:
        """Its cable to that network is out while the block runs."""
        _ip("-n", self._space(SWITCH), "link", "set", f"{host}-{network}", "down")
        try:
            yield
        finally:
            _ip("-n", self._space(SWITCH), "link", "set", f"{host}-{network}", "up")

    def build(self, stack: ExitStack) -> None:
        """Make them; the stack removes them, cables and all."""
        for name in (SWITCH, *self.names):
            _ip("netns", "add", self._space(name))
            stack.callback(_ip, "netns", "del", self._space(name))
        for network in PREFIX:
            inside = self._in(SWITCH)
            _ip(*inside, "link", "add", network, "type", "bridge")
            _ip(*inside, "link", "set", network, "up")
            here = f"rv{self.run}{network[0]}"
            self._plug_in(SWITCH, f"here-{network}", network)
            _ip(*inside, "link", "set", "plug", "name", here, "netns", str(os.getpid()))
            self._bring_up((), here, self.address(network))
            for name in self.names:
                self._plug_in(name, f"{name}-{network}", network)
                _ip(*self._in(name), "link", "set", "plug", "name", network)
                self._bring_up(self._in(name), network, self.address(network, name))
        for name in self.names:
            _ip(*self._in(name), "link", "set", "lo", "up")

    def _plug_in(self, host: str, socket: str, network: Network) -> None:
        """A cable from a host's ``plug`` to a network's bridge."""
        there = ("peer", "name", "plug", "netns", self._space(host))
        _ip(*self._in(SWITCH), "link", "add", socket, "type", "veth", *there)
        _ip(*self._in(SWITCH), "link", "set", socket, "master", network, "up")

    @staticmethod
    def _bring_up(where: Sequence[str], device: str, address: str) -> None:
        _ip(*where, "address", "add", f"{address}/24", "dev", device)
        _ip(*where, "link", "set", device, "up")

    def _space(self, name: str) -> str:
        return f"rivulet-{self.run}-{name}"

    def _in(self, name: str) -> tuple[str, ...]:
        return "-n", self._space(name)


@contextmanager
def open_hosts(*names: str) -> Iterator[Hosts]:
    """Hosts of these names; removed with the block. Stop what runs there first.

    Raises:
        pytest.skip.Exception: They cannot be made here; for want of iproute2 with ``CI=true``
            ``pytest.fail.Exception``.
    """
    if os.geteuid() != 0:
        pytest.skip("network namespaces are root's to make")
    if shutil.which("ip") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("iproute2 is not installed", pytrace=False)
        pytest.skip("iproute2 is not installed")
    with ExitStack() as stack:
        hosts = Hosts(names)
        try:
            hosts.build(stack)
        except subprocess.CalledProcessError as exc:
            if "not permitted" not in exc.stderr:
                raise AssertionError(exc.stderr) from exc
            pytest.skip(f"network namespaces are forbidden here: {exc.stderr.strip()}")
        yield hosts


def _ip(*words: str) -> None:
    command = ["ip", *words]
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=20)
