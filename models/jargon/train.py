"""Trains the Jargon model and writes jargon-f16.gguf; README.md has the commands.

Everything is seeded and the batch of a step depends on the seed and the step
alone, so an interrupted run that resumes from its checkpoint gives the weights
of an uninterrupted one.
"""
import argparse
import math
import time

import torch
import torch.nn.functional as F
from torch import nn

import bpe
import gguf
import text

VOCAB, WIDTH, LAYERS, HEADS, FFN, CONTEXT = 1024, 256, 3, 4, 768, 256
EPS, ROPE_BASE = 1e-5, 10000.0
BATCH, WARMUP, DROPOUT = 8, 50, 0.1
HELD_OUT = 20  # every 20th entry is for validation only


class Norm(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPS) * self.weight


def rotate(x, cos, sin):
    """RoPE over interleaved pairs, the layout llama.cpp expects of Llama files."""
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * cos - b * sin, a * sin + b * cos], -1).flatten(-2)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.attn_norm, self.ffn_norm = Norm(), Norm()
        for name, rows, cols in (
                ("attn_q", WIDTH, WIDTH), ("attn_k", WIDTH, WIDTH), ("attn_v", WIDTH, WIDTH),
                ("attn_output", WIDTH, WIDTH), ("ffn_gate", FFN, WIDTH), ("ffn_up", FFN, WIDTH),
                ("ffn_down", WIDTH, FFN)):
            setattr(self, name, nn.Linear(cols, rows, bias=False))

    def forward(self, x, mask, cos, sin):
        batch, length, _ = x.shape
        h = self.attn_norm(x)
        q, k, v = (f(h).view(batch, length, HEADS, -1).transpose(1, 2)
                   for f in (self.attn_q, self.attn_k, self.attn_v))
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        scores = (q @ k.transpose(-1, -2) / math.sqrt(WIDTH // HEADS) + mask).softmax(-1)
        mixed = (scores @ v).transpose(1, 2).reshape(batch, length, WIDTH)
        x = x + F.dropout(self.attn_output(mixed), DROPOUT, self.training)
        h = self.ffn_norm(x)
        h = self.ffn_down(F.silu(self.ffn_gate(h)) * self.ffn_up(h))
        return x + F.dropout(h, DROPOUT, self.training)


class Llama(nn.Module):
    def __init__(self):
        super().__init__()
        self.token_embd = nn.Embedding(VOCAB, WIDTH)
        self.blk = nn.ModuleList(Block() for _ in range(LAYERS))
        self.output_norm = Norm()
        for p in self.parameters():
            if p.dim() > 1:
                nn.init.normal_(p, std=0.02)
        freq = ROPE_BASE ** (-torch.arange(0, WIDTH // HEADS, 2) / (WIDTH // HEADS))
        angle = torch.outer(torch.arange(CONTEXT), freq)
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)
        self.register_buffer("mask", torch.full((CONTEXT, CONTEXT), -1e9).triu(1), persistent=False)

    def forward(self, ids):
        n = ids.shape[1]
        x = self.token_embd(ids)
        for block in self.blk:
            x = block(x, self.mask[:n, :n], self.cos[:n], self.sin[:n])
        return F.linear(self.output_norm(x), self.token_embd.weight)


class Muon:
    """Momentum whose step is orthogonalised by Newton-Schulz (Jordan 2024), for matrices."""

    def __init__(self, params):
        self.params = list(params)
        self.momentum = [torch.zeros_like(p) for p in self.params]

    def step(self, rate):
        for p, m in zip(self.params, self.momentum):
            m.mul_(0.95).add_(p.grad)
            g = p.grad + 0.95 * m
            tall = g.shape[0] > g.shape[1]
            x = (g.T if tall else g) / (g.norm() + 1e-7)
            for _ in range(5):
                a = x @ x.T
                x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
            x = x.T if tall else x
            p.data.mul_(1 - rate * 0.1).add_(x, alpha=-rate * max(1, g.shape[0] / g.shape[1]) ** 0.5)


def tokens(tokenizer, entries):
    """One stream: every paragraph between BOS and EOS."""
    return torch.tensor([i for e in entries for p in e
                         for i in [bpe.BOS, *tokenizer.encode(p), bpe.EOS]])


def loss(model, ids):
    return F.cross_entropy(model(ids[:, :-1]).reshape(-1, VOCAB), ids[:, 1:].reshape(-1))


@torch.no_grad()
def validate(model, held_out):
    """Mean loss, in nats per token, over the held-out stream in whole windows."""
    model.eval()
    windows = [held_out[i:i + CONTEXT + 1] for i in range(0, len(held_out) - CONTEXT, CONTEXT)]
    mean = sum(loss(model, w[None]).item() for w in windows) / len(windows)
    model.train()
    return mean


@torch.no_grad()
def sample(model, tokenizer, prompt, n=60):
    model.eval()
    ids = [bpe.BOS, *tokenizer.encode(prompt)]
    while len(ids) < n and ids[-1] != bpe.EOS:
        ids.append(int(model(torch.tensor(ids)[None])[0, -1].argmax()))
    model.train()
    return tokenizer.decode(ids).strip()


def rate_at(step, steps, cooldown):
    """A warm-up, a plateau, then a straight line to zero over the last steps."""
    return min(1, (step + 1) / WARMUP, (steps - step) / cooldown)


def train(args, tokenizer, train_ids, held_out):
    model = Llama()
    matrices = [p for b in model.blk for p in b.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if not any(p is m for m in matrices)]
    muon = Muon(matrices)
    adam = torch.optim.AdamW(others, betas=(0.9, 0.95), weight_decay=0.0)
    print(f"{sum(p.numel() for p in model.parameters())} parameters, "
          f"{len(train_ids)} training tokens, {len(held_out)} held out", flush=True)
    start, begun = 0, time.time()
    if args.resume:
        saved = torch.load(args.resume)
        start = saved["step"]
        model.load_state_dict(saved["model"])
        adam.load_state_dict(saved["adam"])
        muon.momentum = saved["momentum"]
    for step in range(start, args.steps):
        rate = rate_at(step, args.steps, args.cooldown)
        torch.manual_seed(args.seed * 1_000_003 + step)
        at = torch.randint(0, len(train_ids) - CONTEXT, (BATCH,))
        value = loss(model, torch.stack([train_ids[i:i + CONTEXT + 1] for i in at]))
        model.zero_grad()
        value.backward()
        muon.step(args.muon_rate * rate)
        for group in adam.param_groups:
            group["lr"] = args.adam_rate * rate
        adam.step()
        done = step + 1
        if done % 50 == 0:
            print(f"step {done} loss {value.item():.3f} "
                  f"tok/s {(done - start) * BATCH * CONTEXT / (time.time() - begun):.0f}", flush=True)
        if done % args.save_every == 0 or done == args.steps:
            torch.save({"step": done, "model": model.state_dict(), "adam": adam.state_dict(),
                        "momentum": muon.momentum}, f"{args.checkpoint}.{done}")
            print(f"step {done} validation {validate(model, held_out):.4f}: "
                  f"{sample(model, tokenizer, 'A hacker is')}", flush=True)
    return model


def write(path, model, tokenizer):
    head = {
        "general.architecture": "llama", "general.name": "jargon",
        "general.license": "public domain", "general.file_type": gguf.U32(1),
        "general.source.url": "http://catb.org/jargon/jargsrc.tar.gz",
        "llama.block_count": gguf.U32(LAYERS), "llama.context_length": gguf.U32(CONTEXT),
        "llama.embedding_length": gguf.U32(WIDTH), "llama.feed_forward_length": gguf.U32(FFN),
        "llama.attention.head_count": gguf.U32(HEADS), "llama.attention.head_count_kv": gguf.U32(HEADS),
        "llama.rope.dimension_count": gguf.U32(WIDTH // HEADS), "llama.vocab_size": gguf.U32(VOCAB),
        "llama.attention.layer_norm_rms_epsilon": EPS, "llama.rope.freq_base": ROPE_BASE,
        "tokenizer.ggml.model": "llama", "tokenizer.ggml.tokens": tokenizer.pieces,
        "tokenizer.ggml.scores": tokenizer.scores,
        "tokenizer.ggml.token_type": [2, 3, 3] + [6] * 256 + [1] * (VOCAB - 259),
        "tokenizer.ggml.bos_token_id": gguf.U32(bpe.BOS), "tokenizer.ggml.eos_token_id": gguf.U32(bpe.EOS),
        "tokenizer.ggml.unknown_token_id": gguf.U32(bpe.UNK), "tokenizer.ggml.add_bos_token": True,
        "tokenizer.ggml.add_eos_token": False, "tokenizer.ggml.add_space_prefix": True,
    }
    gguf.write(path, head, {n: p.detach().numpy() for n, p in model.state_dict().items()})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2600)
    parser.add_argument("--cooldown", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--muon-rate", type=float, default=0.02)
    parser.add_argument("--adam-rate", type=float, default=3e-3)
    parser.add_argument("--save-every", type=int, default=200)
    parser.add_argument("--checkpoint", default="jargon.pt", help="prefix; the step is appended")
    parser.add_argument("--resume", help="a checkpoint to go on from")
    parser.add_argument("--out", default="jargon-f16.gguf")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    entries = text.entries()
    learning = [e for i, e in enumerate(entries) if i % HELD_OUT != 0]
    tokenizer = bpe.learn([p for e in learning for p in e], VOCAB)
    train_ids = tokens(tokenizer, learning)
    held_out = tokens(tokenizer, entries[::HELD_OUT])
    model = train(args, tokenizer, train_ids, held_out)
    write(args.out, model, tokenizer)


if __name__ == "__main__":
    main()
