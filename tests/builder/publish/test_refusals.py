"""What a push refuses: one line each, before anything is tagged and mostly before all else."""

import json
import shutil

import pytest

from imagenetq.builder import build, open_source, push
from imagenetq.builder.card.card import front_matter
from imagenetq.errors import FolderError, UsageError

READER = "hf_reader"


def refused(failed) -> str:
    """The one line of a refusal."""
    assert set(failed) == {"error", "message"}, failed
    assert "\n" not in failed["message"]
    return failed["message"]


def test_who_may_not_write_is_told_at_once(hub, client, built) -> None:
    assert refused(client.push(built, token="")) == (
        "hf:org/q: there is no token; run `hf auth login` or set HF_TOKEN"
    )
    assert "the token can only read; make one that may write" in refused(
        client.push(built, token=READER)
    )
    assert "refuses it (HTTP 401: Invalid username or password); log in with a token" in refused(
        client.push(built, token="hf_stranger")
    )
    assert "You don't have the rights to create a dataset under the namespace" in refused(
        client.push(built, name="elsewhere/q")
    )
    assert hub.repositories == {}


@pytest.mark.parametrize("name", ["q", "org/", "/q", "a/b/c", "org/q@v1", "org/q--q", "or g/q", ""])
def test_a_name_of_another_form_is_wrong_usage(built, name) -> None:
    with pytest.raises(UsageError, match="write ORG/NAME, such as your-name/imagenet-q"):
        push(built, name)


def test_wrong_usage_is_told_before_the_folder_is_read(built, tmp_path) -> None:
    with pytest.raises(UsageError, match="accept its terms; read them, and add --accept-image"):
        push(built, "org/q", public=True)
    with pytest.raises(UsageError, match="no gate 'none'; it is manual or auto"):
        push(built, "org/q", gated="none")
    with pytest.raises(FolderError, match="no such folder; name a built dataset"):
        push(tmp_path / "q", "org/q")


@pytest.mark.usefixtures("in_this_process")
def test_the_embedded_sample_is_not_published(tmp_path) -> None:
    build(open_source("sample"), tmp_path / "q", only=["jpeg-10"], workers=1)
    for recipe_only in (False, True):
        with pytest.raises(UsageError, match="embedded sample, a demonstration, which is not pub"):
            push(tmp_path / "q", "org/q", recipe_only=recipe_only)


def test_a_folder_that_does_not_verify_is_not_pushed(hub, client, built, tmp_path) -> None:
    folder = tmp_path / "q"
    shutil.copytree(built, folder)
    shard = next((folder / "data").rglob("*.parquet"))
    shard.write_bytes(shard.read_bytes()[:-1])
    failed = client.push(folder, verified=False)
    assert "problems, named above; nothing was pushed; mend them" in refused(failed)
    assert f"{shard}: {shard.stat().st_size} bytes; the manifest says" in client.said()
    assert hub.repositories == {}


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ({"thesis.tex": b"years of work"}, "thesis.tex"),
        ({"data/train/test-00000-of-00001.parquet": b"PAR1"}, "data/train/test-00000-of-00001"),
        ({"manifest.json": b"{}"}, "manifest.json"),
        ({"README.md": b"---\npretty_name: Birds\n---\n# Birds\n"}, "README.md"),
        ({"README.md": b"# Birds\n"}, "README.md"),
        ({f"{letter}.txt": b"" for letter in "abcde"}, "a.txt, b.txt, c.txt and 2 more"),
    ],
)
def test_a_repository_of_something_else_is_left_alone(hub, client, built, files, named) -> None:
    repository = hub.add("org/q", {".gitattributes": b""} | files)
    repository.private = True
    before = dict(repository.files())
    message = refused(client.push(built))
    assert message.startswith(f"hf:org/q holds files of something else ({named}")
    assert message.endswith("; push under another name, or remove them")
    assert repository.files() == before
    assert repository.gated is False


