"""Rebuilding what a recipe describes: equal is proven, and every difference has a name."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from pyarrow import parquet

from hub_server import HubServer
from imagenetq.builder import build, build_like, open_source
from imagenetq.builder.folders import open_folder
from imagenetq.builder.recipe.pixel_table import PIXELS_NAME, pixel_table
from imagenetq.builder.recipe.recipe import differences
from imagenetq.digests import PixelLine
from imagenetq.errors import BuildStopped, FolderError, UsageError
from imagenetq.manifest import MANIFEST_NAME, read_manifest

pytestmark = pytest.mark.usefixtures("in_this_process")

ONLY = ["clean", "contrast-0.5", "jpeg-10"]
IMAGES = 8
SHARD = "data/jpeg-10/test-00000-of-00001.parquet"


@pytest.fixture(scope="module")
def images(make_source: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_source(tmp_path_factory.mktemp("like") / "images", IMAGES)


@pytest.fixture(scope="module")
def built(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset, with its images. Not to be changed."""
    folder = tmp_path_factory.mktemp("built") / "q"
    build(open_source(images), folder, subset="mini", only=ONLY, workers=1)
    return folder


@pytest.fixture(scope="module")
def tars(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, as tars. Not to be changed."""
    folder = tmp_path_factory.mktemp("tars") / "q"
    options = {"subset": "mini", "only": ONLY, "format_name": "webdataset"}
    build(open_source(images), folder, workers=1, **options)
    return folder


@pytest.fixture(scope="module")
def recipe(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a push of the recipe alone leaves. Not to be changed."""
    folder = tmp_path_factory.mktemp("recipe")
    shutil.copy(built / MANIFEST_NAME, folder)
    (folder / PIXELS_NAME).write_bytes(pixel_table(open_folder(built), read_manifest(built)))
    return folder


@pytest.fixture
def changed(images: Path, photograph: Image.Image, tmp_path: Path) -> Path:
    """The images of somebody who has one missing, one too many, one changed, two mislabelled."""
    folder = tmp_path / "changed"
    shutil.copytree(images, folder)
    classes = sorted(folder.iterdir())
    (gone,) = classes[0].iterdir()
    gone.unlink()
    classes[0].rmdir()
    extra = folder / "n15075141" / "ILSVRC2012_val_00049999.JPEG"
    extra.parent.mkdir()
    photograph.crop((3, 3, 43, 34)).save(extra, "JPEG")
    (other,) = classes[2].iterdir()
    photograph.crop((9, 9, 49, 40)).save(other, "JPEG")
    swapped = folder / "swapped"
    classes[3].rename(swapped)
    classes[4].rename(classes[3])
    swapped.rename(classes[4])
    return folder


def named(images: Path) -> list[str]:
    """Every difference between `changed` and the recipe."""
    ids = [path.stem for path in sorted(images.rglob("*.JPEG"))]
    wnids = [path.name for path in sorted(images.iterdir())]
    return sorted(
        [
            f"{ids[0]}: missing, of class {wnids[0]}",
            "ILSVRC2012_val_00049999: too many, of class n15075141",
            f"{ids[2]}: other pixels in all 3 variants; its photograph is another",
            f"{ids[3]}: another label, {wnids[4]}; it should be of class {wnids[3]}",
            f"{ids[4]}: another label, {wnids[3]}; it should be of class {wnids[4]}",
        ]
    )


@pytest.mark.parametrize("kind", ["recipe", "manifest", "tars"])
def test_the_same_images_give_the_same_dataset(
    request: pytest.FixtureRequest, images: Path, built: Path, tmp_path: Path, kind: str
) -> None:
    like = built / MANIFEST_NAME if kind == "manifest" else request.getfixturevalue(kind)
    likeness = build_like(open_source(images), tmp_path / "q", like, workers=1)
    assert likeness.is_equal
    assert likeness.differences == ()
    manifest = read_manifest(tmp_path / "q")
    assert manifest.pixel_digest == read_manifest(built).pixel_digest
    assert manifest.format == ("webdataset" if kind == "tars" else "parquet")
    assert manifest.subset == "mini"


@pytest.mark.parametrize("kind", ["recipe", "built", "tars"])
def test_every_difference_is_named(
    request: pytest.FixtureRequest,
    images: Path,
    changed: Path,
    tmp_path: Path,
    kind: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    like = request.getfixturevalue(kind)
    likeness = build_like(open_source(changed), tmp_path / "q", like, workers=1)
    assert not likeness.is_equal
    assert list(likeness.differences) == named(images)
    # A recipe lists its images, so that one need not wait for the end to hear of others.
    assert ("other photographs or labels" in capsys.readouterr().err) == (kind == "recipe")


def test_variants_are_named_where_only_some_differ(recipe: Path) -> None:
    rows = parquet.read_table(recipe / PIXELS_NAME).to_pylist()
    lines = [PixelLine(*(row[name] for name in PixelLine._fields)) for row in rows]
    other = [
        line._replace(pixel_sha256="0" * 64)
        if (line.image_id, line.variant) == (lines[0].image_id, "jpeg-10")
        else line
        for line in lines
    ]
    assert differences(lines, other) == [f"{lines[0].image_id}: other pixels in jpeg-10"]
    assert differences(lines, lines) == []


def test_bad_images_of_the_recipe_may_be_bad_here_too(
    make_source: Callable[..., Path], tmp_path: Path
) -> None:
    images = make_source(tmp_path / "images", 4)
    first, second = sorted(images.rglob("*.JPEG"))[:2]
    good = first.read_bytes()
    first.write_bytes(good[:300])
    options = {"subset": "mini", "only": ["clean"], "workers": 1}
    build(open_source(images), tmp_path / "q", skip_bad=True, **options)
    again = build_like(open_source(images), tmp_path / "again", tmp_path / "q", workers=1)
    assert again.is_equal
    # With the image mended there is one too many; with another one damaged, one is missing.
    first.write_bytes(good)
    mended = build_like(open_source(images), tmp_path / "mended", tmp_path / "q", workers=1)
    assert [line.partition(",")[0] for line in mended.differences] == [f"{first.stem}: too many"]
    whole = second.read_bytes()
    second.write_bytes(whole[:300])
    worse = build_like(open_source(images), tmp_path / "worse", tmp_path / "q", workers=1)
    assert any(f"{second.stem}: missing, of class" in line for line in worse.differences)
    assert any(f"{second.name}: " in line for line in worse.differences)
    # A recipe without bad images takes none.
    second.write_bytes(whole)
    build(open_source(images), tmp_path / "all", **options)
    second.write_bytes(whole[:300])
    with pytest.raises(BuildStopped, match="for want of the photographs named above"):
        build_like(open_source(images), tmp_path / "none", tmp_path / "all", workers=1)


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        ("nothing there", UsageError, r"nowhere: no such folder; name one with a manifest\.json"),
        ("no manifest", FolderError, r"no manifest\.json"),
        ("another version", FolderError, r"is of ImageNet-Q 2\.0\.0, whose specification"),
        ("other hashes", FolderError, r"pixels\.parquet: damaged, or not of the dataset"),
    ],
)
def test_what_is_no_recipe_is_refused_before_anything_is_built(
    images: Path, recipe: Path, tmp_path: Path, damage: str, error: type[Exception], message: str
) -> None:
    folder = tmp_path / "nowhere"
    if damage != "nothing there":
        shutil.copytree(recipe, folder)
        manifest = json.loads((folder / MANIFEST_NAME).read_text())
        if damage == "another version":
            manifest |= {"specification_digest": "0" * 64, "dataset_version": "2.0.0"}
        (folder / MANIFEST_NAME).write_text(json.dumps(manifest))
        if damage == "no manifest":
            (folder / MANIFEST_NAME).unlink()
        if damage == "other hashes":
            (folder / PIXELS_NAME).write_bytes(b"PAR1")
    with pytest.raises(error, match=message):
        build_like(open_source(images), tmp_path / "q", folder)
    assert not (tmp_path / "q").exists()


