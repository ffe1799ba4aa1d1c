#!/usr/bin/env python3
"""Writes tests/data/explain: what Grad-CAM, integrated gradients and occlusion give in PyTorch, computed in float64.

usage: tests/tools/make_explain_reference.py FORMULA_FOLDER

FORMULA_FOLDER holds formula.py and ARCH.safetensors (weights/formula of the data folder): the networks whose weights
are a formula, and their gain. Needs torch, torchvision, numpy, pillow.

The formulas (photo x, class logit y, layer output A):
  gradcam    relu(sum_k mean_pixels(dy/dA_k) A_k)
  ig         (x - b) * mean over k of dy/dx at b + (k + 1/2) / m * (x - b), b the black photo, summed over the channels
  occlusion  mean over the squares that cover a pixel of y(x) - y(x with the square 0)
Photos of 224 x 224 are for float32; their maps of ig and occlusion are stored as means of `block` x `block` pixels.
Photos of 64 x 64, small enough for float64, have whole maps. The gradient jumps where a ReLU's input crosses 0, and
rounding puts a few of millions of inputs on the other side: over many steps ig in float32 is off by more than its
rounding, in PyTorch too. How far its float32 is from its float64, relative to the largest value, stands in f32_err.
CLEAN lists cases where none crosses. For the same reason Grad-CAM of layers far from the end is compared in float64
alone.
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
        self._head_activation = nn.ReLU6()
        self._fc = nn.Linear(1280, 1000)

    def forward(self, x):
        y = F.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            y = block(y)
        y = self._head_activation(self._bn1(self._conv_head(y)))
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


def blocks(m, side):
    h, w = m.shape
    return m.reshape(h // side, side, w // side, side).mean((1, 3))


# ------------------------------------------------------------------------------------------------------ the cases
# network, layers of Grad-CAM at 224 (the last stage: few ReLUs follow) and at 64, another class than the best
NETWORKS = [
    ("efficientnet_lite0", ["_head_activation", "_bn1", "_blocks.15"], ["_blocks.4"], 285),
    ("resnet50", ["layer4.2"], ["layer3.5"], 7),
    ("mobilenet_v3_small", ["features.12"], ["features.2"], 900),
]
STEPS = {"resnet50": 4}  # of ig at 224; 8 elsewhere, 2 at 64
SQUARES = {224: (56, 40), 64: (40, 24)}  # side and stride; the last square does not keep to the stride
RESNET_SQUARES = (74, 50)  # at 224
# ig on which rounding puts no ReLU's input on the other side of 0, neither in PyTorch nor in fovea (AVX2 and reference
# kernels): photo, size, steps. None was found at 224 but MobileNetV3's: where PyTorch's float32 is clean there
# (EfficientNet-Lite0 with 1 step on chelsea, coffee, astronaut), fovea's is not, with other orders of summation.
CLEAN = {
    "efficientnet_lite0": [("chelsea.png", 64, 2), ("coffee.png", 64, 2), ("astronaut.png", 64, 1)],
    "resnet50": [("chelsea.png", 64, 2), ("coffee.png", 64, 2), ("camera.png", 128, 1)],
    "mobilenet_v3_small": [("camera.png", 224, 2)],
}
CLEAN_ERROR = 2e-5


def inputs(statistics, photo, size):
    """The photo and the black one, 1 3 H W."""
    return normalize(crop(photo, size), *statistics), normalize(np.zeros((size, size, 3), np.uint8), *statistics)


def best_class(net, x):
    with torch.no_grad():
        return int(net.double()(x.double())[0].argmax())


def ig_case(name, net, statistics, photo, size, steps, block):
    """The case's fields, its map in float64, and how far PyTorch's float32 is off."""
    x, black = inputs(statistics, photo, size)
    best = best_class(net, x)
    exact, difference = integrated_gradients(net.double(), x.double(), black.double(), best, steps)
    rough = integrated_gradients(net.float(), x, black, best, steps)[0]
    exact, rough = blocks(exact, block), blocks(rough, block)
    error = ((rough - exact).abs().max() / exact.abs().max()).item()
    fields = {"photo": photo, "size": size, "method": "ig", "class": best, "steps": steps, "block": block}
    fields |= {"difference": difference, "f32_err": float(f"{error:.2g}"), "clean": (photo, size, steps) in CLEAN[name]}
    assert not fields["clean"] or error < CLEAN_ERROR, fields
    return fields, exact


def cases_of(name, net, statistics, layers, other, photo, size):
    """Yields (case, map): a photo by Grad-CAM, one of them by the slow methods too."""
    x, _ = inputs(statistics, photo, size)
    best, exact = best_class(net, x), net.double()
    about = {"photo": photo, "size": size}
    for layer in layers:
        for index in (best, other):
            yield {**about, "method": "gradcam", "class": index, "layer": layer}, grad_cam(exact, x.double(), index, layer)
    if photo != "chelsea.png":
        return
    block = 16 if size == 224 else 1
    yield ig_case(name, net, statistics, photo, size, STEPS.get(name, 8) if size == 224 else 2, block)
    square = RESNET_SQUARES if name == "resnet50" and size == 224 else SQUARES[size]
    values = occlusion(net.double(), x.double(), other, *square)
    yield {**about, "method": "occlusion", "class": other, "patch": square[0], "stride": square[1], "block": block}, blocks(values, block)


def clean_cases_of(name, net, statistics):
    """Those that cases_of has not."""
    for photo, size, steps in CLEAN[name]:
        if (photo, size) != ("chelsea.png", 64):
            yield ig_case(name, net, statistics, photo, size, steps, 4)


def all_cases(folder):
    for name, layers, small_layers, other in NETWORKS:
        net, gain, statistics = lite0() if name == "efficientnet_lite0" else formula_net(folder, name)
        net.eval()
        about = {"net": name} if gain is None else {"net": name, "gain": gain}
        for photo, size in (("chelsea.png", 224), ("coffee.png", 224), ("chelsea.png", 64)):
            for case, values in cases_of(name, net, statistics, layers if size == 224 else small_layers, other, photo, size):
                yield {**about, **case}, values
        for case, values in clean_cases_of(name, net, statistics):
            yield {**about, **case}, values


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    cases, tensors = [], {}
    for case, values in all_cases(pathlib.Path(sys.argv[1])):
        case = {"name": f"{len(cases):02d}", **case}
        tensors[case["name"]] = values.numpy()
        cases.append(case)
        print(json.dumps(case), flush=True)
    OUT.mkdir(exist_ok=True)
    write_safetensors(OUT / "reference.safetensors", tensors)
    lines = ",\n".join("  " + json.dumps(c) for c in cases)
    (OUT / "reference.json").write_text('{"tensors":"reference.safetensors",\n "cases":[\n%s\n]}\n' % lines)


if __name__ == "__main__":
    main()
