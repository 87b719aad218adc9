"""The paper's curves: complete, on the ladder, and with their source."""

from pathlib import Path

from imagenetq.evaluate.results.paper_curves import paper_curves, paper_networks
from imagenetq.evaluate.results.scores import UNDISTORTED
from imagenetq.specification import ladder

FILE = Path(__file__).parents[3] / "leaderboard" / "reference" / "dodge-karam-2016.csv"


def test_the_file_says_where_it_comes_from_and_how():
    head = [line for line in FILE.read_text().splitlines() if line.startswith("#")]
    for words in ("Dodge", "Karam", "2016", "1604.04004", "Fig. 2", "plus or minus 2"):
        assert any(words in line for line in head)


def test_there_is_a_curve_for_each_network_distortion_and_metric():
    keys = [(curve.network, curve.distortion, curve.metric) for curve in paper_curves()]
    assert len(set(keys)) == len(keys) == 40
    assert sorted(paper_networks()) == ["Caffe Reference", "GoogLeNet", "VGG-CNN-S", "VGG16"]


def test_every_point_is_on_the_ladder_and_a_share():
    n_points = 0
    for curve in paper_curves():
        known = {float(value) for value in ladder(curve.distortion).values}
        known.add(float(UNDISTORTED.get(curve.distortion, 40)))
        assert set(curve.values) <= known
        assert all(0 <= share <= 1 for share in curve.accuracy)
        n_points += len(curve.values)
    lines = FILE.read_text().splitlines()
    assert n_points == sum(not line.startswith("#") for line in lines) - 1


def test_points_that_the_paper_shows():
    held = {(c.network, c.distortion, c.metric): c for c in paper_curves()}
    blur = held["VGG16", "blur", "top1"]
    assert (blur.values[0], blur.accuracy[0]) == (0, 0.72)
    noise = held["Caffe Reference", "noise", "top5"]
    assert dict(zip(noise.values, noise.accuracy, strict=True))[90] == 0.10
