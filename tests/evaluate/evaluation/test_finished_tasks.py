"""Finished tasks on disk: what was written comes back, or is refused."""

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from imagenetq.errors import FolderError
from imagenetq.evaluate.data.base import SampleInfo, columns_of
from imagenetq.evaluate.evaluation.answers import ANSWER, AnsweredSamples
from imagenetq.evaluate.evaluation.finished_tasks import STORED, Parts
from imagenetq.evaluate.evaluation.gather import gather


def answered(n: int, key: str = "t") -> AnsweredSamples:
    """A task of so many samples."""
    draws = np.random.default_rng(n)
    answers = np.ones(n, ANSWER)
    answers["top5_class"] = draws.integers(0, 1000, (n, 5))
    answers["top5_probability"] = draws.random((n, 5), np.float32)
    answers["true_probability"] = draws.random(n, np.float32)
    answers["true_rank"] = draws.integers(1, 1000, n)
    infos = (SampleInfo(key, f"id-{row}", "n01440764", "clean", row, 9, None) for row in range(n))
    return AnsweredSamples(tuple(infos), answers)


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    written = Parts(tmp_path, lambda key: sha256(key.encode()).digest())
    for key, size in (("a", 3), ("none", 0), ("b", 4)):
        written.write(key, answered(size, key))
    return written


def test_what_was_written_comes_back(parts: Parts) -> None:
    assert parts.finished(["a", "none", "b", "c"]) == {"a", "none", "b"}
    gathered = gather(parts, ["a", "none", "b"], None)
    a, b = answered(3, "a"), answered(4, "b")
    for name, column in columns_of([*a.infos, *b.infos]).items():
        assert gathered.column(name).to_pylist() == column
    for name in STORED:
        given = np.array(gathered.column(name).to_pylist(), ANSWER[name].base)
        np.testing.assert_array_equal(given, np.concatenate([a.answers[name], b.answers[name]]))


def test_clean_answers_for_a_variant_of_its_pixels(parts: Parts) -> None:
    gathered = gather(parts, ["b", "none"], "contrast-1.0")
    assert gathered.column("variant").to_pylist() == ["clean"] * 4 + ["contrast-1.0"] * 4
    copied = gathered.slice(4).drop_columns("variant")
    assert copied.equals(gathered.slice(0, 4).drop_columns("variant"))


def test_a_damaged_part_is_refused(parts: Parts, tmp_path: Path) -> None:
    (path,) = tmp_path.glob("a.*")
    data = path.read_bytes()
    places = np.random.default_rng(0).integers(0, len(data), 100).tolist()
    damaged = [data[:place] for place in places]
    damaged += [data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :] for place in places]
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(FolderError, match="damaged; run the command"):
            parts.read("a")
