"""Define the commands around building a dataset: build, verify, spec, preview."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer
from rich.filesize import decimal

from imagenetq.choices import Executor, Format
from imagenetq.commands.common import (
    DATA,
    FAILED,
    OUTPUT,
    RUN,
    SOURCE_HELP,
    AllowShort,
    Json,
    Only,
    SkipBad,
    SubsetOption,
    Workers,
    end,
    explains_errors,
    names,
    note,
    option,
)
from imagenetq.commands.opening import open_source
from imagenetq.commands.options import spliced
from imagenetq.errors import UsageError
from imagenetq.words import counted

if TYPE_CHECKING:
    from imagenetq.builder import ShareBuilt
    from imagenetq.builder.building.estimate import Estimate
    from imagenetq.builder.recipe import Likeness
    from imagenetq.manifest import Manifest

_SHOWN = 20


@dataclass(frozen=True)
class _BuildOptions:
    """The options that decide a dataset and how it is built, by the names of `builder.build`."""

    PANEL: ClassVar[str] = DATA

    subset: SubsetOption = None
    only: Only = None
    allow_short: AllowShort = False
    skip_bad: SkipBad = False
    format_name: Annotated[
        Format | None, option("Of the shards; parquet if not given.", "--format", panel=OUTPUT)
    ] = None
    workers: Annotated[
        int | None, option("Units at once; one a core if not given.", panel=RUN, min=1)
    ] = None
    executor: Annotated[
        Executor, option("local: processes of this machine; ray: a Ray cluster.", panel=RUN)
    ] = "local"


@explains_errors
@spliced
def build(
    options: _BuildOptions,
    source: Annotated[str, typer.Argument(help=SOURCE_HELP)] = "sample",
    out: Annotated[
        str, option("The dataset's folder, or its URL: s3://BUCKET/q, gs:// ..", panel=OUTPUT)
    ] = "imagenet-q",
    shard: Annotated[
        str | None,
        option("Build the I-th of N shares, beside other processes.", panel=RUN, metavar="I/N"),
    ] = None,
    like: Annotated[
        str | None,
        option(
            "Build the very dataset of this recipe, and name every difference.",
            panel=DATA,
            metavar="ORG/NAME|DIR",
        ),
    ] = None,
    dry_run: Annotated[
        bool, option("Only tell photographs, shards, bytes and time.", "--dry-run", panel=RUN)
    ] = False,
    as_json: Json = False,
) -> None:
    """Build the dataset, or go on with a build that was interrupted."""
    from imagenetq.progress import working

    with working("loading the builder"):
        from imagenetq import builder

    opened = open_source(source)
    if source == "sample":
        note("source: the photographs in scikit-image's package, a demonstration")
    if like is not None:
        how = _BuildOptions(workers=options.workers, executor=options.executor)
        if options != how or dry_run or shard:
            raise UsageError(
                "--like takes all that decides a dataset from the recipe; give no more"
            )
        likeness = builder.build_like(
            opened, out, like, workers=options.workers, executor=options.executor
        )
        _print_likeness(out, likeness, as_json=as_json)
        return
    if dry_run and shard:
        raise UsageError("--dry-run tells of the whole dataset; give no --shard")
    given = {**vars(options), "only": names(options.only)}
    # What is not given has the library's own default.
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if dry_run:
        _print_estimate(builder.estimate(opened, **chosen), as_json=as_json)
    elif shard is not None:
        share = builder.build_share(opened, out, builder.Share.parse(shard), **chosen)
        _print_share(out, share, as_json=as_json)
    else:
        _print_manifest(out, builder.build(opened, out, **chosen), as_json=as_json)


@explains_errors
def verify(
    folder: Annotated[
        str,
        typer.Argument(
            metavar="DIR",
            help="A built dataset: a folder, a URL or hf:ORG/NAME; or rendered pictures.",
        ),
    ],
    source: Annotated[
        str | None,
        typer.Argument(
            help="Render every variant again from there and compare; of rendered pictures, FOLDER."
        ),
    ] = None,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Hash every shard and pixel again; with SOURCE, render again and compare."""
    from imagenetq.progress import working

    with working("loading the builder"):
        from imagenetq import builder

    is_rendered = builder.is_rendered_folder(Path(folder))
    if is_rendered:
        problems = builder.verify_rendered_folder(folder, source, workers=workers)
    else:
        opened = None if source is None else open_source(source)
        problems = builder.verify(folder, opened, workers=workers)
    if as_json:
        print(json.dumps({"ok": not problems, "problems": problems}, indent=1))
    else:
        for problem in problems:
            print(problem)
    if problems:
        end(f"{folder}: {counted(len(problems), 'problem')}", FAILED)
    if not as_json:
        what = "files" if is_rendered else "shards, rows"
        print(f"{folder}: all {what} and pixels are as the manifest says")


