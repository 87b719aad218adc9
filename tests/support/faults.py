"""Faults of disks and networks, set on purpose: each is drawn from a seed, so that it comes again.

Each function damages one file and says what it did, for a test's message.
"""

import os
import random
from pathlib import Path


def flip_bit(path: Path, seed: int, *, where: float | None = None) -> str:
    """Flip one bit.

    Args:
        path: of the file.
        seed: of the position.
        where: the byte instead of a drawn one: 0 is the first, 1 the last.
    """
    draw = random.Random(seed)
    with path.open("r+b") as file:
        last = file.seek(0, os.SEEK_END) - 1
        position = draw.randint(0, last) if where is None else round(where * last)
        bit = draw.randrange(8)
        file.seek(position)
        (value,) = file.read(1)
        file.seek(position)
        file.write(bytes([value ^ 1 << bit]))
    return f"{path.name}: bit {bit} of byte {position} flipped"


def change_digit(path: Path, seed: int) -> str:
    """Put another digit in the place of one."""
    draw = random.Random(seed)
    content = bytearray(path.read_bytes())
    digits = [place for place, value in enumerate(content) if chr(value).isdigit()]
    position = draw.choice(digits)
    content[position] = draw.choice(sorted(set(b"0123456789") - {content[position]}))
    path.write_bytes(content)
    return f"{path.name}: digit at byte {position} changed"


def truncate(path: Path, seed: int) -> str:
    """Cut a file short, perhaps to nothing."""
    n_bytes = random.Random(seed).randrange(path.stat().st_size)
    os.truncate(path, n_bytes)
    return f"{path.name}: cut to {n_bytes} bytes"


def append(path: Path, seed: int) -> str:
    """Let a file go on where it should end."""
    tail = random.Random(seed).randbytes(100)
    with path.open("ab") as file:
        file.write(tail)
    return f"{path.name}: {len(tail)} bytes appended"


def zero_out(path: Path, seed: int) -> str:
    """Lose a block, as a disk does in a power cut: it reads as zeros."""
    content = bytearray(path.read_bytes())
    start = random.Random(seed).randrange(len(content))
    end = min(start + 4096, len(content))
    content[start:end] = bytes(end - start)
    path.write_bytes(content)
    return f"{path.name}: bytes {start} to {end} zeroed"


def replace_with(path: Path, other: Path) -> str:
    """Put another file's content in its place."""
    path.write_bytes(other.read_bytes())
    return f"{path.name}: replaced by {other.name}"


def replace_with_folder(path: Path) -> str:
    """Put a folder in its place."""
    path.unlink()
    path.mkdir()
    return f"{path.name}: replaced by a folder"
