"""Compute what OpenJPEG's decoder makes of a code block's first passes."""

import numpy as np
from numpy.typing import NDArray

from imagenetq.torch.jpeg2000.reference.coding import CodedBlock
from imagenetq.torch.jpeg2000.reference.mq import Decoder
from imagenetq.torch.jpeg2000.reference.passes import Kind, Scan, n_passes, plane_and_kind


def decoded(block: CodedBlock, n_taken: int) -> NDArray[np.int32]:
    """Give the coefficients after `n_taken` passes, int32 of shape (height, width)."""
    if n_taken == 0:
        return np.zeros_like(block.values)
    cut = Cut(block, n_taken)
    # Beyond its planes a decoder reads no passes.
    n_read = min(n_taken, n_passes(block.n_planes - block.n_lost))
    if cut.n_right < n_read:
        return cut.really_decoded(n_read)
    doubled = _doubled(block, *plane_and_kind(n_read - 1, block.n_planes))
    return _signed(doubled >> 1 + block.n_lost, block.values < 0)


def _doubled(block: CodedBlock, plane: int, kind: Kind) -> NDArray[np.int32]:
    """Compute twice the middle of the interval that a pass leaves for each magnitude."""
    magnitudes = np.abs(block.values)
    is_old = magnitudes >> plane + 1 > 0
    is_through = np.where(is_old, kind is not Kind.SIGNIFICANCE, block.early)
    lowest = np.where(is_through | (kind is Kind.CLEANUP), plane, plane + 1)
    known = magnitudes >> lowest
    return np.where(known > 0, (2 * known + 1) << lowest, 0).astype(np.int32)


def _signed(magnitudes: NDArray[np.int32], negative: NDArray[np.bool_]) -> NDArray[np.int32]:
    return np.where(negative, -magnitudes, magnitudes).astype(np.int32)


class Cut:
    """A code block's bytes, cut after some passes, at least one.

    The bytes that OpenJPEG grants the passes are not always enough. After them a decoder reads bits
    that are all 1. Where these lie above the encoder's interval, it takes a wrong turn before the
    passes end. From there on it reads nonsense, but every decoder reads the same nonsense.

    After `n_right` passes, a decoder is still on the encoder's path.
    """

    def __init__(self, block: CodedBlock, n_taken: int) -> None:
        self._block, self._n_bytes = block, block.rates[n_taken - 1]
        self.n_right = n_taken
        # Nothing is cut off a block's last pass.
        if n_taken < len(block.rates):
            while self.n_right and not self._decoder(self.n_right).is_on_path:
                self.n_right -= 1

    def really_decoded(self, n_read: int) -> NDArray[np.int32]:
        """Give the coefficients after `n_read` passes; those after the right ones are decoded."""
        block = self._block
        scan = _resumed(block, self.n_right)
        decoder = self._decoder(self.n_right)
        for number in range(self.n_right, n_read):
            plane, kind = plane_and_kind(number, block.n_planes)
            scan.run(kind, plane, decoder.code)
        doubled, negative = np.array([scan.doubled, scan.negative], np.int32)[:, 1:-1, 1:-1]
        return _signed(doubled >> 1 + block.n_lost, negative > 0)

    def _decoder(self, n_right: int) -> Decoder:
        return Decoder(self._block.checkpoints[n_right], self._block.output, self._n_bytes)


def _resumed(block: CodedBlock, number: int) -> Scan:
    """Rebuild a decoder's view of a block before a pass from the coefficients."""
    scan = Scan(np.zeros_like(block.values), block.band)
    plane, kind = plane_and_kind(number, block.n_planes)
    magnitudes = np.abs(block.values)
    was_known = magnitudes >> plane + 1 > 0
    is_begun = kind is not Kind.SIGNIFICANCE
    is_new = ~was_known & (magnitudes >> plane > 0) & block.early & is_begun
    is_known = was_known | is_new
    is_refined = (magnitudes >> plane + 2 > 0) | (was_known & (kind is Kind.CLEANUP))
    if number:
        doubled = _doubled(block, *plane_and_kind(number - 1, block.n_planes))
    else:
        doubled = np.zeros_like(magnitudes)
    scan.significant, scan.negative, scan.refined, scan.doubled = (
        np.pad(array.astype(int), 1).tolist()
        for array in (is_known, is_known & (block.values < 0), is_refined, doubled)
    )
    if is_begun:
        scan.visited = np.pad(_visited(was_known, is_new).astype(int), 1).tolist()
    return scan


def _visited(was_known: NDArray[np.bool_], is_new: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Find where a significance pass coded decisions: beside what was known or just found."""
    height, width = was_known.shape
    rows, columns = np.indices((height, width))
    # Coefficients are visited in stripes of four rows, column by column.
    order = (rows // 4 * width + columns) * 4 + rows % 4
    visited = np.zeros_like(was_known)
    for y, x in zip(*np.nonzero(~was_known), strict=True):
        around = slice(max(y - 1, 0), y + 2), slice(max(x - 1, 0), x + 2)
        before = is_new[around] & (order[around] < order[y, x])
        visited[y, x] = was_known[around].any() or before.any()
    return visited
