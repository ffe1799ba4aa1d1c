#!/usr/bin/env python3
"""Writes tests/data/explain: what Grad-CAM, integrated gradients and occlusion give in PyTorch, computed in float64.

usage: tests/tools/make_explain_reference.py FORMULA_FOLDER

FORMULA_FOLDER holds formula.py and ARCH.safetensors (weights/formula of the data folder): the networks whose weights
are a formula, and their gain. Needs torch, torchvision, numpy, pillow.

The formulas (photo x, class logit y, layer output A):
  gradcam    relu(sum_k mean_pixels(dy/dA_k) A_k)
  ig         (x - b) * mean over k of dy/dx at b + (k + 1/2) / m * (x - b), b the black photo, summed over the channels
  occlusion  mean over the squares that cover a pixel of y(x) - y(x with the square 0)
Photos of 224 x 224 are for float32; their maps of ig and occlusion are stored as means of 16 x 16 pixels. Photos of
64 x 64, small enough for float64, have whole maps. The gradient jumps where a ReLU's input crosses 0, and rounding puts
a few of millions of inputs on the other side: ig in float32 is off by more than its rounding, in PyTorch too. How far
its float32 is from its float64, relative to the largest value, stands in f32_err. For the same reason Grad-CAM of layers
far from the end is compared in float64 alone.
"""
import importlib.util
import json
import pathlib
import struct
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
OUT = ROOT / "tests/data/explain"
PHOTOS = ROOT / "examples/photos"
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
BLOCK = 16


# --------------------------------------------------------------------------------------------------- safetensors
def read_safetensors(path):
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    types = {"F16": np.float16, "F32": np.float32, "I64": np.int64}
    tensors = {}
    for name, t in header.items():
        if name != "__metadata__":
            begin, end = (8 + size + o for o in t["data_offsets"])
            tensors[name] = np.frombuffer(data[begin:end], types[t["dtype"]]).reshape(t["shape"])
    return tensors, header.get("__metadata__", {})


def write_safetensors(path, tensors):
    header, at = {}, 0
    for name, t in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(t.shape), "data_offsets": [at, at + 4 * t.size]}
        at += 4 * t.size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(t.astype("<f4").tobytes() for t in tensors.values()))


