"""The bytes of a price file and their text: unpacked under caps, decoded without guessing."""

from __future__ import annotations

import codecs
import lzma
import re
import struct
import zipfile
import zlib
from pathlib import Path

from rlx.errors import DataError, FileError
from rlx.untrusted.text import capped, decode, read_bytes

MAX_BYTES = 2**30
"""Maximum size of a price file, unpacked: some ten million rows. The tables made from it need several times that."""
MAX_RATIO = 100
"""Maximum ratio of unpacked to packed size of a file over ``FREE_BYTES``; prices shrink 3 to 30 times."""
FREE_BYTES = 64 * 2**20

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x19\x1b-\x1f]")
_DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, struct.error, NotImplementedError, RuntimeError)


def unpacked(path: Path) -> tuple[bytes, str]:
    """Return the content of a file, and its name without a compression suffix; DataError, FileError and OSError."""
    if path.suffix.lower() == ".zip":
        return _from_zip(path)
    return read_bytes(path, _limit(path.stat().st_size)), re.sub(r"\.gz$", "", path.name, flags=re.IGNORECASE)


def _from_zip(path: Path) -> tuple[bytes, str]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [
                one for one in archive.infolist() if not one.is_dir() and not one.filename.startswith("__MACOSX")
            ]
            if len(members) != 1:
                raise DataError(f"{path}: the archive has {len(members)} files; unpack it into a folder.")
            with archive.open(members[0]) as stream:
                return capped(stream, path, _limit(path.stat().st_size)), members[0].filename
    except (*_DAMAGE, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{path}: damaged or unreadable zip archive ({reason}).") from error


def _limit(packed: int) -> int:
    """Return how large a file of that many bytes may unpack: a bomb is refused long before it is large."""
    return min(MAX_BYTES, max(FREE_BYTES, MAX_RATIO * packed))


def text_of(path: Path, payload: bytes) -> tuple[str, bool]:
    """Return the text of a price file and whether parts of it are in an unknown encoding.

    DataError for binary data, FileError for damage after a byte order mark.

    UTF-8, UTF-16 and UTF-32 are decoded. In anything else (GBK, cp1252, ...) every byte beyond ASCII becomes U+FFFD:
    dates and numbers are ASCII in all of them, so no guess of an encoding can change a price.
    """
    undecoded = False
    try:
        text = decode(payload, path)
    except FileError:
        if payload.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF8)):
            raise
        text, undecoded = payload.decode("ascii", errors="replace"), True
    text = text.rstrip("\x00\x1a") if text.endswith("\x1a") else text  # DOS ends a text file like this
    if (found := _CONTROL.search(text)) is not None:
        raise DataError(f"{path}: not a text file (binary content at character {found.start()}).")
    return text.replace("\r\n", "\n").replace("\r", "\n"), undecoded
