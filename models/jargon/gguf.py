"""Writes GGUF version 3: a header of typed values, then the tensors, 32-aligned."""
import struct

ALIGN = 32


class U32(int):
    """An integer that the header stores as uint32."""


def write(path, head, tensors):
    """Writes matrices as F16 and vectors as F32, the way llama.cpp converts models."""
    values = b"".join(string(k) + value(v) for k, v in head.items())
    infos, blobs, offset = b"", [], 0
    for name, array in tensors.items():
        kind, dtype = (0, "<f4") if array.ndim == 1 else (1, "<f2")
        blob = pad(array.astype(dtype).tobytes())
        infos += string(name) + struct.pack("<I", array.ndim)
        infos += struct.pack(f"<{array.ndim}Q", *reversed(array.shape))
        infos += struct.pack("<IQ", kind, offset)
        blobs.append(blob)
        offset += len(blob)
    with open(path, "wb") as f:
        f.write(pad(b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(head)) + values + infos))
        f.writelines(blobs)


def string(s):
    raw = s.encode()
    return struct.pack("<Q", len(raw)) + raw


def value(v):
    """Encodes a header value with its type; a list is an array of its first item's type."""
    if isinstance(v, list):
        kind, _ = encode(v[0])
        return struct.pack("<IIQ", 9, kind, len(v)) + b"".join(encode(x)[1] for x in v)
    kind, raw = encode(v)
    return struct.pack("<I", kind) + raw


def encode(v):
    if isinstance(v, bool):
        return 7, struct.pack("<?", v)
    if isinstance(v, U32):
        return 4, struct.pack("<I", v)
    if isinstance(v, int):
        return 5, struct.pack("<i", v)
    if isinstance(v, float):
        return 6, struct.pack("<f", v)
    return 8, string(v)


def pad(raw):
    return raw + b"\0" * (-len(raw) % ALIGN)
