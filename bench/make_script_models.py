"""Writes the archives of the TorchScript benchmark: the models of make_models.py as PyTorch traces them, random weights.

usage: make_script_models.py OUT [NAME...]     needs torch and torchvision; each archive is written once
"""
import sys
import warnings
from pathlib import Path

import torch
import torch.nn as nn
import torchvision

warnings.filterwarnings("ignore")


class Layer(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.ln1, self.ln2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.up, self.down = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)

    def forward(self, x, mask):
        b, t, d = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        scores = q @ k.transpose(-1, -2) / (d // self.heads) ** 0.5 + mask
        x = self.ln1(x + self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, t, d)))
        return self.ln2(x + self.down(nn.functional.gelu(self.up(x))))


class Bert(nn.Module):
    def __init__(self, layers=12, d=768, heads=12, words=30522):
        super().__init__()
        self.words, self.places, self.ln = nn.Embedding(words, d), nn.Embedding(512, d), nn.LayerNorm(d)
        self.layers = nn.ModuleList([Layer(d, heads) for _ in range(layers)])

    def forward(self, input_ids, attention_mask):
        x = self.ln(self.words(input_ids) + self.places(torch.arange(input_ids.shape[1])))
        mask = (1.0 - attention_mask[:, None, None, :].float()) * -10000.0
        for layer in self.layers:
            x = layer(x, mask)
        return x


class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(512, 512, batch_first=True)

    def forward(self, input):
        return self.lstm(input)[0]


IMAGE = (torch.randn(2, 3, 224, 224),)
MODELS = {  # name: (module, example inputs)
    "resnet18": (lambda: torchvision.models.resnet18(), IMAGE),
    "resnet50": (lambda: torchvision.models.resnet50(), IMAGE),
    "mobilenetv2": (lambda: torchvision.models.mobilenet_v2(), IMAGE),
    "vit_b_16": (lambda: torchvision.models.vit_b_16(), IMAGE),
    "bert_base": (Bert, (torch.randint(0, 1000, (2, 128)), torch.ones(2, 128, dtype=torch.int64))),
    "lstm": (Lstm, (torch.randn(2, 64, 512),)),
}


def main():
    out, names = Path(sys.argv[1]), sys.argv[2:] or list(MODELS)
    out.mkdir(parents=True, exist_ok=True)
    for name in names:
        path = out / f"{name}.pt"
        if path.exists():
            continue
        torch.manual_seed(0)
        make, example = MODELS[name]
        with torch.no_grad():
            torch.jit.trace(make().eval(), example, check_trace=False).save(str(path))
        print(path)


main()
