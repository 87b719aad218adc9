"""A thread that answers HTTP on 127.0.0.1 for as long as a context is open."""

import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self


class LocalServer:
    """Base of our servers; leaving its context closes it, and the connections that clients keep.

    A handler finds its server as `self.server.owner`.
    """

    def __init__(self, handler: type[BaseHTTPRequestHandler], *, n_hosts: int = 1) -> None:
        """Bind the ports.

        Args:
            handler: of the requests.
            n_hosts: at how many addresses to listen, which to clients are so many hosts.
        """
        self._listeners = [_Listener(self, handler) for _ in range(n_hosts)]
        self._threads: list[Thread] = []

    @property
    def url(self) -> str:
        """The first address."""
        return self.urls[0]

    @property
    def urls(self) -> list[str]:
        """All addresses."""
        return [f"http://127.0.0.1:{listener.server_port}" for listener in self._listeners]

    def __enter__(self) -> Self:
        for listener in self._listeners:
            self._threads.append(Thread(target=listener.serve_forever, args=(0.02,), daemon=True))
            self._threads[-1].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Close the server; once closed it stays closed."""
        while self._threads:
            listener, thread = self._listeners[len(self._threads) - 1], self._threads.pop()
            listener.shutdown()
            listener.server_close()
            thread.join()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    # Clients open many connections at once, and a refused one would be a fault nobody asked for.
    request_queue_size = 128

    def __init__(self, owner: LocalServer, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.owner: Any = owner
        self._connections: set[socket.socket] = set()

    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        if isinstance(request, socket.socket):
            self._connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Close also the connections that clients keep open: the server is gone."""
        super().server_close()
        for connection in list(self._connections):
            self.shutdown_request(connection)

    def handle_error(self, *_: object) -> None:
        """Clients that leave early, or are killed, are no news."""
