"""Runs the application over HTTP: in the foreground, or in a thread of this process."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from provisioner.emulator.app import App
from provisioner.emulator.clock import Mode
from provisioner.emulator.state import Store
from provisioner.emulator.world import World

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Protocol(H11Protocol):
    """Lets the application close a connection without an answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "abort": transport.abort}


class _Server(uvicorn.Server):
    """A uvicorn server that starts and stops without waiting for its ticks."""

    def __init__(self, world: World, announce: Callable[[], None]) -> None:
        config = uvicorn.Config(
            App(world),
            http=_Protocol,
            ws="none",
            lifespan="off",
            loop="asyncio",
            log_config=None,
            access_log=False,
            timeout_keep_alive=60,  # a client that pauses must not find its connection gone
            proxy_headers=False,
            server_header=False,
            date_header=False,
        )
        super().__init__(config)
        self._announce = announce
        self._stop = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def main_loop(self) -> None:
        """Serve until `stop`."""
        self._loop, self._wake = asyncio.get_running_loop(), asyncio.Event()
        self._announce()
        if not self._stop.is_set():
            await self._wake.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close everything; requests that are held back are given up."""
        for server in self.servers:
            server.close()
        for sock in sockets or ():
            sock.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        tasks = list(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # lets the transports report that they are closed

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at SIGINT and SIGTERM, and do not raise them again afterwards."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """End the server; may be called from any thread."""
        self._stop.set()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake.set)


def _bind(host: str, port: int) -> tuple[socket.socket, str]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named for asyncio, which turns off the delay of small packets only then.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    shown = f"[{host}]" if ":" in host else host
    return bound, f"http://{shown}:{bound.getsockname()[1]}"


def _quiet() -> None:
    logger = logging.getLogger("uvicorn")
    logger.setLevel(logging.CRITICAL + 1)
    logger.propagate = False


def serve(
    *,
    host: str,
    port: int,
    state: Path | None,
    clock: Mode,
    region: str,
    announce: Callable[[str], None],
) -> None:
    """Serve until SIGINT or SIGTERM; ``announce`` gets the URL once it is served.

    Raises `StateUnusable` for a state file that cannot be read.
    """
    world = World(Store(state, region), clock)
    bound, url = _bind(host, port)
    _quiet()
    with bound:
        _Server(world, lambda: announce(url)).run(sockets=[bound])


@contextmanager
def running(state: Path | None, *, clock: Mode, host: str, port: int, region: str) -> Iterator[str]:
    """Serve in a thread for as long as the block lasts; gives the URL."""
    world = World(Store(state, region), clock)
    bound, url = _bind(host, port)
    _quiet()
    started = threading.Event()
    server = _Server(world, started.set)
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [bound]}, name="emulator", daemon=True
    )
    with bound:
        thread.start()
        while not started.wait(0.05):
            if not thread.is_alive():
                raise RuntimeError("the emulator could not start")
        try:
            yield url
        finally:
            server.stop()
            thread.join()
