"""How one connection is served: requests read, faults suffered, answers sent and recorded."""

import time
from http.server import BaseHTTPRequestHandler
from typing import Any

from hub_server.faults import Fault
from hub_server.messages import Refusal, Request, Response, Served

_BLOCK = 2**16


class Answering(BaseHTTPRequestHandler):
    """Asks the server for an answer, and sends it, or not."""

    protocol_version = "HTTP/1.1"
    # Head and body are two writes, of which the second would wait for the client's system.
    disable_nagle_algorithm = True
    server: Any

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        """Serve one request, of whatever method."""
        hub = self.server.owner
        for watcher in list(hub.faults.watchers):
            watcher(self.command, self.path)
        fault = hub.fault(self.path)
        try:
            if fault and fault.kind == "drop":
                if self.headers.get("Content-Length", "0") != "0":
                    # Some of it arrives, as over a real network.
                    self.rfile.read1(_BLOCK)
                self._end(0, 0, 0)
                return
            body = self._body()
            self._reply(Request.of(self.command, self.path, self.headers, body), fault)
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def _reply(self, request: Request, fault: Fault | None) -> None:
        hub = self.server.owner
        if fault and fault.kind == "slow":
            time.sleep(fault.seconds)
        if fault and fault.kind == "status":
            response = Refusal(fault.status, "", fault.message).response
            response.headers.update(fault.headers)
        elif fault and fault.kind == "odd":
            response = Response(fault.body)
        else:
            response = hub.answer(request)
        if fault and fault.kind == "lose":
            self._end(0, 0, len(request.body))
            return
        body = b"" if request.method == "HEAD" else response.body
        if fault and fault.kind == "cut":
            body = body[: len(body) // 2]
            self.close_connection = True
        self._record(response.status, len(body), len(request.body))
        self._send(response, body)

    def _end(self, status: int, sent: int, received: int) -> None:
        self._record(status, sent, received)
        self.close_connection = True

    def _record(self, status: int, sent: int, received: int) -> None:
        self.server.owner.record(Served(self.command, self.path, status, sent, received))

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self._read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self._read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _read(self, size: int) -> bytes:
        body = self.rfile.read(size)
        if len(body) < size:
            raise ConnectionResetError("the client left before it had sent all")
        return body

    def _send(self, response: Response, body: bytes) -> None:
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(body)
