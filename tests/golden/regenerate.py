"""Write `pixels.json` anew, and say which variants changed.

A changed hash means a changed dataset: it needs a new major version and a line in the changelog.
So nothing that is pinned is replaced without `--accept`; new images and variants are just added.
"""

import argparse
import json
import sys

from check import GOLDEN, Hashes, differences, golden, rendered, versions
from images import PHOTOGRAPH, find_photograph, images


def main() -> int:
    """Render, compare, write; returns 0, or 1 if pinned hashes would have changed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--accept", action="store_true", help="replace hashes that are pinned")
    accept = parser.parse_args().accept
    photograph = find_photograph()
    if photograph is None:
        print(f"{PHOTOGRAPH}: scikit-image is missing; install the extra [dev]")
        return 1
    pinned: Hashes = golden() if GOLDEN.exists() else {}
    now = rendered(images(photograph))
    lines = differences(pinned, now)
    if not lines:
        print("nothing changed")
        return 0
    print("\n".join(lines))
    replaced = [line for line in lines if not line.endswith("not pinned")]
    if replaced and not accept:
        print(f"{len(replaced)} pinned hashes would change; if that is meant, add --accept")
        return 1
    content = {"made_with": versions(), "images": now}
    GOLDEN.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"{GOLDEN.name}: {len(lines)} changes written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
