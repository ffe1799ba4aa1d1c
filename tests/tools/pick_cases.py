#!/usr/bin/env python3
"""Copies a few cases of a reference group into tests/data/reference, so that a clone alone has them.

usage: tests/tools/pick_cases.py REFERENCE_FOLDER GROUP CASE...

Writes GROUP.json (one case a line, the same layout) and GROUP.safetensors (the tensors of these cases alone, where the group has any).
"""
import json
import pathlib
import struct
import sys


def read_safetensors(path):
    data = path.read_bytes()
    length = struct.unpack_from("<Q", data)[0]
    header = json.loads(data[8:8 + length])
    header.pop("__metadata__", None)
    body = data[8 + length:]
    return {name: (t["dtype"], t["shape"], body[slice(*t["data_offsets"])]) for name, t in header.items()}


def write_safetensors(path, tensors):
    header, at = {}, 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(t[2] for t in tensors.values()))


def main():
    source, group, wanted = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    target = pathlib.Path(__file__).parent.parent / "data" / "reference"
    target.mkdir(parents=True, exist_ok=True)
    index = json.loads((source / f"{group}.json").read_text())
    cases = [c for c in index["cases"] if c["name"] in wanted]
    if missing := set(wanted) - {c["name"] for c in cases}:
        sys.exit(f"{group}: no case {', '.join(sorted(missing))}")
    head = {k: v for k, v in index.items() if k != "cases"}
    lines = ",\n".join("  " + json.dumps(c) for c in cases)
    (target / f"{group}.json").write_text(json.dumps(head)[:-1] + ', "cases":[\n' + lines + "\n]}\n")
    if not index["tensors"]:
        return
    tensors = read_safetensors(source / index["tensors"])
    picked = {k: v for k, v in tensors.items() if any(k.startswith(c["name"] + "/") for c in cases)}
    write_safetensors(target / index["tensors"], picked)


if __name__ == "__main__":
    main()
