#!/usr/bin/env python3
"""Picks small cases of the op groups for tests/data/reference, so that a clone alone tests every op.

usage: tests/tools/make_small_reference.py REFERENCE_FOLDER

Up to three cases of each kind of op that the tests check: the smallest, and those with the rarest attributes.
"""
import json
import pathlib
import subprocess
import sys

# Group -> the kinds that its test checks; a kind is an op, or (interpolate) a mode.
KINDS = {
    "ops-activation": ["relu", "relu6", "leaky_relu", "hardswish", "hardsigmoid", "sigmoid", "silu", "gelu", "tanh", "softmax"],
    "ops-conv2d": ["conv2d"],
    "ops-elementwise": ["add", "sub", "mul", "div", "graph"],
    "ops-interpolate": ["nearest", "nearest-exact", "bilinear"],
    "ops-matmul": ["matmul", "bmm", "linear"],
    "ops-norm": ["batch_norm", "fold_batch_norm"],
    "ops-pool": ["max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d", "global_avg_pool"],
    "ops-shape": ["pad", "concat"],
}
CASES = 3


def kind(case):
    attrs = case["attrs"]
    if case["op"] == "interpolate":
        return attrs["mode"] + (" antialias" if attrs["antialias"] else "")
    if case["op"] == "batch_norm" and attrs["training"]:
        return "batch_norm training"
    return case["op"]


def pick(cases, size):
    """The smallest case, then the ones whose attributes differ most from those picked."""
    def features(case):
        return {(k, json.dumps(v)) for k, v in case["attrs"].items()} | {("in", k) for k in case["inputs"]}

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
    for group, kinds in KINDS.items():
        index = json.loads((source / f"{group}.json").read_text())
        with open(source / index["tensors"], "rb") as f:
            header = json.loads(f.read(int.from_bytes(f.read(8), "little")))

        def size(case):
            return sum(t["data_offsets"][1] - t["data_offsets"][0] for name, t in header.items() if name.startswith(case["name"] + "/"))

        names = []
        for k in kinds:
            names += pick([c for c in index["cases"] if kind(c) == k], size)
        subprocess.run([sys.executable, picker, source, group, *names], check=True)


if __name__ == "__main__":
    main()
