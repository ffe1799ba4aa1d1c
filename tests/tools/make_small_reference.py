#!/usr/bin/env python3
"""Picks small cases of the op groups for tests/data/reference, so that a clone alone tests every op.

usage: tests/tools/make_small_reference.py REFERENCE_FOLDER

Up to three cases of each kind: the smallest, and those with the rarest attributes.
"""
import json
import pathlib
import subprocess
import sys

GROUPS = [
    "ops-activation", "ops-conv2d", "ops-conv_transpose2d", "ops-elementwise", "ops-interpolate", "ops-loss", "ops-matmul",
    "ops-norm", "ops-pool", "ops-shape", "optimizers", "schedules",
]
CASES = 3


def kind(case):
    attrs = case["attrs"]
    if case["op"] == "interpolate":
        return attrs["mode"] + (" antialias" if attrs["antialias"] else "")
    if case["op"] == "batch_norm" and attrs["training"]:
        return "batch_norm training"
    return case["op"]  # a kind is an op, or (interpolate) a mode


def pick(cases, size):
    """The smallest case, then the ones whose attributes differ most from those picked."""
    def features(case):
        return {(k, json.dumps(v)) for k, v in case["attrs"].items()} | {("in", k) for k in case.get("inputs", [])}

    left = sorted(cases, key=size)
    picked, seen = [], set()
    while left and len(picked) < CASES:
        best = max(left, key=lambda c: len(features(c) - seen) - size(c) / 4000)
        picked.append(best["name"])
        seen |= features(best)
        left.remove(best)
    return picked


def main():
    source = pathlib.Path(sys.argv[1])
    picker = pathlib.Path(__file__).parent / "pick_cases.py"
    for group in GROUPS:
        index = json.loads((source / f"{group}.json").read_text())
        header = {}
        if index["tensors"]:
            with open(source / index["tensors"], "rb") as f:
                header = json.loads(f.read(int.from_bytes(f.read(8), "little")))

        def size(case):
            return len(json.dumps(case)) + sum(t["data_offsets"][1] - t["data_offsets"][0] for name, t in header.items() if name.startswith(case["name"] + "/"))

        names = []
        for k in sorted({kind(c) for c in index["cases"]}):
            names += pick([c for c in index["cases"] if kind(c) == k], size)
        subprocess.run([sys.executable, picker, source, group, *names], check=True)


if __name__ == "__main__":
    main()
