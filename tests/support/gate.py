"""A gate in front of a server, through which bytes pass, or not.

with Gate(host, port) as gate:
    ...                # clients of gate.port reach the server
    gate.stall()       # from now on they wait for an answer
    gate.open()
"""

import socket
from threading import Condition, Thread
from typing import Self

_BLOCK = 2**16


class Gate:
    """Forwards connections; leaving its context closes them."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._sockets: list[socket.socket] = []
        self._changed = Condition()
        self._stalled = False
        self._budget: int | None = None

    @property
    def port(self) -> int:
        """Where clients connect."""
        return int(self._listener.getsockname()[1])

    def stall(self, after: int = 0) -> None:
        """Hold back all that is sent to the server, once it got so many bytes more."""
        with self._changed:
            self._budget = after
            self._stalled = after == 0

    def open(self) -> None:
        """Let everything pass."""
        with self._changed:
            self._stalled, self._budget = False, None
            self._changed.notify_all()

    def stalled(self) -> bool:
        """Whether it holds back now."""
        return self._stalled

    def __enter__(self) -> Self:
        Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self.open()
        for side in self._sockets:
            side.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
            except OSError:
                return
            self._sockets += [client, server]
            Thread(target=self._pass, args=(client, server, True), daemon=True).start()
            Thread(target=self._pass, args=(server, client, False), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, up: bool) -> None:
        try:
            while data := source.recv(_BLOCK):
                if up:
                    self._wait(len(data))
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def _wait(self, n_bytes: int) -> None:
        with self._changed:
            if self._budget is not None:
                self._budget -= n_bytes
                self._stalled = self._budget < 0
            self._changed.wait_for(lambda: not self._stalled)
