"""What is done to a sound file: operations on its bytes, which as a list are the recipe of the damaged one."""

from collections.abc import Sequence

import numpy as np

from tests.fuzz.seeds import Seed

Operation = tuple[str, int, str]
"""``flip`` XORs, ``put`` writes over, ``insert`` puts before: at an offset, the bytes of a hexadecimal text.

``remove`` takes as many bytes as the text says in decimal, ``cut`` everything from the offset on.
"""

LENGTHS = ("00000000", "ffffffff", "ffffff7f", "00000080", "01000000", "feffffff", "ffff0000")
"""Lengths that have tripped parsers."""


def mutate(content: bytes, operations: Sequence[Operation]) -> bytes:
    """Carry out `operations` one after the other."""
    data = bytearray(content)
    for name, offset, text in operations:
        match name:
            case "flip":
                flipped = (byte ^ mask for byte, mask in zip(data[offset:], bytes.fromhex(text), strict=False))
                data[offset : offset + len(text) // 2] = bytes(flipped)
            case "put":
                data[offset : offset + len(text) // 2] = bytes.fromhex(text)
            case "insert":
                data[offset:offset] = bytes.fromhex(text)
            case "remove":
                del data[offset : offset + int(text)]
            case "cut":
                del data[offset:]
            case _:
                raise ValueError(f"no operation is called {name}")
    return bytes(data)


def draw_operations(random: np.random.Generator, seed: Seed, region: str) -> list[Operation]:
    """One to three operations in the ``"header"`` or in the ``"pixels"`` of a seed."""
    first, end = (seed.header, seed.pixels) if region == "header" else (seed.pixels, len(seed.content))
    return [_draw(random, seed, first, end) for _ in range(random.integers(1, 4))]


def _draw(random: np.random.Generator, seed: Seed, first: int, end: int) -> Operation:
    offset = int(random.integers(first, end - 4))
    count = int(random.integers(1, 33))
    inside = [pair for pair in seed.elements if first <= pair[0] and pair[1] <= end]
    kinds = ["flip", "flip", "random", "insert", "remove", "cut"] + ["length", "length", "tag", "value"] * bool(inside)
    kind = random.choice(kinds)
    start, value = inside[random.integers(len(inside))] if inside else (0, 0)
    match kind:
        case "flip":
            return "flip", offset, f"{1 << int(random.integers(8)):02x}"
        case "random":
            return "put", offset, random.bytes(min(count, 4)).hex()
        case "insert":  # a splice: bytes from elsewhere in the file
            source = int(random.integers(first, end - 4))
            return "insert", offset, seed.content[source : min(source + count, end)].hex()
        case "remove":
            return "remove", offset, str(count)
        case "cut":
            return "cut", offset, ""
        case "length":  # the four bytes before a value, or the two of the short form
            text = str(random.choice(LENGTHS)) if random.random() < 0.7 else random.bytes(4).hex()
            return ("put", value - 4, text) if random.random() < 0.5 else ("put", value - 2, text[:4])
        case "tag":
            return "put", start, random.bytes(2 * int(random.integers(1, 3))).hex()
        case _:
            return "put", min(value, end - 4), random.bytes(2).hex()
