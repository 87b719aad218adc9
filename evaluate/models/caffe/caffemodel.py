"""Find the blobs of each layer in Caffe's weights files (`.caffemodel`), and copy their numbers.

A file is one `NetParameter` message of BVLC's `caffe.proto`. It holds layers as `layer`
(`LayerParameter`) or, if it was written before 2015, as `layers` (`V1LayerParameter`). A layer's
weights are `BlobProto` messages, the first of them the weight, the second the bias. In still older
files, whose layers lie one message deeper (`V0LayerParameter`), no weights are found.

Source: https://github.com/BVLC/caffe/blob/master/src/caffe/proto/caffe.proto.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import dropwhile

import numpy as np
from numpy.typing import NDArray

from imagenetq.evaluate.models.caffe.protobuf_wire import DamagedMessage, Field, Wire, varints

# Field numbers of caffe.proto: NetParameter's two kinds of layers, each with its name and blobs.
_LAYERS = {100: (1, 7), 2: (4, 6)}
# Field numbers of caffe.proto: BlobProto's, and of BlobShape the dimensions.
_NUM, _WIDTH, _DATA, _SHAPE, _DOUBLE_DATA, _DIM = 1, 4, 5, 7, 8, 1

_LONGEST_NAME = 200
_LONGEST_SHAPE = 1000
_PIECE = 1 << 20


@dataclass(frozen=True)
class Blob:
    """An array of a layer."""

    shape: tuple[int, ...]
    """Shape that the file gives; older files pad it with leading ones to four axes."""

    size: int
    """Number of numbers that the file holds for the array; the shape may ask for another."""

    parts: tuple[Field, ...]
    """Fields that hold the numbers, in order."""

    itemsize: int
    """Bytes of each number: 4, or 8 for double precision."""


def blobs_of_layers(wire: Wire) -> dict[str, tuple[Blob, ...]]:
    """List the blobs of every layer that has some, by the layer's name."""
    layers: dict[str, tuple[Blob, ...]] = {}
    for layer in wire.fields(0, wire.size):
        if layer.number not in _LAYERS:
            continue
        name_number, blobs_number = _LAYERS[layer.number]
        name, blobs = "", []
        for field in wire.fields(*_span(layer)):
            if field.number == name_number:
                name = wire.read(field, _LONGEST_NAME).decode(errors="replace")
                # The name appears in messages, which are one line.
                name = name if name.isprintable() else ascii(name)
            elif field.number == blobs_number:
                blobs.append(_blob(wire, field))
        if blobs and name in layers:
            raise DamagedMessage(f"it has two layers {name}")
        if blobs:
            layers[name] = tuple(blobs)
    return layers


def copy_numbers(wire: Wire, blob: Blob, target: NDArray[np.float32]) -> None:
    """Copy a blob's numbers into a contiguous array, a piece at a time; doubles become float32."""
    flat, done = target.reshape(-1), 0
    for part in blob.parts:
        for piece in _pieces(wire, part, blob.itemsize):
            flat[done : done + len(piece)] = piece
            if not np.isfinite(flat[done : done + len(piece)]).all():
                raise DamagedMessage("infinite or not a number")
            done += len(piece)
    if done != flat.size:
        raise DamagedMessage("cut short while it was read")


def same_shape(given: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Tell whether two shapes are the same but for leading ones, with which older files pad."""
    one, other = ([*dropwhile(lambda side: side == 1, shape)] for shape in (given, wanted))
    return one == other


def _pieces(wire: Wire, part: Field, itemsize: int) -> Iterator[NDArray[np.floating]]:
    number = np.dtype(f"<f{itemsize}")
    # Numbers that were not packed each follow a tag.
    item = np.dtype([("tag", "u1"), ("number", number)]) if part.width else number
    for start in range(part.start, part.end, _PIECE * item.itemsize):
        wire.file.seek(start)
        data = wire.file.read(min(_PIECE * item.itemsize, part.end - start))
        items = np.frombuffer(data, item, len(data) // item.itemsize)
        with np.errstate(over="ignore"):  # A double that float32 cannot hold becomes infinite.
            yield (items["number"] if part.width else items).astype(np.float32, copy=False)


def _blob(wire: Wire, message: Field) -> Blob:
    legacy = [0, 0, 0, 0]
    shape: tuple[int, ...] | None = None
    floats: list[Field] = []
    doubles: list[Field] = []
    for field in wire.fields(*_span(message)):
        if _NUM <= field.number <= _WIDTH and field.value is not None:
            legacy[field.number - _NUM] = field.value
        elif field.number == _SHAPE:
            shape = _dims(wire, field)
        elif field.number == _DATA:
            floats.append(field)
        elif field.number == _DOUBLE_DATA:
            doubles.append(field)
    parts, itemsize = (doubles, 8) if doubles else (floats, 4)
    size = sum(_count(part, itemsize) for part in parts)
    return Blob(tuple(legacy) if shape is None else shape, size, tuple(parts), itemsize)


def _dims(wire: Wire, message: Field) -> tuple[int, ...]:
    start, end = _span(message)
    if end - start > _LONGEST_SHAPE:
        raise DamagedMessage(f"a shape takes {end - start:,} bytes")
    dims: list[int] = []
    for field in wire.fields(start, end):
        if field.number == _DIM and field.value is not None:
            dims.append(field.value)
        elif field.number == _DIM:
            dims += varints(wire.read(field, _LONGEST_SHAPE))
    return tuple(dims)


def _count(part: Field, itemsize: int) -> int:
    length = part.end - part.start
    size = itemsize if part.width is None else 1 + itemsize
    if part.value is not None or part.width not in (None, itemsize) or length % size:
        raise DamagedMessage(f"the numbers at byte {part.start:,} are not of {itemsize} bytes")
    return length // size


def _span(message: Field) -> tuple[int, int]:
    if message.value is not None or message.width is not None:
        raise DamagedMessage(f"the field at byte {message.start:,} should be a message")
    return message.start, message.end
