"""The charts' library is what its makers published, under the licence that lies beside it."""

import hashlib
import json
import re
from importlib.resources import files

from imagenetq.evaluate.leaderboard.site.pages import styles_and_scripts

FOLDER = files("imagenetq.evaluate.leaderboard.site") / "static" / "vendor"
LISTED = json.loads((FOLDER / "vendored.json").read_text())


def test_each_file_is_the_published_one():
    for name, facts in LISTED.items():
        content = (FOLDER / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == facts["sha256"]
        assert facts["version"] in content[:200].decode()


def test_each_has_its_licence_and_nothing_else_is_there():
    for facts in LISTED.values():
        assert facts["license"] == "ISC"
        licence = (FOLDER / facts["license_file"]).read_text()
        assert "Permission to use, copy, modify, and/or distribute this software" in licence
    there = {path.name for path in FOLDER.iterdir()}
    licences = {facts["license_file"] for facts in LISTED.values()}
    assert there == {"vendored.json", *LISTED, *licences}


def test_the_site_takes_them_along_as_they_are():
    made = styles_and_scripts()
    for path in FOLDER.iterdir():
        if path.name != "vendored.json":
            assert made[f"vendor/{path.name}"].encode() == path.read_bytes()


def test_they_ask_nobody_for_anything():
    for name in LISTED:
        text = (FOLDER / name).read_text()
        addresses = {
            address for address in re.findall(r"https?://[\w./-]+", text) if "w3.org" not in address
        }
        assert addresses <= {"https://d3js.org"}
