"""Digs for card numbers in anything that was written: grouped, encoded, packed, or all of these.

Of each text only the digits are compared, so that nothing that stands between them matters: blanks
of any kind, dashes, letters. A number of 16 digits is nowhere by chance.
"""

from __future__ import annotations

import base64
import contextlib
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping

#: How deep one packing may stand in another: base64 of gzip of base64.
DEPTH = 4
#: What unpacks to more than this is cut off.
LARGEST = 1 << 24
#: The beginnings of gzip's and zlib's streams.
_PACKED = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}")
#: One character that is written as several: in addresses, JSON, Python and HTML, mails.
_ESCAPED = re.compile(
    rb"%[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|&#x?[0-9A-Fa-f]{1,5};|&[a-zA-Z]{2,8};|=\r?\n"
)
_WIDE_DIGIT = re.compile(rb"([0-9])\x00")
_NO_DIGITS = bytes(each for each in range(256) if not chr(each).isdigit() or each > 127)


def find(data: bytes, numbers: Mapping[str, str]) -> set[str]:
    """Return the names of the numbers that are in some data, in whatever disguise.

    Args:
        data: a file, a page, a header.
        numbers: names, and digits.
    """
    found: set[str] = set()
    for layer in _layers(data, DEPTH, set()):
        for text in (
            _digits(layer),
            _digits(_ESCAPED.sub(_plain, layer)),
            # Some blanks have a digit's byte in UTF-16.
            b"".join(_WIDE_DIGIT.findall(layer)),
        ):
            found |= {name for name, digits in numbers.items() if digits.encode() in text}
    return found


def stands_alone(word: str, data: bytes) -> bool:
    """Say whether a short secret stands in some data by itself, packed or not.

    Give it a zero in front: no id, size, port or process has one.
    """
    alone = re.compile(rb"(?<![\w.-])" + word.encode() + rb"(?![\w.-])")
    return any(alone.search(layer) for layer in _layers(data, DEPTH, set()))


def find_in(places: Iterable[tuple[str, bytes]], numbers: Mapping[str, str]) -> set[str]:
    """Return ``name of the number > name of the place`` for each that is found."""
    return {f"{name} > {place}" for place, data in places for name in find(data, numbers)}


def _digits(data: bytes) -> bytes:
    return data.translate(None, _NO_DIGITS)


def _plain(found: re.Match[bytes]) -> bytes:
    """Return a digit that was written as an escape; nothing for all else."""
    code = re.sub(rb"^(%|\\u|\\x|&#x?)|;$", b"", found[0])
    base = 10 if found[0].startswith(b"&#") and not found[0].startswith(b"&#x") else 16
    with contextlib.suppress(ValueError):
        if 48 <= int(code, base) <= 57:
            return bytes([int(code, base)])
    return b""


def _layers(data: bytes, depth: int, seen: set[bytes]) -> Iterator[bytes]:
    """Yield the data, and all that is packed in it."""
    yield data
    if depth == 0:
        return
    for inner in (*_unpacked(data), *_decoded(data)):
        if inner not in seen:
            seen.add(inner)
            yield from _layers(inner, depth - 1, seen)


def _unpacked(data: bytes) -> Iterator[bytes]:
    for found in _PACKED.finditer(data):
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
        inner = b""
        with contextlib.suppress(zlib.error):
            # In small pieces: what follows the stream may be anything.
            rest = memoryview(data)[found.start() :]
            for begin in range(0, min(len(rest), LARGEST), 512):
                inner += unpacker.decompress(rest[begin : begin + 512], LARGEST)
                if unpacker.eof or len(inner) > LARGEST:
                    break
        if unpacker.eof or len(inner) > 8:
            yield inner


def _decoded(data: bytes) -> Iterator[bytes]:
    for found in _BASE64.finditer(data):
        run = found[0].translate(bytes.maketrans(b"-_", b"+/"))
        # It may begin in the middle of a word: a letter in front moves every other one.
        for begin in range(4):
            end = begin + (len(run) - begin) // 4 * 4
            with contextlib.suppress(ValueError):
                yield base64.b64decode(run[begin:end])
        rest = len(run) % 4
        if rest in (2, 3):
            yield base64.b64decode(run + b"=" * (4 - rest))
