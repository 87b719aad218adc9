"""Describe a dataset for machines in `croissant.json`: Croissant 1.1 of MLCommons with RAI terms.

`context.json` holds Croissant's own terms. Columns, limits and the datasheet are taken from the
card's template. All else follows from the manifest and the repository's address, if there is one.
The file holds the manifest's hash, and the manifest every shard's.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from imagenetq.builder.card.card import AUTHORS, YEAR, citation, front_matter, provenance, template
from imagenetq.builder.shards import shard_format
from imagenetq.builder.shards.image_files import extension
from imagenetq.hub import HubAddress
from imagenetq.manifest import MANIFEST_NAME, Manifest
from imagenetq.provenance import REPOSITORY
from imagenetq.specification import CLEAN, variant

CROISSANT_NAME = "croissant.json"

Node = dict[str, Any]

_CONFORMS_TO = ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]

_RAI = {
    "rai:dataLimitations": "Known limits",
    "rai:dataUseCases": "Intended uses",
    "rai:dataCollection": "Composition and collection",
    "rai:dataPreprocessingProtocol": "Synthetic data",
    "rai:dataBiases": "Biases",
    "rai:personalSensitiveInformation": "Sensitive information",
    "rai:dataSocialImpact": "Social impact",
    "rai:dataReleaseMaintenancePlan": "Maintenance",
}
"""Headings of the card's sections that answer the questions of the RAI vocabulary."""

_DATA_TYPES = {
    "image, RGB": "sc:ImageObject",
    "class label": "sc:Integer",
    "string": "sc:Text",
    "int32": "cr:Int32",
    "int64": "cr:Int64",
    "float64": "cr:Float64",
}
"""What Croissant calls each type of the card's table of columns."""

_FORMATS = {
    "j2k": "image/j2c",
    "jpg": "image/jpeg",
    "json": "application/json",
    "parquet": "application/x-parquet",
    "tar": "application/x-tar",
    "webp": "image/webp",
}
_ORIGINS = {
    "sample": ("https://scikit-image.org/", "the photographs that scikit-image ships"),
    "imagenet": (
        "https://image-net.org/challenges/LSVRC/2012/",
        "the validation photographs of ILSVRC 2012",
    ),
}

_VARIANT = "distortion and parameter, such as jpeg-10, or clean"
_JOINED = "all other columns, as JSON"

_REPOSITORY = "repository"
_NO_HASH = "https://github.com/mlcommons/croissant/issues/80"
"""What stands for the hash of a git repository, by convention."""

_LISTED_TARS = 100
"""Most tars that are listed one by one: for more, readers of Croissant take minutes."""


def croissant(manifest: Manifest, manifest_json: bytes, address: HubAddress | None = None) -> bytes:
    """Describe a dataset with images, which lies in a repository or, without an address, beside it.

    For parquet shards there is one record set, `images`, whose field `images/variant` can be
    filtered by. For tars there are two for each variant: one named after it with the images, and
    `VARIANT-columns` with all other columns.
    """
    home = _Home(manifest, address)
    files, records = _parquet(home) if manifest.format == "parquet" else _tars(home)
    files = [*home.repository(), home.file(MANIFEST_NAME, manifest_json), *files]
    return _document(home, files, records)


def recipe_croissant(manifest: Manifest, files: Mapping[str, bytes], address: HubAddress) -> bytes:
    """Describe a recipe of files, by path, whose record set `pixels` gives the hashes."""
    home = _Home(manifest, address)
    columns = _columns()
    types = {name: columns[name] for name in ("image_id", "wnid", "rank", "pixel_sha256")}
    types["variant"] = ("sc:Text", _VARIANT)
    fields = [
        _field("pixels", name, kind, text, {"fileObject": {"@id": "pixels.parquet"}}, column=name)
        for name, (kind, text) in types.items()
    ]
    records = [_record_set("pixels", "A line a row of the dataset: its hash, no image.", fields)]
    return _document(home, [home.file(*file) for file in files.items()], records)


