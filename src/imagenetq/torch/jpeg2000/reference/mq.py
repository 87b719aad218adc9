"""Run the adaptive binary arithmetic coder (annex C) as OpenJPEG does."""

from dataclasses import dataclass
from typing import cast

from imagenetq.torch.jpeg2000.tables import INITIAL_STATES, N_CONTEXTS, mq_states

_Q, _AFTER_MORE, _AFTER_LESS = cast("list[list[int]]", mq_states().tolist())

BYTES_AHEAD = 3
"""Bytes that OpenJPEG grants beyond the last one put out; not always enough (see `Cut`)."""


@dataclass(frozen=True)
class Checkpoint:
    """The state of the encoder after a coding pass."""

    interval: int
    """Register A of the standard."""

    code: int
    """Register C of the standard."""

    room: int
    """Number of shifts until a byte is full; CT in the standard."""

    at: int
    """Index of the last byte put out; -1 before the first."""

    last: int
    """Last byte put out, which a carry may still change."""

    states: tuple[int, ...]
    """States of the contexts."""


def initial_states() -> list[int]:
    """List the initial states of all contexts, each index * 2 + more probable symbol."""
    return [INITIAL_STATES.get(context, 0) * 2 for context in range(N_CONTEXTS)]


class Encoder:
    """An encoder of decisions into bytes; `output[0]` stands before the first byte and is zero."""

    def __init__(self) -> None:
        self.output = bytearray(1)
        self.states = initial_states()
        self._interval, self._code, self._room = 0x8000, 0, 12

    def code(self, context: int, bit: int) -> int:
        """Encode a decision, and give it back."""
        state = self.states[context]
        q = _Q[state]
        less_probable = (state ^ bit) & 1
        self._interval -= q
        # The larger part is the more probable symbol's, even if q is the larger.
        if less_probable ^ (self._interval < q):
            self._interval = q
        else:
            self._code += q
        if not self._interval & 0x8000:
            self.states[context] = (_AFTER_LESS if less_probable else _AFTER_MORE)[state]
            while not self._interval & 0x8000:
                self._interval <<= 1
                self._code <<= 1
                self._room -= 1
                if not self._room:
                    self._put_byte()
        return bit

    def checkpoint(self) -> Checkpoint:
        """Record the state, with which a decoder's path is compared."""
        at = len(self.output) - 2
        states = tuple(self.states)
        return Checkpoint(self._interval, self._code, self._room, at, self.output[-1], states)

    def rate(self) -> int:
        """Count the bytes that OpenJPEG grants the passes so far."""
        return len(self.output) - 2 + BYTES_AHEAD

    def flush(self) -> int:
        """End the codeword (C.2.9), and count its bytes."""
        top = self._code + self._interval
        self._code |= 0xFFFF
        if self._code >= top:
            self._code -= 0x8000
        for _ in range(2):
            self._code <<= self._room
            self._put_byte()
        return len(self.output) - 1 - (self.output[-1] == 0xFF)

    def _put_byte(self) -> None:
        # Whether a byte is FF is decided when it is put out, before later carries.
        if self.output[-1] != 0xFF and self._code & 0x8000000:
            self.output[-1] += 1
            self._code &= 0x7FFFFFF
        stuffed = self.output[-1] == 0xFF
        shift = 19 + stuffed
        self.output.append(self._code >> shift)
        self._code &= (1 << shift) - 1
        self._room = 8 - stuffed


class Decoder:
    """A decoder that starts at a checkpoint, as if it had come there from the first byte.

    It gets `n_bytes` of the encoder's output; bits that are 1 follow. `is_on_path` says whether it
    has taken the encoder's path up to the checkpoint.
    """

    def __init__(self, checkpoint: Checkpoint, output: bytes, n_bytes: int) -> None:
        self.states = list(checkpoint.states)
        self._bytes, self._end = output[1:], n_bytes
        self._at = checkpoint.at
        self._interval = checkpoint.interval
        carried = output[checkpoint.at + 1] - checkpoint.last & 0xFF
        shift = 43 - checkpoint.room
        code = carried << shift
        while shift > 16:
            value, n_bits = self._read()
            shift -= n_bits
            code += value << shift
        code -= checkpoint.code << 16
        self._code, self._loaded = code & 0xFFFFFFFF, 16 - shift
        self.is_on_path = code < checkpoint.interval << 16

    def code(self, context: int, _: int) -> int:
        """Decode a decision."""
        state = self.states[context]
        q = _Q[state]
        self._interval -= q
        is_low = self._code >> 16 < q
        less_probable = is_low != (self._interval < q)
        if is_low:
            self._interval = q
        else:
            self._code -= q << 16
            if self._interval & 0x8000:
                return state & 1
        self.states[context] = (_AFTER_LESS if less_probable else _AFTER_MORE)[state]
        while not self._interval & 0x8000:
            if not self._loaded:
                value, self._loaded = self._read()
                self._code += value << 16 - self._loaded
            self._interval <<= 1
            self._code = self._code << 1 & 0xFFFFFFFF
            self._loaded -= 1
        return state & 1 ^ less_probable

    def _read(self) -> tuple[int, int]:
        """Read the next byte, and say how many bits it brings."""
        last = self._byte(self._at)
        value = self._byte(self._at + 1)
        if last == 0xFF and value > 0x8F:
            return value, 8
        self._at += 1
        return value, 7 if last == 0xFF else 8

    def _byte(self, at: int) -> int:
        if at < 0:
            return 0
        return self._bytes[at] if at < self._end else 0xFF