# ------------------------------------------------------------------------------------------------------ networks
class SameConv2d(nn.Conv2d):
    """TensorFlow's "same": as much padding as ceil(size / stride) outputs need, an odd rest right and below."""

    def forward(self, x):
        def pads(size, k, s):
            total = max((-(-size // s) - 1) * s + k - size, 0)
            return total // 2, total - total // 2

        top, bottom = pads(x.shape[2], self.kernel_size[0], self.stride[0])
        left, right = pads(x.shape[3], self.kernel_size[1], self.stride[1])
        return super().forward(F.pad(x, (left, right, top, bottom)))


class LiteBlock(nn.Module):
    def __init__(self, cin, cout, expand, kernel, stride):
        super().__init__()
        mid = cin * expand
        if expand > 1:
            self._expand_conv = nn.Conv2d(cin, mid, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(mid, 1e-3)
        self._depthwise_conv = SameConv2d(mid, mid, kernel, stride, groups=mid, bias=False)
        self._bn1 = nn.BatchNorm2d(mid, 1e-3)
        self._project_conv = nn.Conv2d(mid, cout, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(cout, 1e-3)
        self.expand, self.residual = expand > 1, stride == 1 and cin == cout

    def forward(self, x):
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expand else x
        y = F.relu6(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(y))
        return y + x if self.residual else y


class EfficientNetLite0(nn.Module):
    # expand ratio, kernel, stride, channels, repeats: table 1 of Tan and Le 2019
    STAGES = [(1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3), (6, 5, 2, 192, 4), (6, 3, 1, 320, 1)]

    def __init__(self):
        super().__init__()
        self._conv_stem = SameConv2d(3, 32, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(32, 1e-3)
        blocks, cin = [], 32
        for expand, kernel, stride, cout, repeats in self.STAGES:
            for i in range(repeats):
                blocks.append(LiteBlock(cin, cout, expand, kernel, stride if i == 0 else 1))
                cin = cout
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = nn.Conv2d(320, 1280, 1, bias=False)
        self._bn1 = nn.BatchNorm2d(1280, 1e-3)
        self._fc = nn.Linear(1280, 1000)

    def forward(self, x):
        y = F.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            y = block(y)
        y = F.relu6(self._bn1(self._conv_head(y)))
        return self._fc(y.mean((2, 3)))


def lite0():
    tensors, metadata = read_safetensors(ROOT / "models/efficientnet-lite0.safetensors")
    net = EfficientNetLite0()
    state = {k: torch.from_numpy(v.astype(np.float32)) for k, v in tensors.items()}
    missing, unexpected = net.load_state_dict(state, strict=False)
    assert not unexpected and all(k.endswith("num_batches_tracked") for k in missing), (missing, unexpected)
    p = json.loads(metadata["fovea.preprocess"])
    return net, None, (p["mean"], p["std"])


def formula_net(folder, arch):
    spec = importlib.util.spec_from_file_location("formula", folder / "formula.py")
    formula = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(formula)
    gain = float(read_safetensors(folder / f"{arch}.safetensors")[1]["gain"])
    net = getattr(torchvision.models, arch)()
    state = {k: v if k.endswith("num_batches_tracked") else torch.from_numpy(formula.fill(k, tuple(v.shape), gain)) for k, v in net.state_dict().items()}
    net.load_state_dict(state)
    return net, gain, IMAGENET


# -------------------------------------------------------------------------------------------------------- photos
def normalize(pixels, mean, std):
    """H W 3 of 8 bits -> 1 3 H W, in float32 as a program computes it."""
    f = np.float32
    x = (pixels.astype(f) / f(255) - np.asarray(mean, f)) / np.asarray(std, f)
    return torch.from_numpy(x.transpose(2, 0, 1)[None].copy())


def crop(name, size):
    """Resize(8/7 size), CenterCrop(size): 256 and 224 as always, 73 and 64 for the small ones."""
    photo = Image.open(PHOTOS / name).convert("RGB")
    w, h = photo.size
    short = size * 8 // 7
    photo = photo.resize((short, int(short * h / w)) if w <= h else (int(short * w / h), short), Image.BILINEAR)
    left, top = round((photo.width - size) / 2), round((photo.height - size) / 2)
    return np.asarray(photo)[top : top + size, left : left + size]


# ------------------------------------------------------------------------------------------------------- methods
def grad_cam(net, x, index, layer):
    kept = {}
    hook = net.get_submodule(layer).register_forward_hook(lambda m, i, o: kept.update(a=o))
    y = net(x.clone().requires_grad_(True))
    hook.remove()
    a = kept["a"]
    (da,) = torch.autograd.grad(y[0, index], a)
    return F.relu((da.mean((2, 3), keepdim=True) * a).sum(1))[0].detach()


def integrated_gradients(net, x, black, index, steps):
    total = torch.zeros_like(x)
    for k in range(steps):
        point = (black + (k + 0.5) / steps * (x - black)).requires_grad_(True)
        total += torch.autograd.grad(net(point)[0, index], point)[0]
    a = (x - black) * total / steps
    with torch.no_grad():
        return a[0].sum(0), (net(x) - net(black))[0, index].item()


def occlusion(net, x, index, patch, stride):
    size = x.shape[2]
    starts = list(range(0, size - patch, stride)) + [size - patch]
    drops, count = torch.zeros_like(x[0, 0]), torch.zeros_like(x[0, 0])
    with torch.no_grad():
        whole = net(x)[0, index]
        for top in starts:
            for left in starts:
                hidden = x.clone()
                hidden[:, :, top : top + patch, left : left + patch] = 0
                drops[top : top + patch, left : left + patch] += whole - net(hidden)[0, index]
                count[top : top + patch, left : left + patch] += 1
    return drops / count


def blocks(m):
    h, w = m.shape
    return m.reshape(h // BLOCK, BLOCK, w // BLOCK, BLOCK).mean((1, 3))


# ------------------------------------------------------------------------------------------------------ the cases
# network, layers of Grad-CAM at 224 (the last stage: few ReLUs follow) and at 64, another class than the best
NETWORKS = [
    ("efficientnet_lite0", ["_bn1", "_blocks.15"], ["_blocks.4"], 285),
    ("resnet50", ["layer4.2"], ["layer3.5"], 7),
    ("mobilenet_v3_small", ["features.12"], ["features.2"], 900),
]
STEPS = {"resnet50": 4}  # of ig at 224; 8 elsewhere, 2 at 64
SQUARES = {224: (56, 40), 64: (40, 24)}  # side and stride; the last square does not keep to the stride
RESNET_SQUARES = (74, 50)  # at 224


def cases_of(name, net, statistics, layers, other, photo, size):
    """Yields (case, map, f32_err or None)."""
    x = normalize(crop(photo, size), *statistics)
    black = normalize(np.zeros((size, size, 3), np.uint8), *statistics)
    exact = net.double()
    with torch.no_grad():
        best = int(exact(x.double())[0].argmax())
    about = {"net": name, "photo": photo, "size": size}
    for layer in layers:
        for index in (best, other):
            yield {**about, "method": "gradcam", "class": index, "layer": layer}, grad_cam(exact, x.double(), index, layer), None
    if photo != "chelsea.png":
        return  # the slow methods on one photo
    reduced = blocks if size == 224 else lambda m: m
    steps = STEPS.get(name, 8) if size == 224 else 2
    values, difference = integrated_gradients(exact, x.double(), black.double(), best, steps)
    error = None
    if size == 224:
        rough = integrated_gradients(net.float(), x, black, best, steps)[0]
        error = (blocks(rough) - blocks(values)).abs().max().item() / blocks(values).abs().max().item()
    yield {**about, "method": "ig", "class": best, "steps": steps, "difference": difference}, reduced(values), error
    square = RESNET_SQUARES if name == "resnet50" and size == 224 else SQUARES[size]
    values = occlusion(net.double(), x.double(), other, *square)
    yield {**about, "method": "occlusion", "class": other, "patch": square[0], "stride": square[1]}, reduced(values), None


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    cases, tensors = [], {}
    for name, layers, small_layers, other in NETWORKS:
        net, gain, statistics = lite0() if name == "efficientnet_lite0" else formula_net(pathlib.Path(sys.argv[1]), name)
        net.eval()
        for photo, size in (("chelsea.png", 224), ("coffee.png", 224), ("chelsea.png", 64)):
            for case, m, error in cases_of(name, net, statistics, layers if size == 224 else small_layers, other, photo, size):
                case = {"name": f"{len(cases):02d}", **case}
                if gain is not None:
                    case["gain"] = gain
                if error is not None:
                    case["f32_err"] = float(f"{error:.2g}")
                tensors[case["name"]] = m.numpy()
                cases.append(case)
                print(json.dumps(case), flush=True)
    OUT.mkdir(exist_ok=True)
    write_safetensors(OUT / "reference.safetensors", tensors)
    lines = ",\n".join("  " + json.dumps(c) for c in cases)
    (OUT / "reference.json").write_text('{"tensors":"reference.safetensors",\n "block":%d,\n "cases":[\n%s\n]}\n' % (BLOCK, lines))


if __name__ == "__main__":
    main()
