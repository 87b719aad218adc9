"""The networks of Table I against OpenCV's reader of Caffe's files, with random weights."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
cv2 = pytest.importorskip("cv2")

from caffe_files import AUXILIARY, DEPLOYS, Deploy, Generation, write_weights  # noqa: E402
from imagenetq.errors import ModelError, UsageError  # noqa: E402
from imagenetq.evaluate.models import LoadOptions, Model, load_model  # noqa: E402
from imagenetq.evaluate.models.caffe.networks import BUILDERS, max_pool  # noqa: E402
from imagenetq.evaluate.models.depth import Depth, depth  # noqa: E402
from imagenetq.evaluate.models.from_caffe import PUBLISHED  # noqa: E402
from imagenetq.evaluate.models.preprocessing import normalise  # noqa: E402
from imagenetq.files import sha256_of  # noqa: E402

# Name: millions of parameters, convolutional and full layers, as in Table I of the paper.
TABLE_I = {
    "reference": (61, 5, 3),
    "vgg-cnn-s": (102, 5, 3),
    "vgg16": (138, 13, 3),
    "googlenet": (7, 21, 1),
}


@dataclass(frozen=True)
class Written:
    """A network with random weights on disk."""

    name: str
    deploy: Deploy
    generation: Generation
    file: Path
    model: Model


@pytest.fixture(
    scope="module",
    # As they are published; both generations differ in how a blob is read, not in the network.
    params=[*((name, "layers") for name in DEPLOYS), ("googlenet", "layer")],
    ids=lambda param: "-".join(param),
)
def written(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Written]:
    """One after the other, because together they take gigabytes."""
    name, generation = request.param
    deploy = DEPLOYS[name]()
    if name == "googlenet":
        deploy.blobs.update(AUXILIARY)
    file = tmp_path_factory.mktemp("caffe") / PUBLISHED[name].file
    try:
        write_weights(file, deploy.weights(), generation)
        model = load_model(f"caffe/{name}", LoadOptions(weights=str(file)))
        yield Written(name, deploy, generation, file, model)
    finally:
        file.unlink()


def test_the_tables_have_the_same_keys() -> None:
    assert list(PUBLISHED) == list(BUILDERS) == list(DEPLOYS) == list(TABLE_I)


def test_logits_equal_those_of_opencv(written: Written, tmp_path: Path) -> None:
    side = written.deploy.side
    pictures = np.random.default_rng(1).integers(0, 256, (2, side, side, 3), dtype=np.uint8)
    with torch.inference_mode():
        inputs = normalise(torch.from_numpy(pictures), written.model.preprocessing)
        logits = written.model.module(inputs).numpy()

    definition = tmp_path / "deploy.prototxt"
    definition.write_text(written.deploy.prototxt(written.generation))
    network = cv2.dnn.readNetFromCaffe(str(definition), str(written.file))
    bgr = pictures[..., ::-1] - np.float32(PUBLISHED[written.name].mean_bgr)
    network.setInput(np.ascontiguousarray(bgr.transpose(0, 3, 1, 2)))
    below_softmax = written.deploy.layers[-1][2][0]
    expected = network.forward(below_softmax)

    assert expected.shape == logits.shape == (2, 1000)
    assert 10 < expected.std() < 1000
    # A constant that is off by 1 % changes them by 1e-3 or more.
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def test_sizes_are_those_of_table_1(written: Written) -> None:
    millions, convolutional, full = TABLE_I[written.name]
    assert abs(written.model.parameters / 1e6 - millions) < 1
    size = (written.deploy.side, written.deploy.side)
    assert written.model.preprocessing.input_size == size
    assert depth(written.model.module, size) == Depth(convolutional, full)


def test_records_the_files_hash_and_size(written: Written) -> None:
    assert written.model.weights_sha256 == sha256_of(written.file)
    megabytes = written.file.stat().st_size / 1e6
    assert PUBLISHED[written.name].megabytes == round(megabytes)
    assert written.model.published_top1 == PUBLISHED[written.name].top1
    assert not written.model.module.training


MEASURE = """
import resource, sys
from imagenetq.evaluate.models import LoadOptions
from imagenetq.evaluate.models.caffe import networks
from imagenetq.evaluate.models.from_caffe import load
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
load("vgg16", LoadOptions(weights=sys.argv[1]))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_loading_takes_the_memory_of_the_network_alone(tmp_path: Path) -> None:
    file = write_weights(tmp_path / "w.caffemodel", DEPLOYS["vgg16"]().weights())
    # Through a shell, because a process starts with the peak of the one that it was forked from.
    ended = subprocess.run(
        ["/bin/sh", "-c", '"$0" -c "$1" "$2"; exit $?', sys.executable, MEASURE, str(file)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(ended.stdout) * 1024 < 1.2 * file.stat().st_size
    file.unlink()


@pytest.mark.parametrize("side", range(3, 20))
@pytest.mark.parametrize(
    ("window", "stride", "padding"), [(3, 2, 0), (3, 3, 0), (2, 2, 0), (3, 1, 1), (3, 2, 1)]
)
def test_pooling_rounds_and_clips_as_caffe_does(
    side: int, window: int, stride: int, padding: int
) -> None:
    values = np.random.default_rng(side).normal(size=(side, side)).astype(np.float32)
    pooled = max_pool(window, stride, padding)(torch.from_numpy(values)[None])[0]

    # PoolingLayer of Caffe, with its rule for the size and its clipped windows.
    n_windows = -(-(side + 2 * padding - window) // stride) + 1
    if padding and (n_windows - 1) * stride >= side + padding:
        n_windows -= 1
    starts = [index * stride - padding for index in range(n_windows)]
    spans = [slice(max(start, 0), min(start + window, side)) for start in starts]
    expected = [[values[rows, columns].max() for columns in spans] for rows in spans]
    np.testing.assert_array_equal(pooled.numpy(), expected)


def test_refuses_a_stride_beyond_the_window() -> None:
    with pytest.raises(ValueError, match="stride 3 exceeds the window of 2"):
        max_pool(2, 3)


def test_the_command_line_evaluates_and_describes(
    call: Any, make_source: Any, tmp_path: Path
) -> None:
    file = tmp_path / "googlenet.caffemodel"
    write_weights(file, DEPLOYS["googlenet"]().weights())
    source = make_source(tmp_path / "images", 3)
    options = ["caffe/googlenet", "--weights", file]

    ended = call("models", *options)
    assert ended.returncode == 0, ended.stderr
    assert "6998552" in ended.stdout
    assert '"antialias": false' in ended.stdout

    data = ["--source", source, "--subset", "mini", "--only", "clean,blur-3"]
    results = tmp_path / "results"
    ended = call("eval", "--model", *options, *data, "--out", results, "--workers", 1)
    assert ended.returncode == 0, ended.stderr
    assert len(list(results.glob("caffe-googlenet-*/predictions.parquet"))) == 1


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("alexnet", {}, ModelError, "caffe has no model 'alexnet'"),
        ("vgg-16", {}, ModelError, "no model 'vgg-16'; did you mean vgg16"),
        (
            "vgg16",
            {},
            ModelError,
            r"needs --weights FILE, its VGG_ILSVRC_16_layers\.caffemodel \(553 MB\); "
            r"docs/paper-networks\.md",
        ),
        (
            "reference",
            {"weights": "absent"},
            ModelError,
            r"absent: no such file; .* bvlc_reference_caffenet\.caffemodel \(244 MB\)",
        ),
        ("vgg16", {"arguments": {"a": 1}}, UsageError, "takes no --model-arg"),
    ],
)
def test_explains_what_is_missing(
    name: str, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        load_model(f"caffe/{name}", LoadOptions(**options))
    assert "\n" not in str(caught.value)


def test_the_document_names_every_file() -> None:
    text = (Path(__file__).parents[3] / "docs" / "paper-networks.md").read_text(encoding="utf-8")
    for name, published in PUBLISHED.items():
        assert f"`caffe/{name}`" in text
        assert f"`{published.file}`" in text
        assert f"{published.megabytes} MB" in text
