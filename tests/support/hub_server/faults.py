"""What goes wrong with requests, on demand."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["status", "cut", "drop", "lose", "slow", "odd"]


@dataclass
class Fault:
    """How requests whose path contains `where` go wrong, the next `times` times.

    Attributes:
        where: a part of the path, percent-encoded.
        times: how often it will still happen.
        kind: `status`: another answer, and nothing is done. `cut`: the right answer, half of it,
            and a cut connection. `drop`: nothing is done, and nothing answered. `lose`: all is
            done, and nothing answered. `slow`: the right answer, later.
            `odd`: nothing is done, and something else answered, as by a captive portal.
        status: that is answered instead.
        headers: that are answered instead.
        message: the error's, as the Hub has it.
        seconds: how much later.
        body: that is answered instead.
    """

    where: str
    times: int
    kind: Kind
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    message: str = "out of order"
    seconds: float = 0.0
    body: bytes = b""


class Faults:
    """The faults that are to come, and those who watch the requests.

    A watcher is called with each request's method and path before it is answered.
    """

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self.watchers: list[Callable[[str, str], None]] = []

    def add(self, fault: Fault) -> None:
        """Have this go wrong too, if no earlier fault takes the request."""
        self._faults.append(fault)

    def take(self, path: str) -> Fault | None:
        """The fault that befalls this request, if any."""
        for fault in self._faults:
            if fault.where in path and fault.times:
                fault.times -= 1
                return fault
        return None

    def forget(self) -> None:
        """Mend what was broken."""
        self._faults.clear()
        self.watchers.clear()
