"""Measure what publishing and loading cost on our Hub, by git-lfs and by Xet. Run by hand:

    python tests/builder/publish/figures.py BUILT FOLDER_FOR_COPIES

BUILT is a dataset folder, best of all variants of real photographs. The folder is pushed without
its last variant, then with it, then repacked in row groups of ten, and one variant is loaded.
"""

import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path

from pyarrow import parquet

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from conftest import WRITER, Client  # noqa: E402

from hub_server import HubServer  # noqa: E402
from imagenetq.manifest import read_manifest  # noqa: E402

LARGE = ("/lfs/", "/xorb-uploads/", "/v1/xorbs/")


def copied(built: Path, out: Path, version: str, *, without: str = "", rows: int = 0) -> Path:
    """A copy that calls itself another version: without a variant, or in other row groups."""
    shutil.copytree(built, out, ignore=shutil.ignore_patterns(".build"))
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["dataset_version"] = version
    manifest["variants"].pop(without, None)
    kept = [shard for shard in manifest["shards"] if shard["variant"] != without]
    for shard in kept if rows else ():
        path = out / shard["path"]
        table = parquet.read_table(path)
        names = [name for name in table.column_names if name != "image"]
        images = {"image.bytes": "none", "image.path": "none"}
        compression = dict.fromkeys(names, "snappy") | images
        parquet.write_table(
            table, path, row_group_size=rows, compression=compression, use_dictionary=names
        )
        data = path.read_bytes()
        shard |= {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    manifest["shards"] = kept
    (out / "manifest.json").write_text(json.dumps(manifest))
    return out


def measure(built: Path, out: Path, *, xet: bool) -> None:
    last = list(read_manifest(built).variants)[-1]
    less = copied(built, out / "less", "0.9.0", without=last)
    repacked = copied(built, out / "repacked", "1.0.1", rows=10)
    with HubServer() as hub, tempfile.TemporaryDirectory() as home:
        client = Client(hub, Path(home))

        def push(folder: Path, label: str, *, elsewhere: bool = False) -> None:
            hub.forget()
            if elsewhere:
                client.forget()
            pushed = client.push(folder, xet=xet)
            sent = sum(s.received for s in hub.log if s.path.startswith(LARGE))
            size = sum(shard.bytes for shard in read_manifest(folder).shards)
            print(f"{label}: {sent} of {size} bytes, {len(hub.log)} requests", pushed["tag"])

        for place in ("from the same machine", "from another machine"):
            hub.reset()
            hub.tokens[WRITER] = "write"
            client.forget()
            push(less, f"without {last}")
            push(built, f"with {last}, {place}", elsewhere="another" in place)
            push(repacked, f"repacked, {place}", elsewhere="another" in place)
        for streaming in (False, True):
            hub.forget()
            cache = f"{home}/cache{streaming}"
            loaded = {"name": "org/q", "config": "jpeg-10", "revision": "v1.0.0", "cache": cache}
            rows = client.do("load", streaming=streaming, xet=xet, **loaded)
            sent = sum(served.sent for served in hub.log)
            print(f"{len(rows)} rows, {streaming=}: {sent} bytes, {len(hub.log)} requests")
        client.close()


if __name__ == "__main__":
    for xet in (False, True):
        print("by Xet" if xet else "by git-lfs")
        with tempfile.TemporaryDirectory(dir=sys.argv[2]) as folder:
            measure(Path(sys.argv[1]), Path(folder), xet=xet)