def is_of(data: bytes, manifest: Manifest) -> bool:
    """Tell whether a `croissant.json`, of this version of the code or another, is of a dataset."""
    try:
        described = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(described, dict) and described.get("identifier") == manifest.pixel_digest


@dataclass(frozen=True)
class _Home:
    """A dataset, and where its files are: in a repository, or beside the description."""

    manifest: Manifest
    address: HubAddress | None

    def file(self, path: str, content: bytes) -> Node:
        return self.listed(path, len(content), hashlib.sha256(content).hexdigest())

    def listed(self, path: str, n_bytes: int, sha256: str) -> Node:
        tag = self.manifest.tag
        return _node(
            "FileObject",
            path,
            contentUrl=f"{self.address.page}/resolve/{tag}/{path}" if self.address else path,
            contentSize=f"{n_bytes} B",
            encodingFormat=_format(path),
            sha256=sha256,
        )

    def repository(self) -> list[Node]:
        if self.address is None:
            return []
        url = f"{self.address.page}/tree/refs%2Ftags%2F{self.manifest.tag}"
        about = {"contentUrl": url, "encodingFormat": "git+https", "sha256": _NO_HASH}
        return [_node("FileObject", _REPOSITORY, **about)]

    def shards(self, name: str, pattern: str) -> Node:
        container = {"containedIn": {"@id": _REPOSITORY}} if self.address else {}
        return _file_set(name, pattern, **container)


def _parquet(home: _Home) -> tuple[list[Node], list[Node]]:
    source = {"fileSet": {"@id": "shards"}}
    fields = [
        _field("images", name, kind, text, source, column=name)
        for name, (kind, text) in _columns().items()
    ]
    fields[0]["source"]["transform"] = {"jsonPath": "bytes"}
    # Readers that are given a value of this field open that variant's shards alone.
    fields.append(_field("images", "variant", "sc:Text", _VARIANT, source, fileProperty="fullpath"))
    fields[-1]["source"]["transform"] = {"regex": r"^data/(.+)/.+\.parquet$"}
    records = _record_set("images", "A row an image: one variant of one photograph.", fields)
    return [home.shards("shards", f"data/*/{shard_format('parquet').glob}")], [records]


def _tars(home: _Home) -> tuple[list[Node], list[Node]]:
    manifest = home.manifest
    files: list[Node] = []
    records: list[Node] = []
    for name in manifest.variants:
        shards = [shard for shard in manifest.shards if shard.variant == name]
        if len(manifest.shards) <= _LISTED_TARS:
            tars = [home.listed(shard.path, shard.bytes, shard.sha256) for shard in shards]
        else:
            pattern = f"data/{name}/{shard_format('webdataset').glob}"
            tars = [home.shards(f"{name}-shards", pattern)]
        inside = {"containedIn": [{"@id": tar["@id"]} for tar in tars]}
        suffix = extension(variant(name), manifest.clean_extension)
        files += [
            *tars,
            _file_set(f"{name}-image-files", f"*.{suffix}", **inside),
            _file_set(f"{name}-column-files", "*.json", **inside),
        ]
        records += _tar_records(name)
    return files, records


def _tar_records(name: str) -> list[Node]:
    image_files: Node = {"fileSet": {"@id": f"{name}-image-files"}}
    column_files: Node = {"fileSet": {"@id": f"{name}-column-files"}}
    columns = f"{name}-columns"
    key = _key(name, image_files)
    key["references"] = {"field": {"@id": f"{columns}/key"}}
    kind, text = _columns()["image"]
    joined: Node = {"field": {"@id": f"{columns}/json"}}
    images = [
        key,
        _field(name, "image", kind, text, image_files, fileProperty="content"),
        _field(name, "columns", "sc:Text", _JOINED, joined),
    ]
    rows = [
        _key(columns, column_files),
        _field(columns, "json", "sc:Text", _JOINED, column_files, fileProperty="content"),
    ]
    return [
        _record_set(name, f"The images of {name}.", images),
        _record_set(columns, f"What is known of the images of {name}.", rows),
    ]


