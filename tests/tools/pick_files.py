#!/usr/bin/env python3
"""Copies a few cases of a group of weight files into tests/data/reference, so that a clone alone has them.

usage: tests/tools/pick_files.py REFERENCE_FOLDER files-safetensors|files-pth CASE...

Writes the group's index with these cases alone (one a line, the same layout) and copies their files.
"""
import json
import pathlib
import shutil
import sys


def main():
    source, group, wanted = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    target = pathlib.Path(__file__).parent.parent / "data" / "reference"
    index = json.loads((source / f"{group}.json").read_text())
    cases = [c for c in index["cases"] if c["name"] in wanted]
    if missing := set(wanted) - {c["name"] for c in cases}:
        sys.exit(f"{group}: no case {', '.join(sorted(missing))}")
    head = {k: v for k, v in index.items() if k != "cases"}
    lines = ",\n".join("  " + json.dumps(c) for c in cases)
    target.mkdir(parents=True, exist_ok=True)
    (target / f"{group}.json").write_text(json.dumps(head)[:-1] + ', "cases":[\n' + lines + "\n]}\n")
    for name in {c[key] for c in cases for key in ("file", "expected") if c.get(key)}:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, target / name)


if __name__ == "__main__":
    main()
