"""From the bytes of a file to UTF-8 text: the one encoding in which its headers read well."""

import codecs
import gzip
import re
import zlib
from collections.abc import Sequence
from pathlib import Path

from retention.core.cells import look_of_name
from retention.core.errors import InputError
from retention.core.findings import Finding, Level

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
LONGEST_LINE = 2**20
"""Bytes without the end of a line from which a file is no table."""
_PIECE = 16 * LONGEST_LINE
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
        If it is no whole gzip file, no text, empty, or a line of it has no end.
    """
    parts = []
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            while part := file.read(_PIECE):
                _refuse_endless_line(path, part, before=parts)
                parts.append(part)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path} is no whole gzip file ({first_line(error)})") from None
    raw = b"".join(parts)
    for start, what in _NO_TEXT.items():
        if raw.startswith(start):
            raise InputError(f"{path} is {what}, no text; export it as CSV")
    if not raw.removeprefix(codecs.BOM_UTF8).strip():
        raise InputError(f"{path} is empty; a header line and rows are needed")
    return raw


def _refuse_endless_line(path: Path, part: bytes, *, before: Sequence[bytes]) -> None:
    """Raise an InputError where :data:`LONGEST_LINE` bytes stand without the end of a line."""
    for place in range(0, len(part) - LONGEST_LINE + 1, LONGEST_LINE):
        if part.find(b"\n", place, place + LONGEST_LINE) < 0:
            line = sum(one.count(b"\n") for one in before) + part.count(b"\n", 0, place) + 1
            raise InputError(
                f"{path} line {line} has more than {LONGEST_LINE:,} bytes, so many are no row; "
                "a line ends with LF or CRLF"
            )


def as_utf8(
    path: Path, raw: bytes, known: Sequence[str], findings: list[Finding]
) -> tuple[bytes, bool]:
    """Return the file as UTF-8, and whether its encoding is certain.

    It is the one in which the headers read as they should. Text that is UTF-8 already is returned
    as it is; whether every line of it is shows when the cells are read. Where all headers are
    English, an encoding of one byte a letter is the one that gives the most Russian text.

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
            return _unscrambled_if_needed(path, text, known, findings).encode("utf-8"), True
    top = raw[:4000]
    # UTF-16 without its mark shows in the zero bytes of its separators and line ends.
    wide = ["utf-16-le", "utf-16-be"] if top.count(b"\0") * 10 > len(top) else []
    english = all(header.isascii() for header in known)
    for encoding in (*wide, "utf-8", *([] if english else _RUSSIAN)):
        if not _reads_well(top.decode(encoding, errors="replace"), known):
            continue
        try:
            text = raw.decode(encoding) if english or encoding in wide else ""
        except UnicodeDecodeError:
            continue  # English headers read well in any encoding; the rows have to tell
        if encoding == "utf-8":
            return raw, True
        findings.append(Finding(Level.ADVICE, path.name, "", "encoding", 1, encoding))
        return (text or decoded(path, raw, encoding)).encode("utf-8"), True
    if english:
        encoding = max(_RUSSIAN, key=lambda one: _russian_letters(raw, one))
        findings.append(Finding(Level.ADVICE, path.name, "", "encoding", 1, encoding))
        return decoded(path, raw, encoding).encode("utf-8"), False
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(
            f"{path} is text of an unknown encoding; save it as UTF-8 "
            "(UTF-16, CP1251, CP866 and KOI8-R are read too)"
        ) from None
    return _unscrambled_if_needed(path, text, known, findings).encode("utf-8"), True


def _russian_letters(raw: bytes, encoding: str) -> int:
    """Return how much of the first letters beyond ASCII reads as Russian in an encoding.

    Small letters count, anything that is no Russian letter counts against it, and so does a
    capital behind a small one: KOI8-R read as CP1251 has them all the wrong way round.
    """
    text = raw[:200_000].decode(encoding, errors="replace")
    small, strange = len(re.findall("[а-яё]", text)), len(re.findall("[^\x00-\x7fА-яЁё]", text))
    return small - 2 * strange - 2 * len(re.findall("[а-яё][А-ЯЁ]", text))


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
    top = look_of_name(" ".join(text[:5000].splitlines()[:2]))
    russian = [look_of_name(header) for header in known if not header.isascii()]
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