def _key(records: str, source: Node) -> Node:
    """Describe the part of a member's name that an image and its columns share; it has no dot."""
    text = "the image id, with % and dots escaped"
    field = _field(records, "key", "sc:Text", text, source, fileProperty="filename")
    field["source"]["transform"] = {"regex": r"^([^.]+)"}
    return field


def _node(kind: str, key: str, *, name: str | None = None, **more: Any) -> Node:
    return {"@type": f"cr:{kind}", "@id": key, "name": name or key} | more


def _file_set(name: str, pattern: str, **more: Any) -> Node:
    return _node("FileSet", name, encodingFormat=_format(pattern), includes=pattern, **more)


def _record_set(name: str, description: str, fields: Sequence[Node]) -> Node:
    return _node("RecordSet", name, description=description, field=list(fields))


def _field(
    records: str, name: str, kind: str, description: str, source: Node, **extract: str
) -> Node:
    source = source | ({"extract": extract} if extract else {})
    about = {"description": _plain(description), "dataType": kind, "source": source}
    return _node("Field", f"{records}/{name}", name=name, **about)


def _format(path: str) -> str:
    return _FORMATS[path.rpartition(".")[2]]


def _columns() -> dict[str, tuple[str, str]]:
    """Read Croissant's type and the meaning of each column from the card's table."""
    rows = re.findall(r"^\| (`.*?) \| (.*?) \| (.*?) \|$", _section("Columns"), re.M)
    return {
        name: (_DATA_TYPES[kind], text)
        for names, kind, text in rows
        for name in re.findall(r"`(\w+)`", names)
    }


def _section(heading: str) -> str:
    """Give a section of the card's template, without its heading."""
    match = re.search(rf"^##+ {heading}\n+(.*?)\n*(?=^##|\Z)", template(), re.DOTALL | re.MULTILINE)
    if match is None:
        raise LookupError(heading)
    return match[1]


def _statements(heading: str) -> str | list[str]:
    """Give what a section says: its bullets, or its text."""
    text = _section(heading)
    if not text.startswith("- "):
        return _plain(text)
    return [_plain(bullet) for bullet in re.split(r"^- ", text, flags=re.MULTILINE)[1:]]


def _plain(text: str) -> str:
    """Turn Markdown into plain text in one line."""
    return " ".join(re.sub(r"\[([^]]*)\]\(([^)]*)\)", r"\1 (\2)", text).replace("`", "").split())


def _document(home: _Home, files: Sequence[Node], records: Sequence[Node]) -> bytes:
    manifest = home.manifest
    front = front_matter(template())
    origin, label = _ORIGINS["sample" if manifest.subset == "sample" else "imagenet"]
    body = template().split("\n# ", maxsplit=1)[1].split("\n\n")
    context = resources.files("imagenetq.builder.card").joinpath("context.json")
    document = {
        "@context": json.loads(context.read_text(encoding="utf-8")),
        "@type": "sc:Dataset",
        "conformsTo": _CONFORMS_TO,
        "name": front["pretty_name"],
        "description": _plain(body[1]),
        "identifier": manifest.pixel_digest,
        "version": manifest.dataset_version,
        # Without a repository of its own, the dataset's page is the project's.
        "url": home.address.page if home.address else REPOSITORY,
        "license": front["license_link"],
        "keywords": front["tags"],
        "creator": {"@type": "sc:Organization", "name": AUTHORS},
        "datePublished": str(YEAR),
        "inLanguage": "en",
        "isLiveDataset": False,
        "citeAs": citation(manifest),
        "distribution": list(files),
        "recordSet": list(records),
        **{name: _statements(heading) for name, heading in _RAI.items()},
        "rai:hasSyntheticData": any(name != CLEAN for name in manifest.variants),
        "prov:wasDerivedFrom": {
            "@type": "prov:Entity",
            "@id": origin,
            "prov:label": f"{label}; source digest {manifest.source_digest}",
        },
        "prov:wasGeneratedBy": {
            "@type": "prov:Activity",
            "prov:label": _plain(provenance(manifest)),
        },
    }
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()
