"""Publish a dataset on the Hub: verify it, upload it, compare, and only then tag it."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from imagenetq.benchmark import EVAL_NAME
from imagenetq.builder.card.card import CARD_NAME, PREVIEW_NAME, is_ours
from imagenetq.builder.card.croissant import CROISSANT_NAME
from imagenetq.builder.folders import open_folder
from imagenetq.builder.publish import preflight
from imagenetq.builder.publish.payload import Payload
from imagenetq.builder.publish.repository import HubRepository, State
from imagenetq.builder.publish.uploading import ATTRIBUTES, require_same, shown, upload
from imagenetq.builder.recipe.pixel_table import PIXELS_NAME, SPECIFICATION_NAME
from imagenetq.choices import Gate
from imagenetq.errors import PublishError, UsageError
from imagenetq.hub import PREFIX, HubAddress
from imagenetq.manifest import MANIFEST_NAME, Manifest
from imagenetq.progress import meter, working
from imagenetq.specification import variants

_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
_SHARD = re.compile(r"data/(?P<variant>[^/]+)/test-\d{5}(-of-\d{5})?\.(parquet|tar)")


@dataclass(frozen=True)
class Pushed:
    """A published version."""

    repository: str
    """Name of the repository, `ORG/NAME`."""

    tag: str
    """Name of the version there, such as `v1.0.0`."""

    commit: str
    """Commit that the tag names."""

    page: str
    """Address of the repository's page."""

    pixel_digest: str
    """Pixel digest of the dataset."""

    was_there: bool
    """Whether the version was published before, so that nothing was uploaded."""

    private: bool
    """Whether only the repository's owners see it."""

    gated: str | None
    """How requests for access are answered; None if they are not asked for."""

    loading: str
    """Line of Python that loads the dataset."""


def push(
    dataset: str | Path,
    name: str,
    *,
    public: bool = False,
    accept_terms: bool = False,
    gated: str | None = None,
    recipe_only: bool = False,
    benchmark: bool = False,
    workers: int | None = None,
) -> Pushed:
    """Publish a dataset on the Hub as a new version, or go on with a push that ended early.

    The repository is made private and gated. Nothing that is there already is sent again. The
    version's tag is set last, on a commit that holds exactly the manifest's files.

    Args:
        dataset: its folder, or its URL in an object store, from which shards are copied to this
            machine a few at a time; verified first, every shard and pixel.
        name: `ORG/NAME`; made if there is no such repository.
        public: let everybody see the repository, and ask for access. Without it, a repository
            that is there stays as visible as it is, but none that everybody sees gets images.
        accept_terms: say that ImageNet's terms are accepted (`terms()` gives them), without which
            images are not made public.
        gated: how requests for access are answered: `manual`, each by the owners, or `auto`, by
            the Hub at once. If left out, as the repository has it, else manual; a recipe, which
            holds no image, is not gated by itself.
        recipe_only: publish digests and pixel hashes alone, no image.
        benchmark: send `eval.yaml`, which the Hub takes only once it knows the framework that it
            names. A repository that has one gets it with every version.
        workers: processes that verify; one a core if left out.

    Raises:
        UsageError: the name, an option or the folder does not allow publishing at all.
        FolderError: there is no dataset in the folder.
        PublishError: the folder is not as its manifest says; the repository holds something else;
            the Hub refuses, or cannot be reached. What was uploaded stays for the next push.
    """
    address = _address(name)
    if gated is not None and gated not in get_args(Gate):
        raise UsageError(f"no gate {gated!r}; it is manual or auto")
    if public and not recipe_only and not accept_terms:
        raise UsageError(
            f"{address}: to make ImageNet's photographs public you must accept its terms; "
            "read them, and add --accept-imagenet-terms"
        )
    with working(f"asking for {address}"):
        folder = open_folder(dataset)
        if folder.name.startswith("hf:"):
            raise UsageError(
                f"{dataset} is on the Hub; duplicate it there, or push from where it was built"
            )
        manifest = preflight.publishable_manifest(folder)
        repository = HubRepository(address)
        repository.require_writer()
        state = repository.state()
        access = _Access.of(state, public=public, gated=gated, images=not recipe_only)
        if state is not None:
            access.require_allowed(address, public=public)
            if manifest.tag in state.tags:
                return _published(repository, state, manifest, access, benchmark=benchmark)
            _require_own(repository, state.head)
            benchmark = benchmark or EVAL_NAME in repository.files(state.head)
    preflight.require_verified(folder, manifest, workers)
    with working("preparing the upload"):
        payload_of = Payload.of_recipe if recipe_only else Payload.of_dataset
        payload = payload_of(folder, manifest, address)
        if benchmark:
            payload = payload.with_benchmark(manifest)
        if state is None:
            state = repository.create()
        access.gate(repository, state)
    n_rows = sum(file.rows for file in payload.body)
    with meter("uploading", max(n_rows, 1)) as progress:
        commit = upload(repository, payload, state.head, progress)
    with working("comparing what is there"):
        require_same(repository, payload, commit)
        repository.tag(manifest.tag, commit)
        access.show(repository, state)
    return _pushed(address, manifest, access, commit, was_there=False)


