"""Compress images to JPEG 2000, by OpenJPEG through Pillow, cutting all levels from one encoding.

OpenJPEG can put several quality layers, each meeting one PSNR target, into one codestream
(ISO/IEC 15444-1). Decoding the first k layers gives exactly the pixels of encoding the k-th
target alone, for a fraction of the time. In the layer-resolution-component-position (LRCP) order
the first k layers come first. So a codestream of k layers is cut out by keeping the leading
packets, and correcting the layer count (COD) and the tile-part's length (SOT).
"""

import struct
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from imagenetq.distortions.base import Distorted, Undistorted
from imagenetq.specification import Value, ladder

_END_OF_CODESTREAM = b"\xff\xd9"
_SOT_BYTES = 12


def jpeg2000(original: Undistorted, psnrs: Sequence[Value]) -> Iterator[Distorted]:
    """Compress an image to JPEG 2000 at PSNR targets in dB, rungs of the ladder, and decompress it.

    OpenJPEG meets the targets only roughly. Codestreams have no JP2 container.
    """
    layered = LayeredCodestream.encode(original.image)
    for psnr in psnrs:
        codestream = layered.cut(layered.targets.index(psnr) + 1)
        with Image.open(BytesIO(codestream), formats=["JPEG2000"]) as decoded:
            yield Distorted(np.asarray(decoded), codestream)


@dataclass(frozen=True)
class LayeredCodestream:
    """A codestream with one quality layer for each rung of the ladder."""

    codestream: bytes
    """Bytes of the encoded image."""

    targets: tuple[Value, ...]
    """PSNR target of each layer in dB, ascending; the first layer is the coarsest."""

    markers: dict[str, Any]
    """Marker segments by their names, as glymur's parser found them."""

    packets: tuple[int, ...]
    """Length of each packet in bytes, in the codestream's order."""

    @classmethod
    def encode(cls, image: Image.Image) -> "LayeredCodestream":
        """Encode an RGB image once, for all rungs of the ladder."""
        targets = tuple(sorted(ladder("jpeg2000").values))
        buffer = BytesIO()
        image.save(
            buffer,
            "JPEG2000",
            no_jp2=True,
            irreversible=False,
            mct=1,
            quality_mode="dB",
            quality_layers=targets,
            num_resolutions=min(6, min(image.size).bit_length()),
            progression="LRCP",
            plt=True,
        )
        codestream = buffer.getvalue()
        segments = _marker_segments(codestream)
        plt = [segment for segment in segments if segment.marker_id == "PLT"]
        markers = {segment.marker_id: segment for segment in segments}
        return cls(codestream, targets, markers, _packet_lengths(codestream, plt))

    def cut(self, n_layers: int) -> bytes:
        """Cut out the codestream of the first `n_layers` layers."""
        sot, cod, sod = (self.markers[name].offset for name in ("SOT", "COD", "SOD"))
        packets_per_layer = len(self.packets) // len(self.targets)
        # The SOD marker has two bytes, and the packets follow. The packet lengths (PLT) between SOT
        # and SOD only helped to find the cut, so they are left out.
        length = 2 + sum(self.packets[: packets_per_layer * n_layers])
        tile = self.codestream[sod : sod + length]
        header = bytearray(self.codestream[: sot + _SOT_BYTES])
        struct.pack_into(">H", header, cod + 6, n_layers)
        struct.pack_into(">I", header, sot + 6, _SOT_BYTES + len(tile))
        return bytes(header) + tile + _END_OF_CODESTREAM


def _marker_segments(codestream: bytes) -> list[Any]:
    with warnings.catch_warnings():
        # glymur warns where there is no system library, which its parser does not need.
        warnings.simplefilter("ignore")
        from glymur.codestream import Codestream
    return list(Codestream(BytesIO(codestream), len(codestream), header_only=False).segment)


def _packet_lengths(codestream: bytes, segments: Sequence[Any]) -> tuple[int, ...]:
    """Read the packet lengths from the PLT marker segments.

    A byte holds seven bits of a length, and its high bit tells that the length goes on in the next.
    glymur finds the segments, but with numpy 2 it reads lengths over 127 wrongly (they overflow its
    8-bit scalars), so the bytes are read here.
    """
    lengths = []
    length = 0
    for segment in segments:
        payload = codestream[segment.offset + 5 : segment.offset + 2 + segment.length]
        for byte in payload:
            length = length << 7 | byte & 0x7F
            if not byte & 0x80:
                lengths.append(length)
                length = 0
    return tuple(lengths)