def test_shards_that_are_not_those_of_the_manifest_are_no_recipe(
    changed: Path, built: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "like"
    shutil.copytree(built, folder)
    (folder / SHARD).write_bytes((folder / SHARD).read_bytes()[:-40])
    with pytest.raises(FolderError, match=rf"{SHARD}: damaged"):
        build_like(open_source(changed), tmp_path / "q", folder, workers=1)
    (folder / SHARD).unlink()
    with pytest.raises(FolderError, match=rf"{SHARD}: missing"):
        build_like(open_source(changed), tmp_path / "q", folder, workers=1)


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".build" not in path.parts
    }


def test_recipes_on_the_hub(
    images: Path, changed: Path, recipe: Path, built: Path, tars: Path, run, call, tmp_path: Path
) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    with HubServer() as hub:
        environment |= {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home")}
        for name, folder in (("recipe", recipe), ("q", built), ("tars", tars)):
            repository = hub.add(f"org/{name}", files_of(folder))
            repository.refs["v1.0.0"] = repository.refs["main"]

        def like(source: Path, name: str, out: str, *more: str):
            return run(
                *("build", source, "--like", name, "--out", tmp_path / out, "--workers", "1"),
                *more,
                env=environment,
                cwd=tmp_path,
            )

        equal = like(images, "org/recipe@v1.0.0", "equal")
        assert equal.returncode == 0, equal.stderr
        assert equal.stdout.splitlines()[-1] == ("the same pixels and labels as org/recipe@v1.0.0")
        other = like(changed, "org/recipe", "other")
        assert other.returncode == 1
        lines = other.stdout.splitlines()
        assert lines[-5:] == named(images)
        assert other.stderr.splitlines()[-1].endswith(
            "other: not the same as org/recipe: 5 differences"
        )
        of_images = like(changed, "hf:org/q@v1.0.0", "other", "--json")
        assert json.loads(of_images.stdout)["differences"] == named(images)
        # Their hashes are not needed where the digests agree.
        hub.forget()
        assert like(images, "org/tars", "tars").returncode == 0
        assert not hub.requests("/data/")
        unnamed = like(changed, "org/tars", "others")
        assert unnamed.returncode == 1
        assert "whose hashes lie among its images: compare with a copy" in unnamed.stderr
        unknown = like(images, "org/none", "none")
        assert unknown.returncode == 1
        assert "no such dataset on" in unknown.stderr
    for option in (["--subset", "mini"], ["--only", "blur"], ["--format", "parquet"]):
        ended = call("build", images, "--like", recipe, *option, cwd=tmp_path)
        assert ended.returncode == 2
        assert "--like takes all that decides a dataset from the recipe" in ended.stderr
