"""Trains a GGUF model of the jargon kind further on a text, on one machine or several.

Reads /in/model.gguf and the text; a paragraph is what stands between blank lines. Writes
/out/tuned.gguf, which `rerig run --model` runs, and prints the loss of every step, the
mean over all ranks. RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT say which of several
processes this is, as for any PyTorch program; each takes its share of every batch, so the
losses are those of one process alone, to rounding.

Every few steps /out/checkpoint has all that is needed to go on; with /in/checkpoint it goes
on from there.
"""
import argparse
import os
import struct

import numpy
import torch
import torch.distributed as dist

import bpe
import gguf
import train


class Reader:
    """A GGUF file's header and where its tensors are."""

    def __init__(self, path):
        self.raw, self.at = open(path, "rb").read(), 0
        magic, version, tensors, pairs = self.take("4sIQQ")
        if (magic, version) != (b"GGUF", 3):
            raise SystemExit(f"{path} is no GGUF file of version 3")
        self.head = {}
        for _ in range(pairs):
            key = self.string()
            self.head[key] = self.value(*self.take("I"))
        infos = [self.info() for _ in range(tensors)]
        self.at += -self.at % gguf.ALIGN
        self.tensors = {name: self.tensor(*rest) for name, *rest in infos}

    def take(self, form):
        values = struct.unpack_from("<" + form, self.raw, self.at)
        self.at += struct.calcsize("<" + form)
        return values

    def string(self):
        return self.take(f"{self.take('Q')[0]}s")[0].decode()

    def value(self, kind):
        if kind == 9:
            kind, count = self.take("IQ")
            return [self.value(kind) for _ in range(count)]
        if kind == 8:
            return self.string()
        return self.take({4: "I", 5: "i", 6: "f", 7: "?"}[kind])[0]

    def info(self):
        name, dims = self.string(), self.take("I")[0]
        shape = self.take(f"{dims}Q")[::-1]
        return name, shape, *self.take("IQ")

    def tensor(self, shape, kind, offset):
        dtype = {0: "<f4", 1: "<f2"}[kind]
        count = int(numpy.prod(shape))
        array = numpy.frombuffer(self.raw, dtype, count, self.at + offset).reshape(shape)
        return torch.from_numpy(array.astype("float32"))


def window(paragraphs):
    """The paragraphs in any order, again and again, cut where the context ends."""
    ids = []
    while len(ids) <= train.CONTEXT:
        ids += [i for p in torch.randperm(len(paragraphs)).tolist() for i in paragraphs[p]]
    return ids[:train.CONTEXT + 1]


def batch(paragraphs, size, seed, step):
    """The same windows for every rank, and for whoever asks for this step again."""
    torch.manual_seed(seed * 1_000_003 + step)
    return torch.tensor([window(paragraphs) for _ in range(size)])


def save(model, adam, step):
    """Puts a whole checkpoint in the place of the last."""
    torch.save({"step": step, "model": model.state_dict(), "adam": adam.state_dict()}, "/out/checkpoint.new")
    os.rename("/out/checkpoint.new", "/out/checkpoint")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", help="name of the text in /in")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--batch", type=int, default=4, help="windows of 256 tokens a step, over all ranks")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save-every", type=int, default=10, help="steps between checkpoints")
    args = parser.parse_args()
    torch.set_num_threads(1)
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    source = Reader("/in/model.gguf")
    tokenizer = bpe.Tokenizer(source.head["tokenizer.ggml.tokens"], source.head["tokenizer.ggml.scores"])
    paragraphs = [[bpe.BOS, *tokenizer.encode(" ".join(p.split())), bpe.EOS]
                  for p in open(f"/in/{args.text}").read().split("\n\n") if p.strip()]
    train.DROPOUT = 0.0
    model = train.Llama()
    model.load_state_dict(source.tensors)
    learner = model
    if world > 1:
        dist.init_process_group("gloo")
        learner = torch.nn.parallel.DistributedDataParallel(model)
    adam = torch.optim.AdamW(model.parameters(), lr=args.rate, betas=(0.9, 0.95), weight_decay=0.0)
    begin = 0
    if os.path.exists("/in/checkpoint"):
        saved = torch.load("/in/checkpoint")
        begin = saved["step"]
        model.load_state_dict(saved["model"])
        adam.load_state_dict(saved["adam"])
    for step in range(begin, args.steps):
        value = train.loss(learner, batch(paragraphs, args.batch, args.seed, step)[rank::world])
        adam.zero_grad()
        value.backward()
        adam.step()
        mean = value.detach() / world
        if world > 1:
            dist.all_reduce(mean)
        if rank == 0:
            print(f"step {step + 1} loss {mean.item():.4f}", flush=True)
            if (step + 1) % args.save_every == 0:
                save(model, adam, step + 1)
    if rank == 0:
        if os.path.exists("/out/checkpoint"):
            os.remove("/out/checkpoint")  # what it was for is done
        train.write("/out/tuned.gguf", model, tokenizer)


if __name__ == "__main__":
    main()