@dataclass(frozen=True)
class _Access:
    """The access that a repository is to have in the end, and whether it holds images."""

    private: bool
    gated: str | None
    images: bool

    @classmethod
    def of(cls, state: State | None, *, public: bool, gated: str | None, images: bool) -> "_Access":
        return cls(
            private=not public and (state is None or state.private),
            gated=gated or (state and state.gated) or ("manual" if images else None),
            images=images,
        )

    def require_allowed(self, address: HubAddress, *, public: bool) -> None:
        """Refuse to put images where everybody sees them without having been told to."""
        if self.images and not self.private and not public:
            raise PublishError(
                f"{address} is public; add --public, or make it private at {address.page}/settings"
            )

    def gate(self, repository: HubRepository, state: State) -> None:
        """Gate the repository, before anything is in it; it stays as private as it is."""
        if state.gated != self.gated:
            repository.set_access(private=state.private, gated=self.gated)

    def show(self, repository: HubRepository, state: State) -> None:
        """Show the repository to whom it is for, now that it is complete."""
        if state.private != self.private:
            repository.set_access(private=self.private, gated=self.gated)


def _address(name: str) -> HubAddress:
    repository = name.removeprefix(PREFIX)
    if not _NAME.fullmatch(repository) or "--" in repository or ".." in repository:
        raise UsageError(
            f"{name}: write ORG/NAME, such as your-name/imagenet-q, or a URL, such as "
            "s3://bucket/imagenet-q"
        )
    return HubAddress(repository, None)


def _published(
    repository: HubRepository, state: State, manifest: Manifest, access: _Access, *, benchmark: bool
) -> Pushed:
    """Describe a version that was published before; only who sees it may change."""
    address, tag = repository.address, manifest.tag
    if benchmark and EVAL_NAME not in repository.files(state.head):
        raise PublishError(
            f"{address} has {tag} without {EVAL_NAME}, and a published version never changes: add "
            f"leaderboard/hub/{EVAL_NAME} to its main branch by hand"
        )
    commit = state.tags[tag]
    files = repository.files(commit)
    published = repository.manifest(commit) if MANIFEST_NAME in files else None
    if published is None:
        raise PublishError(f"{address} has a tag {tag} of something else; push under another name")
    if published.pixel_digest != manifest.pixel_digest:
        raise PublishError(
            f"{address} has {tag} with other pixels (digest {published.pixel_digest[:12]}, here "
            f"{manifest.pixel_digest[:12]}); a published version never changes: push under another "
            "name"
        )
    if (PIXELS_NAME in files) == access.images:
        kind = "the recipe alone" if access.images else "the images themselves"
        raise PublishError(f"{address} has {tag} as {kind}; push this under another name")
    access.gate(repository, state)
    access.show(repository, state)
    return _pushed(address, published, access, commit, was_there=True)


def _pushed(
    address: HubAddress, manifest: Manifest, access: _Access, commit: str, *, was_there: bool
) -> Pushed:
    config = f'"{preflight.example_variant(manifest, "blur-3")}", ' if access.images else ""
    return Pushed(
        repository=address.repository,
        tag=manifest.tag,
        commit=commit,
        page=address.page,
        pixel_digest=manifest.pixel_digest,
        was_there=was_there,
        private=access.private,
        gated=access.gated,
        loading=f'load_dataset("{address.repository}", {config}revision="{manifest.tag}")',
    )


def _require_own(repository: HubRepository, head: str) -> None:
    """Refuse a repository with files that no push of ours can have put there."""
    files = repository.files(head)
    names = {variant.name for variant in variants()}
    known = {
        *(ATTRIBUTES, CARD_NAME, PREVIEW_NAME, CROISSANT_NAME, MANIFEST_NAME, EVAL_NAME),
        *(PIXELS_NAME, SPECIFICATION_NAME),
    }
    foreign = [
        path
        for path in files
        if path not in known
        and not ((shard := _SHARD.fullmatch(path)) and shard["variant"] in names)
    ]
    if MANIFEST_NAME in files and repository.manifest(head) is None:
        foreign.append(MANIFEST_NAME)
    if CARD_NAME in files and not is_ours(
        repository.read(CARD_NAME, head).decode(errors="replace")
    ):
        foreign.append(CARD_NAME)
    if foreign:
        raise PublishError(
            f"{repository.address} holds files of something else ({shown(sorted(foreign))}); "
            "push under another name, or remove them"
        )
