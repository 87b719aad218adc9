"""What the site's script makes of its data, in Python."""

import base64
import json
import re
import zlib
from typing import Any


def parsed(script: str) -> Any:
    """The value that a script assigns, as `inflated` in `numbers.js` gives it."""
    packed = re.fullmatch(r'window\.imagenetq_\w+="(.*)";\n', script)
    assert packed is not None
    return json.loads(zlib.decompress(base64.b64decode(packed[1], validate=True)))