@explains_errors
def spec(as_json: Json = False) -> None:
    """Show the ladder and the specification's digest; --json prints what the digest covers."""
    from imagenetq import specification

    if as_json:
        print(specification.canonical_json())
        return
    print(f"ImageNet-Q {specification.DATASET_VERSION}: 51 variants of each photograph, and clean")
    print(f"specification digest {specification.specification_digest()}")
    for ladder in specification.LADDERS:
        print(f"\n{ladder.distortion}: {ladder.parameter} from mild to strong")
        print("  " + "  ".join(str(value) for value in ladder.values))
        for name, definition in ladder.definition.items():
            print(f"    {name}: {definition}")


@explains_errors
def preview(
    image: Annotated[Path, typer.Argument(metavar="PHOTO", help="An image file.")],
    out: Annotated[
        Path, option("The picture to write: PNG, JPEG or WebP; an earlier sheet is replaced.")
    ] = Path("sheet.png"),
) -> None:
    """Draw every variant of one photograph, labelled, on one sheet."""
    from imagenetq.progress import working

    with working("loading the builder"):
        from imagenetq.builder.contact_sheet import write_sheet

    with working(f"drawing every variant of {image}"):
        write_sheet(image, out)
    print(out)


def _print_estimate(estimate: "Estimate", *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(estimate)))
        return
    print(
        f"{counted(estimate.photographs, 'photograph')} x {estimate.variants} variants in "
        f"{estimate.shards} shards"
    )
    if estimate.bytes is None or estimate.seconds is None:
        print("bytes and time are known once the photographs are at hand")
    else:
        print(f"about {decimal(estimate.bytes)} and {estimate.seconds / 60:.1f} minutes")


def _print_manifest(out: str, manifest: "Manifest", *, as_json: bool) -> None:
    if as_json:
        print(manifest.to_json(), end="")
        return
    size = decimal(sum(shard.bytes for shard in manifest.shards))
    photographs = counted(manifest.images, "photograph")
    print(f"{out}: {photographs} x {len(manifest.variants)} variants, {size}")
    if manifest.classes_absent:
        print(f"{len(manifest.classes_absent)} classes are absent from the source")
    if manifest.classes_short:
        print(f"{len(manifest.classes_short)} classes are short of photographs")
    if manifest.bad_images:
        print(f"left out: {counted(len(manifest.bad_images), 'unreadable photograph')}")
    print(f"pixel digest {manifest.pixel_digest}")


def _print_share(out: str, built: "ShareBuilt", *, as_json: bool) -> None:
    if as_json:
        facts = {"share": str(built.share), "units": built.units, "photographs": built.photographs}
        bad = [note.model_dump(mode="json") for note in built.bad_images]
        print(json.dumps({**facts, "bad_images": bad}, indent=1))
        return
    print(
        f"{out}: share {built.share} is done: {counted(built.photographs, 'photograph')} in "
        f"{counted(built.units, 'unit')}"
    )
    if built.bad_images:
        print(f"left out: {counted(len(built.bad_images), 'unreadable photograph')}")
    print("once all shares are, the same command without --shard completes the dataset")


def _print_likeness(out: str, likeness: "Likeness", *, as_json: bool) -> None:
    differences = likeness.differences
    if as_json:
        manifest = likeness.manifest.model_dump(mode="json")
        result = {"equal": likeness.is_equal, "differences": differences, "manifest": manifest}
        print(json.dumps(result, indent=1))
    else:
        _print_manifest(out, likeness.manifest, as_json=False)
        for difference in differences[:_SHOWN]:
            print(difference)
        if len(differences) > _SHOWN:
            print(f"and {len(differences) - _SHOWN} more; --json prints them all")
    recipe = likeness.recipe
    if not likeness.is_equal and not differences:
        end(
            f"{out}: not the same pixels as {recipe}, whose hashes lie among its images: "
            "compare with a copy of it on this machine to see which differ",
            FAILED,
        )
    if not likeness.is_equal:
        end(f"{out}: not the same as {recipe}: {counted(len(differences), 'difference')}", FAILED)
    if not as_json:
        print(f"the same pixels and labels as {recipe}")
