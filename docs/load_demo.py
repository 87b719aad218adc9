"""Load a built dataset with `datasets`, as a user would: `python load_demo.py FOLDER`."""

import sys

from datasets import load_dataset

folder = sys.argv[1]
rows = load_dataset(folder, "jpeg-10", split="test")
print(f'load_dataset("{folder}", "jpeg-10"): {len(rows)} rows')
for row in rows:
    name = rows.features["label"].int2str(row["label"])
    print(f"  {row['image_id']:18} {row['psnr']:6.2f} dB {row['n_bytes']:7} bytes  {name}")
stream = load_dataset(folder, "blur", split="test", streaming=True)
print(f"streamed: {sum(1 for _ in stream)} blurred rows")
