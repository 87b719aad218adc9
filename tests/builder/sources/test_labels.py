import shutil
from pathlib import Path

import pytest

from imagenetq import classes
from imagenetq.builder.sources import devkit, open_source
from imagenetq.builder.sources.labels import find_labels, read_solution
from imagenetq.errors import SourceError

HEADER = "ImageId,PredictionString\n"
GOLDFISH = "ILSVRC2012_val_00000293,n01443537 1 2 3 4 n01443537 5 6 7 8\n"


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder as deep as Kaggle's."""
    folder = tmp_path / "ILSVRC" / "Data" / "CLS-LOC" / "val"
    folder.mkdir(parents=True)
    return folder


def write_solution(folder: Path, text: str = HEADER + GOLDFISH) -> Path:
    path = folder / "LOC_val_solution.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_kit_and_solution_say_the_same(kit: Path, solution: str, tmp_path: Path) -> None:
    assert read_solution(write_solution(tmp_path, solution)) == devkit.read_folder(kit)


@pytest.mark.parametrize("up", range(5))
def test_finds_labels_up_to_four_folders_up(images: Path, up: int) -> None:
    path = write_solution([images, *images.parents][up])

    assert find_labels(images).path == path


def test_looks_no_farther_and_says_where_it_looked(images: Path) -> None:
    write_solution(images.parents[3])
    deeper = images / "deeper"
    deeper.mkdir()

    with pytest.raises(SourceError) as caught:
        find_labels(deeper)
    message = str(caught.value)
    assert str(deeper) in message
    assert "4 folders up" in message
    for name in ("ILSVRC2012_devkit_t12", "ILSVRC2012_devkit_t12.tar.gz", "LOC_val_solution.csv"):
        assert name in message


def test_finds_labels_from_a_relative_path(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_solution(images.parents[0])
    monkeypatch.chdir(images)

    assert find_labels(Path()).path == path


def test_the_nearest_labels_win(kit: Path, images: Path) -> None:
    shutil.copytree(kit, images.parents[3] / kit.name)
    path = write_solution(images)

    assert find_labels(images).path == path


def test_in_one_folder_a_kit_comes_before_a_solution(kit: Path, images: Path) -> None:
    write_solution(images)
    copy = shutil.copytree(kit, images / kit.name)

    assert find_labels(images).path == copy


def test_damaged_labels_are_refused_rather_than_passed_over(images: Path) -> None:
    write_solution(images.parent)
    path = images / "ILSVRC2012_devkit_t12.tar.gz"
    path.write_bytes(b"")

    with pytest.raises(SourceError, match=r"devkit_t12\.tar\.gz: damaged .*again from image-net"):
        find_labels(images)


def test_labels_either_naming_of_an_image(images: Path) -> None:
    write_solution(images)
    labels = find_labels(images)

    for name in ("ILSVRC2012_val_00000293.JPEG", "a/ILSVRC2012_val_00000293_n01443537.JPEG"):
        image = labels.image(name)
        assert (image.image_id, image.wnid) == ("ILSVRC2012_val_00000293", "n01443537")
        assert image.name == name


def test_refuses_a_name_of_another_class(images: Path) -> None:
    write_solution(images)

    with pytest.raises(SourceError, match="class n01440764 by its name, but n01443537"):
        find_labels(images).image("ILSVRC2012_val_00000293_n01440764.JPEG")


def test_refuses_an_image_without_a_label(images: Path) -> None:
    path = write_solution(images)

    with pytest.raises(SourceError, match=r"holiday\.jpg.*no label for it; leave it out") as caught:
        find_labels(images).image("holiday.jpg")
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "first line"),
        ("ImageId,LocCName\n" + GOLDFISH, "first line"),
        (HEADER + "ILSVRC2012_val_00000001,n00000000 1 2 3 4\n", "'n00000000', which is no class"),
        (HEADER + GOLDFISH + "ILSVRC2012_val_00000002,n0144", "line 3 names 'n0144'"),
        (HEADER + GOLDFISH + GOLDFISH, "line 3 has photograph 'ILSVRC2012_val_00000293' again"),
        (HEADER + "ILSVRC2012_val_00000293\n", "line 2 has 1 fields"),
        (HEADER + "a," + "x" * 200_000, "field larger than field limit"),
        (HEADER + 'a,"n01443537\n', "which is no class"),
    ],
)
def test_refuses_another_table(tmp_path: Path, text: str, complaint: str) -> None:
    path = write_solution(tmp_path, text)

    with pytest.raises(SourceError) as caught:
        read_solution(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert complaint in message
    assert message.endswith("get it again")
    assert "\n" not in message


def test_refuses_a_table_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "LOC_val_solution.csv"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(SourceError, match=r"LOC_val_solution.csv: not Kaggle's"):
        read_solution(path)


def test_refuses_a_table_of_absurd_size(tmp_path: Path) -> None:
    path = write_solution(tmp_path)
    with path.open("r+b") as file:
        file.truncate(65 * 2**20)

    with pytest.raises(SourceError, match="is too large; at most 67108864 are read"):
        read_solution(path)


def test_reads_a_table_that_a_spreadsheet_has_saved(tmp_path: Path) -> None:
    path = write_solution(tmp_path, "\ufeff" + (HEADER + GOLDFISH).replace("\n", "\r\n"))

    assert read_solution(path) == {"ILSVRC2012_val_00000293": "n01443537"}
    assert "n01443537" in classes.labels()


def test_finds_labels_beside_a_link_to_the_images(images: Path, tmp_path: Path) -> None:
    link = tmp_path / "mine" / "val"
    link.parent.mkdir()
    link.symlink_to(images, target_is_directory=True)
    beside_target = write_solution(images.parent)
    assert find_labels(link).path == beside_target
    beside_link = write_solution(link.parent)
    assert find_labels(link).path == beside_link


def test_blank_lines_of_a_solution_are_passed_over(tmp_path: Path) -> None:
    text = f"{HEADER}\r\n{GOLDFISH}\n  \n"
    assert read_solution(write_solution(tmp_path, text)) == {"ILSVRC2012_val_00000293": "n01443537"}


BOX = "0\t32\t44\t62"


def test_tiny_imagenet_is_a_source(tmp_path: Path) -> None:
    val, train = tmp_path / "val", tmp_path / "train" / "n01443537"
    for folder in (val, train):
        (folder / "images").mkdir(parents=True)
    (val / "images" / "val_0.JPEG").write_bytes(b"0")
    (train / "images" / "n01443537_7.JPEG").write_bytes(b"7")
    (train / "n01443537_boxes.txt").touch()
    (val / "val_annotations.txt").write_text(f"val_0.JPEG\tn01443537\t{BOX}\n\n")
    for place in (tmp_path, val, val / "images"):
        source = open_source(place)
        (image,) = source.images()
        assert (image.image_id, image.wnid, source.read(image)) == ("val_0", "n01443537", b"0")
    source = open_source(tmp_path / "train")
    (image,) = source.images()
    assert (image.image_id, image.wnid, source.read(image)) == ("n01443537_7", "n01443537", b"7")


@pytest.mark.parametrize(
    "text", ["val_0.JPEG n01443537", f"val_0.JPEG\tn01443537\t{BOX}\n" * 2, "\u00e9"]
)
def test_damaged_annotations_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "val_annotations.txt").write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match=r"val_annotations.txt: not Tiny ImageNet's annotations"):
        find_labels(tmp_path)
