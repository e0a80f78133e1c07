"""From the bytes of a file to UTF-8 text: the one encoding in which its headers read well."""

import codecs
import gzip
import re
import zlib
from collections.abc import Sequence
from pathlib import Path

from retention.cells import alike
from retention.errors import InputError
from retention.findings import Finding, Level

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NO_TEXT = {
    b"PK\x03\x04": "an Excel workbook or another zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x1f\x8b": "packed by gzip without the ending .gz",
    b"PAR1": "Parquet without the ending .parquet",
    b"%PDF": "a PDF",
}
"""How files begin that are no text, and what they are."""
_RUSSIAN = ("cp1251", "cp866", "koi8-r", "mac_cyrillic")
"""Encodings of one byte a letter: of Windows, of DOS, of old Unix and of old Macs."""
_MISREAD = ("cp1251", "cp1252")
"""What UTF-8 text is taken for by programs that do not ask."""


def first_line(error: Exception) -> str:
    """Return what an error says, in one line."""
    return (str(error) or type(error).__name__).splitlines()[0]


def read_bytes(path: Path) -> bytes:
    """Return the bytes of a text file, unpacked where its name ends in ``.gz``.

    Raises
    ------
    InputError
        If it is no whole gzip file, no text, or empty.
    """
    raw = path.read_bytes()
    if path.suffix == ".gz":
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{path} is no whole gzip file ({first_line(error)})") from None
    for start, what in _NO_TEXT.items():
        if raw.startswith(start):
            raise InputError(f"{path} is {what}, no text; export it as CSV")
    if not raw.removeprefix(codecs.BOM_UTF8).strip():
        raise InputError(f"{path} is empty; a header line and rows are needed")
    return raw


def as_utf8(path: Path, raw: bytes, known: Sequence[str], findings: list[Finding]) -> bytes:
    """Return the file as UTF-8, from the one encoding in which its headers read as they should.

    Text that is UTF-8 already is returned as it is; whether every line of it is shows when the
    cells are read.

    Parameters
    ----------
    path : Path
    raw : bytes
    known : sequence of str
        Headers that the file may have.
    findings : list of Finding
        What was done is added to it.
    """
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            text = decoded(path, raw, encoding)
            findings.append(Finding(Level.ADVICE, path.name, "", "encoding", 1, encoding))
            return _unscrambled_if_needed(path, text, known, findings).encode("utf-8")
    top = raw[:4000]
    # UTF-16 without its mark shows in the zero bytes of its separators and line ends.
    wide = ["utf-16-le", "utf-16-be"] if b"\0" in top else []
    for encoding in (*wide, "utf-8", *_RUSSIAN):
        if not _reads_well(top.decode(encoding, errors="replace"), known):
            continue
        if encoding == "utf-8" and all(header.isascii() for header in known):
            # English headers read well in any encoding; the rows have to tell.
            try:
                raw.decode(encoding)
            except UnicodeDecodeError:
                continue
        if encoding == "utf-8":
            return raw
        findings.append(Finding(Level.ADVICE, path.name, "", "encoding", 1, encoding))
        return decoded(path, raw, encoding).encode("utf-8")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(
            f"{path} is text of an unknown encoding; save it as UTF-8 "
            "(UTF-16, CP1251, CP866 and KOI8-R are read too)"
        ) from None
    return _unscrambled_if_needed(path, text, known, findings).encode("utf-8")


def decoded(path: Path, raw: bytes, encoding: str) -> str:
    """Return the text of `raw`.

    Raises
    ------
    InputError
        If some bytes are no text in `encoding`; it names their line.
    """
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InputError(
            f"{path} line {line}: bytes that are no {encoding} text; save the file in one encoding"
        ) from None


def _unscrambled_if_needed(
    path: Path, text: str, known: Sequence[str], findings: list[Finding]
) -> str:
    if _reads_well(text, known):
        return text
    for encoding in _MISREAD:
        mended = unscrambled(text, encoding)
        if _reads_well(mended, known):
            example = text.lstrip("\ufeff")[:40].splitlines()[0]
            findings.append(Finding(Level.ADVICE, path.name, "", "scrambled_text", 1, example))
            return mended.removeprefix("\ufeff")
    return text


def _reads_well(text: str, known: Sequence[str]) -> bool:
    """Tell whether most Russian headers stand in the first two lines."""
    top = alike(" ".join(text[:5000].splitlines()[:2]).replace("_", " "))
    russian = [alike(header.replace("_", " ")) for header in known if not header.isascii()]
    return sum(header in top for header in russian) * 2 >= len(russian)


def unscrambled(text: str, encoding: str) -> str:
    """Return UTF-8 text that was once read as `encoding` as it was before.

    Each run of letters beyond ASCII is put right by itself, so that one which was never misread
    (a header added later) stays, and harms no other.
    """

    def put_right(run: re.Match[str]) -> str:
        try:
            return run[0].encode(encoding, errors="retention_c1").decode("utf-8")
        except UnicodeError:
            return run[0]

    return re.sub(r"[^\x00-\x7f]+", put_right, text)


def _c1(error: UnicodeError) -> tuple[bytes, int]:
    """Bytes that CP1251 has no letter for are left as control characters by lax decoders."""
    part = error.object[error.start : error.end]
    if not isinstance(error, UnicodeEncodeError) or any(ord(letter) > 0xFF for letter in part):
        raise error
    return bytes(ord(letter) for letter in part), error.end


codecs.register_error("retention_c1", _c1)
