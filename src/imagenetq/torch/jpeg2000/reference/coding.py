"""Code a code block as OpenJPEG's encoder does: the bytes and the gain of each coding pass."""

from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from imagenetq.torch.jpeg2000.reference.mq import Checkpoint, Encoder, initial_states
from imagenetq.torch.jpeg2000.reference.passes import Kind, Scan, n_passes, plane_and_kind
from imagenetq.torch.jpeg2000.tables import weights

_UNIT = 6
"""Distortion is computed from magnitudes with so many bits after the binary point."""


@dataclass(frozen=True)
class CodedBlock:
    """A code block, with the bytes and the gains of its passes."""

    values: NDArray[np.int32]
    """Coefficients, int32 of shape (height, width)."""

    early: NDArray[np.bool_]
    """bool of the same shape: whether a coefficient became significant in a significance pass."""

    band: int
    """`LL`, `HL`, `LH` or `HH`."""

    n_planes: int
    """Number of bits of the largest magnitude."""

    rates: tuple[int, ...]
    """Number of bytes up to the end of each pass."""

    gains: tuple[float, ...]
    """How much the distortion is lower after each pass than before the first."""

    checkpoints: tuple[Checkpoint, ...]
    """State of the encoder before the first pass, and after each."""

    output: bytes
    """The encoder's bytes, after one zero."""

    @property
    def n_lost(self) -> int:
        """Bit planes beyond those that the codestream can signal; a decoder stops so many early."""
        return max(0, self.n_planes - (9, 10, 10, 11)[self.band])


def code(values: NDArray[np.int32], component: int, band: int, level: int) -> CodedBlock:
    """Code a block of coefficients, int32 of shape (height, width)."""
    n_planes = int(np.abs(values).max()).bit_length()
    scan, encoder = Scan(values, band), Encoder()
    checkpoints, rates = [Checkpoint(0x8000, 0, 12, -1, 0, tuple(initial_states()))], []
    for number in range(n_passes(n_planes)):
        plane, kind = plane_and_kind(number, n_planes)
        scan.run(kind, plane, encoder.code)
        checkpoints.append(encoder.checkpoint())
        rates.append(encoder.rate())
    if rates:
        rates[-1] = encoder.flush()
    output = bytes(encoder.output)
    early = np.array(scan.early, bool)[1:-1, 1:-1]
    units = [_units(np.abs(values), early, n_planes, number) for number in range(len(rates))]
    weight = float(weights()[component, band, level])
    return CodedBlock(
        values,
        early,
        band,
        n_planes,
        _trimmed(rates, output),
        _gains(units, weight, n_planes),
        tuple(checkpoints),
        output,
    )


def _trimmed(rates: list[int], output: bytes) -> tuple[int, ...]:
    """Lower rates so that no pass takes more than a later one, and none ends in FF."""
    capped = list(accumulate(reversed(rates), min))[::-1]
    return tuple(rate - (output[rate] == 0xFF) for rate in capped)


def _units(
    magnitudes: NDArray[np.int32], early: NDArray[np.bool_], n_planes: int, number: int
) -> int:
    """Compute how much a pass lowers the squared error, in units of 2^-6 of its plane's square."""
    plane, kind = plane_and_kind(number, n_planes)
    is_known = magnitudes >> plane + 1 > 0
    fraction = (magnitudes << _UNIT >> plane) & 127
    if kind is Kind.REFINEMENT:
        return int(_refined(fraction, plane)[is_known].sum())
    is_new = ~is_known & (magnitudes >> plane > 0) & (early == (kind is Kind.SIGNIFICANCE))
    return int(_found(fraction, plane)[is_new].sum())


def _found(fraction: NDArray[np.int32], plane: int) -> NDArray[np.int32]:
    """Compute the units of a coefficient that becomes significant."""
    return 3 * fraction - 144 if plane else np.full_like(fraction, 64)


def _refined(fraction: NDArray[np.int32], plane: int) -> NDArray[np.int32]:
    if plane == 0:
        return np.where(fraction == 0, 64, 0)
    return np.maximum(np.where(fraction < 64, 48 - fraction, fraction - 80), 0)


def _gains(units: list[int], weight: float, n_planes: int) -> tuple[float, ...]:
    """Add up the gains of the passes, in OpenJPEG's order of operations."""
    gains = []
    for number, unit in enumerate(units):
        plane, _ = plane_and_kind(number, n_planes)
        step = weight * float(1 << plane)
        gains.append(step * (step * (unit * 128) / 8192.0))
    return tuple(accumulate(gains))
