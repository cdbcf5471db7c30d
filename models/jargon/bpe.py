"""SPM-style byte-pair encoding: scored pieces, byte fallback, space as U+2581.

llama.cpp and engine/tokenizer encode the same way: join the adjacent pair
whose piece scores best, leftmost first, until no pair is a piece.
"""
import collections
import re

UNK, BOS, EOS, BYTE0 = 0, 1, 2, 3
SPACE = "\u2581"
WORDS = re.compile(r" ?[A-Za-z]+|[^A-Za-z]")


class Tokenizer:
    """A vocabulary: the pieces by id, and their scores (higher joins first)."""

    def __init__(self, pieces, scores):
        self.pieces, self.scores = pieces, scores
        self.ids = {p: i for i, p in enumerate(pieces)}
        self.cache = {}

    def encode(self, text):
        """Encodes a paragraph, with the space that SPM puts in front of it."""
        return [i for w in WORDS.findall(" " + text) for i in self.word(w)]

    def word(self, word):
        if word not in self.cache:
            symbols = list(word.replace(" ", SPACE))
            while True:
                pairs = [(-self.scores[self.ids[a + b]], i)
                         for i, (a, b) in enumerate(zip(symbols, symbols[1:])) if a + b in self.ids]
                if not pairs:
                    break
                _, i = min(pairs)
                symbols[i:i + 2] = ["".join(symbols[i:i + 2])]
            self.cache[word] = [self.ids[s] for s in symbols]
        return self.cache[word]

    def decode(self, ids):
        return "".join(self.pieces[i] for i in ids if i >= BYTE0 + 256).replace(SPACE, " ")


def learn(paragraphs, size):
    """Learns a vocabulary of `size` pieces; ties go to the pair first in order."""
    counts = collections.Counter(w.replace(" ", SPACE) for p in paragraphs for w in WORDS.findall(" " + p))
    words = {tuple(w): n for w, n in counts.items()}
    chars = sorted({c for w in words for c in w})
    merges = []
    while BYTE0 + 256 + len(merges) + len(chars) < size:
        pairs = collections.Counter()
        for w, n in words.items():
            for pair in zip(w, w[1:]):
                pairs[pair] += n
        best = min(pairs, key=lambda p: (-pairs[p], p))
        merges.append("".join(best))
        words = {join(w, best): n for w, n in words.items()}
    pieces = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)] + merges + chars
    scores = [0.0] * (BYTE0 + 256) + [-float(i) for i in range(len(merges) + len(chars))]
    return Tokenizer(pieces, scores)


def join(word, pair):
    """Replaces every occurrence of the pair in a word by its one symbol."""
    out, i = [], 0
    while i < len(word):
        n = 2 if word[i:i + 2] == pair else 1
        out.append("".join(word[i:i + n]))
        i += n
    return tuple(out)
