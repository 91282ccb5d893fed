"""Prints the files of the blocks that a store's manifest lists, and fails while one of them is below a level.

    python tests/readers/listed.py DATA --least LEVEL
"""

import json
import pathlib
import sys

data, least = pathlib.Path(sys.argv[1]), int(sys.argv[3])
manifest = data / "manifest"
blocks: dict = {}
checkpoints = sorted(manifest.glob("*.checkpoint.json"))
number = 0
if checkpoints:
    state = json.loads(checkpoints[-1].read_text().splitlines()[0])
    blocks, number = dict(state["blocks"]), state["number"]
for path in sorted(manifest.glob("*.json")):
    if path in checkpoints or int(path.name.split(".")[0]) <= number:
        continue
    entry = json.loads(path.read_text().splitlines()[0])
    for block in entry["remove"]:
        blocks.pop(block["id"])
    blocks.update({block["id"]: block for block in entry["add"]})
if not blocks or any(block["level"] < least for block in blocks.values()):
    sys.exit(1)
print(*(data / "blocks" / name / "spans.parquet" for name in blocks))