@pytest.mark.parametrize("card", [b"---\nlicense: other\n---\n", b"", None])
def test_a_repository_that_was_just_made_is_taken(hub, client, built, card) -> None:
    files = {} if card is None else {"README.md": card}
    hub.add("org/q", {".gitattributes": b""} | files).private = True
    assert client.push(built)["tag"] == "v1.0.0"
    assert front_matter(hub.repositories["org/q"].files()["README.md"].content.decode())


def test_images_do_not_go_where_everybody_sees_them_unasked(hub, client, built) -> None:
    repository = hub.add("org/q", {})
    message = refused(client.push(built))
    assert message == (
        f"hf:org/q is public; add --public, or make it private at {hub.url}/datasets/org/q/settings"
    )
    assert repository.files() == {}
    assert client.push(built, public=True, accept_terms=True)["gated"] == "manual"
    assert repository.gated == "manual"


@pytest.mark.usefixtures("in_this_process")
def test_a_version_that_is_published_never_changes(hub, client, built, source, tmp_path) -> None:
    client.push(built)
    repository = hub.repositories["org/q"]
    commits = dict(repository.commits)
    build(open_source(source), tmp_path / "q", subset="mini", only=["jpeg-10"], workers=1)
    message = refused(client.push(tmp_path / "q"))
    assert message.startswith("hf:org/q has v1.0.0 with other pixels (digest ")
    assert message.endswith("; a published version never changes: push under another name")
    message = refused(client.push(built, recipe_only=True))
    assert message.startswith("hf:org/q has v1.0.0 as the images themselves; push this under")
    assert repository.commits == commits

    repository.refs["v1.0.0"] = repository.commit({"thesis.tex": b""})
    message = refused(client.push(built))
    assert message == "hf:org/q has a tag v1.0.0 of something else; push under another name"


def test_a_tag_that_somebody_sets_meanwhile_is_not_taken_for_ours(hub, client, built) -> None:
    def tag(_method: str, path: str) -> None:
        repository = hub.repositories.get("org/q")
        if "/tag/" in path:
            repository.refs["v1.0.0"] = next(iter(repository.commits))
            repository.tags.add("v1.0.0")

    hub.faults.watchers.append(tag)
    assert "somebody else is changing it (HTTP 409: Tag reference exists" in refused(
        client.push(built)
    )


@pytest.mark.parametrize("xet", [False, True])
def test_no_room_is_told_and_the_push_goes_on_later(hub, client, built, xet) -> None:
    size = sum(path.stat().st_size for path in built.rglob("*.parquet"))
    hub.quota = size // 2
    message = refused(client.push(built, xet=xet, small=True))
    assert message.startswith(
        f"hf:org/q: {hub.url} has no room for it (HTTP 403: Private repository storage limit "
    )
    assert message.endswith(
        "; what was uploaded stays; get more storage, and run the same command again to go on"
    )
    assert hub.repositories["org/q"].tags == set()
    hub.quota = 2 * size
    assert client.push(built, xet=xet, small=True)["tag"] == "v1.0.0"
    assert hub.objects.repeated == hub.xet.repeated == 0


def test_what_the_hub_refuses_otherwise_is_one_line(hub, client, built) -> None:
    hub.fail("/commit/", status=400, times=1, message="README.md has no title.")
    assert refused(client.push(built)) == (
        f"hf:org/q: {hub.url} refuses it (HTTP 400: README.md has no title)"
    )
    hub.fail("/settings", status=403, times=1, message="Ask the owner.")
    assert "refuses it (HTTP 403: Ask the owner); log in with a token that may write to org" in (
        refused(client.push(built, gated="auto"))
    )
    assert hub.repositories["org/q"].tags == set()


def test_the_manifest_that_was_verified_is_the_one_that_is_pushed(
    hub, client, built, tmp_path
) -> None:
    folder = tmp_path / "q"
    shutil.copytree(built, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["pixel_digest"] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert "named above; nothing was pushed" in refused(client.push(folder, verified=False))
    assert "manifest.json: pixel digest is not what the rows give" in client.said()
    assert hub.repositories == {}
