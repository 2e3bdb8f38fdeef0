"""Bytes and text of a file: compressed or not, in any usual encoding, and never more than a cap."""

from __future__ import annotations

import codecs
import gzip
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from rlx.errors import FileError

MAX_FILE_BYTES = 64 * 2**20
"""Maximum size of a document (configuration, board, plan, record), unpacked; real ones are far smaller."""

MAX_LOG_BYTES = 512 * 2**20
"""Maximum size of a log, unpacked, which is read line by line; a few compressed kilobytes may contain any amount."""

_LONGEST_LINE = 2**16  # characters; the rest of a longer line is the next one
_GZIP_MAGIC = b"\x1f\x8b"
_BOMS = (  # longest first: the mark of UTF-32 begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read_bytes(path: str | os.PathLike[str], limit: int = MAX_FILE_BYTES, *, unpack: bool = True) -> bytes:
    """Return the content of a file, unpacked when it is gzip; FileError when there is more than ``limit`` bytes of it.

    A binary format, which may begin like gzip by chance, is read without ``unpack``. FileError too for a damaged gzip
    file, and for anything but a regular file: a pipe or a device may never end. OSError propagates.
    """
    path = _regular(path)
    with path.open("rb") as stream:
        data = capped(stream, path, limit)
    return gunzip(data, path, limit) if unpack and data.startswith(_GZIP_MAGIC) else data


def _regular(path: str | os.PathLike[str]) -> Path:
    path = Path(path)
    if path.exists() and not path.is_file():
        raise FileError(f"{path}: not a regular file.")
    return path


def capped(stream: IO[bytes] | gzip.GzipFile, name: str | os.PathLike[str], limit: int) -> bytes:
    """Return the content of a stream; FileError, with ``name``, when that is more than ``limit`` bytes."""
    data = stream.read(limit + 1)
    if len(data) > limit:
        raise _too_large(name, limit)
    return data


def gunzip(data: bytes, name: str | os.PathLike[str], limit: int) -> bytes:
    """Return unpacked gzip data, several members too; FileError for damage and beyond ``limit`` bytes."""
    with _damage_named(name), gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
        return capped(stream, name, limit)


@contextmanager
def _damage_named(name: str | os.PathLike[str]) -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FileError(f"{os.fspath(name)}: damaged gzip data ({error}). Copy or download it again.") from error


def decode(data: bytes, name: str | os.PathLike[str]) -> str:
    """Return text in UTF-8, UTF-16 or UTF-32, without its byte order mark; FileError for anything else.

    UTF-16 without a mark is recognised by its zero bytes, which no other text has.
    """
    encoding = _encoding(data)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        kind = encoding.upper().removesuffix("-SIG")
        raise FileError(f"{os.fspath(name)}: not {kind} text (byte {error.start}). Save it as UTF-8.") from error


def _encoding(data: bytes) -> str:
    if (marked := next((encoding for bom, encoding in _BOMS if data.startswith(bom)), None)) is not None:
        return marked
    head = data[: min(len(data) // 2 * 2, 1024)]
    if len(head) >= 4:
        even, odd = head[::2].count(0), head[1::2].count(0)
        if not even and odd > 0.4 * len(head) / 2:
            return "utf-16-le"
        if not odd and even > 0.4 * len(head) / 2:
            return "utf-16-be"
    return "utf-8"


def read_text(path: str | os.PathLike[str], limit: int = MAX_FILE_BYTES) -> str:
    """Return the text of a file as ``read_bytes`` and ``decode`` give it; FileError and OSError as they raise them."""
    return decode(read_bytes(path, limit), path)


def read_lines(path: str | os.PathLike[str], limit: int = MAX_LOG_BYTES) -> Iterator[tuple[int, str]]:
    """Yield number, from one, and text of each line of a log: compressed or not, in UTF-8, UTF-16 or UTF-32.

    Undecodable bytes become U+FFFD and do not prevent other lines from being read; byte order marks are removed,
    including those between joined logs. FileError for a damaged gzip file, for anything but a regular file, and beyond
    ``limit`` bytes. OSError propagates.
    """
    path = _regular(path)
    with path.open("rb") as file:
        packed = file.peek(2).startswith(_GZIP_MAGIC)
        stream: Any = gzip.GzipFile(fileobj=file) if packed else file
        with _damage_named(path):
            yield from _lines(stream, path, limit)


def _lines(stream: Any, path: Path, limit: int) -> Iterator[tuple[int, str]]:
    number, read = 1, 0
    with io.TextIOWrapper(stream, _encoding(stream.peek(1024)[:1024]), errors="replace") as text:
        while line := text.readline(_LONGEST_LINE):
            read += len(line)
            if read > limit:
                raise _too_large(path, limit)
            yield number, line.replace("\ufeff", "")
            number += line.endswith("\n")


def _too_large(name: str | os.PathLike[str], limit: int) -> FileError:
    size = f"{limit / 2**20:g} MiB" if limit >= 2**20 else f"{limit:,} bytes"
    return FileError(f"{os.fspath(name)}: has more than {size}, unpacked, which is not read.")
