"""Turns Debian's dict-jargon into plain ASCII paragraphs, one list per entry."""
import gzip
import re

DICTIONARY = "/usr/share/dictd/jargon.dict.dz"

# The typographic characters of the File that have an obvious ASCII spelling;
# whatever is left outside ASCII is dropped.
ASCII = str.maketrans({
    "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-",
    "\u2014": "-", "\u2026": "...", "\u00a0": " ", "\u00b7": "", "\u2122": "(TM)",
    "\u00e9": "e", "\u00e8": "e", "\u00f6": "o", "\u00fc": "u", "\u00e4": "a",
})

# What may come before the prose of a paragraph: "1. ", "[from TMRC] ", "n. ".
OPENING = re.compile(
    r"^(\d+\. |\[[^\]]*\] ?"
    r"|(?:n|v|vt|vi|adj|adv|vt\.,vi|interj|prov|obs|pl|excl|suff|pref|imp)\.,? )+")


def entries(path=DICTIONARY):
    """Lists every entry as its paragraphs; the first begins 'headword: '."""
    raw = gzip.open(path, "rt", encoding="utf-8").read()
    raw = raw[raw.index("\n(TM)\n"):]
    chunks = re.split(r"\n(?=\S)", raw)
    return [e for e in map(entry, chunks) if e]


def entry(chunk):
    """Cleans one entry: headword at column 0, grammar at 1, prose at 4."""
    head, _, body = chunk.translate(ASCII).strip("\n").partition("\n")
    paragraphs = []
    for block in re.split(r"\n\s*\n", body):
        lines = [l for l in block.split("\n") if l.strip()]
        # Deeper indentation is a picture or a program; column 1 is grammar.
        if not lines or any(not re.match(r"    \S", l) for l in lines):
            continue
        text = prose(" ".join(l.strip() for l in lines))
        if len(text) >= 40:
            paragraphs.append(text)
    if paragraphs:
        paragraphs[0] = f"{prose(head)}: {paragraphs[0]}"
    return paragraphs


def prose(text):
    """Strips what is not prose: numbering, etymology, grammar, cross-reference braces."""
    text = re.sub(r"[^\x20-\x7e]", "", text)
    text = OPENING.sub("", text)
    text = re.sub(r"\{\s*([^}]*?)\s*\}", r"\1", text)
    if text.count('"') == 2:  # a line break of the File left a space inside
        text = re.sub(r'" ([^"]*)"', r'"\1"', text)
    return re.sub(r"\s+", " ", text).strip()
