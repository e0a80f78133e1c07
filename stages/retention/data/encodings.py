"""From the bytes of a file to UTF-8 text: the one encoding in which its headers read well.

No file is held whole. A first look goes through all of its bytes, for what only the whole can
tell; the encoding then follows from the beginning, and the text is given out block by block.
"""

import codecs
import gzip
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

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
BLOCK = 2**24
"""Bytes of a file that are read at once."""
_TOP = 2**20
"""Bytes from the beginning that are kept: the header is in them."""
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
_LF, _CR = b"\n\r"


@dataclass(frozen=True)
class Survey:
    """What a look at the whole of a file shows.

    Attributes
    ----------
    top : bytes
        Its first :data:`_TOP` bytes.
    lines : int
        Lines, the last one too where nothing ends it.
    quotes : int
        Quotes in it.
    odd_ends : bool
        Whether there are blank lines, or a CR that no LF follows.
    is_ascii : bool
        Whether all of its bytes are ASCII.
    """

    top: bytes
    lines: int
    quotes: int
    odd_ends: bool
    is_ascii: bool


@dataclass(frozen=True)
class TextFile:
    """A file of text that is read as UTF-8, block by block and as often as needed.

    Attributes
    ----------
    path : Path
    encoding : str
    skipped : int
        Bytes at the beginning that are no text: the mark of UTF-8.
    misread : str
        The encoding for which UTF-8 was once taken, empty where it was not.
    """

    path: Path
    encoding: str = "utf-8"
    skipped: int = 0
    misread: str = ""

    @property
    def is_utf8(self) -> bool:
        """Whether the file's bytes are the text."""
        return self.encoding == "utf-8" and not self.misread

    def blocks(self, size: int = BLOCK) -> Iterator[bytes]:
        """Yield the text in blocks of whole lines, of some `size` bytes of the file each.

        Raises
        ------
        InputError
            If some bytes are no text in the file's encoding; it names their line.
        """
        rest = b""
        for piece in self._pieces(size):
            cut = piece.rfind(b"\n") + 1
            if cut:
                yield rest + piece[:cut]
            rest = piece[cut:] if cut else rest + piece
        if rest:
            yield rest

    def _pieces(self, size: int) -> Iterator[bytes]:
        pieces = _without(read_pieces(self.path, size), self.skipped)
        if self.is_utf8:
            yield from pieces
            return
        rest, begun = "", False
        for text in _decoded(self.path, pieces, self.encoding):
            cut = text.rfind("\n") + 1  # no run of letters goes over the end of a line
            if cut:
                yield self._put_right(rest + text[:cut], begins=not begun)
                begun = True
            rest = text[cut:] if cut else rest + text
        yield self._put_right(rest, begins=not begun)

    def _put_right(self, text: str, *, begins: bool) -> bytes:
        if self.misread:
            text = unscrambled(text, self.misread)
            text = text.removeprefix("\ufeff") if begins else text
        return text.encode("utf-8")


def first_line(error: Exception) -> str:
    """Return what an error says, in one line."""
    return (str(error) or type(error).__name__).splitlines()[0]


def read_pieces(path: Path, size: int) -> Iterator[bytes]:
    """Yield the bytes of a file, `size` at a time, unpacked where its name ends in ``.gz``.

    Raises
    ------
    InputError
        If it is no whole gzip file.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            while piece := file.read(size):
                yield piece
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path} is no whole gzip file ({first_line(error)})") from None


def surveyed(path: Path) -> Survey:
    """Look at the whole of a text file.

    Raises
    ------
    InputError
        If it is no whole gzip file, no text, empty, or a line of it has no end.
    """
    found = _survey(path, read_pieces(path, _PIECE))
    for start, what in _NO_TEXT.items():
        if found.top.startswith(start):
            raise InputError(f"{path} is {what}, no text; export it as CSV")
    if not found.lines:
        raise InputError(f"{path} is empty; a header line and rows are needed")
    return found


def _survey(path: Path, pieces: Iterator[bytes]) -> Survey:
    """Return what pieces of a text show; nothing but white space (and a mark) has no lines."""
    top, end, lines, quotes, odd_ends, is_ascii, is_blank = b"", b"", 0, 0, False, True, True
    for piece in pieces:
        _refuse_endless_line(path, piece, lines)
        top += piece[: _TOP - len(top)] if len(top) < _TOP else b""
        is_blank = is_blank and not piece.removeprefix(codecs.BOM_UTF8).strip()
        is_ascii = is_ascii and piece.isascii()
        ended, odd = line_ends(piece)
        odd_ends = odd_ends or odd or line_ends(end + piece[:2])[1]
        lines += ended
        quotes += count_of(b'"', piece) if b'"' in piece else 0
        end = (end + piece[-2:])[-2:]
    lines = 0 if is_blank else lines + (not end.endswith(b"\n"))
    return Survey(top, lines, quotes, odd_ends or end.endswith(b"\r"), is_ascii)


def count_of(sign: bytes, text: bytes) -> int:
    """Return how often a byte stands in a text; several times faster than ``text.count``."""
    return int(np.count_nonzero(np.frombuffer(text, "uint8") == sign[0]))


def line_ends(text: bytes) -> tuple[int, bool]:
    """Return how many LF a text has, and whether a line end of it is odd.

    That is a blank line, or a CR (but at the end of the text) that no LF follows. Other threads
    work meanwhile, as they could not beside a search for a pattern.
    """
    signs = np.frombuffer(text, "uint8")
    ends = np.flatnonzero(signs == _LF)
    after_cr = signs[ends - 1] == _CR
    if len(ends) and ends[0] == 0:
        after_cr[0] = False  # nothing stands before it
    gaps = np.diff(ends)
    blank = (gaps == 1) | ((gaps == 2) & after_cr[1:])
    lone = b"\r" in text and np.count_nonzero(signs == _CR) > (
        np.count_nonzero(after_cr) + text.endswith(b"\r")
    )
    return len(ends), bool(blank.any() or lone)


def _refuse_endless_line(path: Path, piece: bytes, before: int) -> None:
    """Raise an InputError where :data:`LONGEST_LINE` bytes stand without the end of a line."""
    for place in range(0, len(piece) - LONGEST_LINE + 1, LONGEST_LINE):
        if piece.find(b"\n", place, place + LONGEST_LINE) < 0:
            line = before + piece.count(b"\n", 0, place) + 1
            raise InputError(
                f"{path} line {line} has more than {LONGEST_LINE:,} bytes, so many are no row; "
                "a line ends with LF or CRLF"
            )


class _Decoder:
    """Decodes bytes that come in pieces, and knows the line of those that are no text."""

    def __init__(self, encoding: str):
        self._decoder = codecs.getincrementaldecoder(encoding)()

    def text(self, piece: bytes, before: int, *, final: bool = False) -> str:
        """Return the text of the next piece; `before` it were so many lines.

        Raises
        ------
        _NoTextError
            With the line of bytes that are no text.
        """
        held = self._decoder.getstate()[0]
        try:
            return self._decoder.decode(piece, final)
        except UnicodeDecodeError as error:
            lines = error.object[: error.start].count(b"\n") - held.count(b"\n")
            raise _NoTextError(before + lines + 1) from None


class _NoTextError(Exception):
    def __init__(self, line: int):
        super().__init__(line)
        self.line = line


def _decoded(path: Path, pieces: Iterator[bytes], encoding: str) -> Iterator[str]:
    decoder, lines = _Decoder(encoding), 0
    try:
        for piece in pieces:
            yield decoder.text(piece, lines)
            lines += count_of(b"\n", piece)
        yield decoder.text(b"", lines, final=True)
    except _NoTextError as error:
        raise no_text(path, error.line, encoding) from None


def line_of_no_utf8(path: Path, found: Survey) -> int:
    """Return the first line of a file with bytes that are no UTF-8, 0 where there is none."""
    decoder, lines = _Decoder("utf-8"), 0
    try:
        for piece in () if found.is_ascii else read_pieces(path, _PIECE):
            decoder.text(piece, lines)
            lines += count_of(b"\n", piece)
        decoder.text(b"", lines, final=True)
    except _NoTextError as error:
        return error.line
    return 0


def no_text(path: Path, line: int, encoding: str) -> InputError:
    """Return the error of a line whose bytes are no text in `encoding`."""
    return InputError(
        f"{path} line {line}: bytes that are no {encoding} text; save the file in one encoding"
    )


def _without(pieces: Iterator[bytes], skipped: int) -> Iterator[bytes]:
    """Yield the pieces without the first `skipped` bytes of all."""
    for piece in pieces:
        yield piece[skipped:]
        skipped -= min(skipped, len(piece))


def as_utf8(
    path: Path, found: Survey, known: Sequence[str], findings: list[Finding]
) -> tuple[TextFile, bool]:
    """Return the file as UTF-8, and whether its encoding is certain.

    It is the one in which the headers read as they should. Text that is UTF-8 already is taken as
    it is; whether every line of it is shows when the cells are read. Where all headers are
    English, an encoding of one byte a letter is the one that gives the most Russian text.

    Parameters
    ----------
    path : Path
    found : Survey
        What its bytes show.
    known : sequence of str
        Headers that the file may have.
    findings : list of Finding
        What was done is added to it.
    """
    for mark, encoding in _MARKS:
        if found.top.startswith(mark):
            findings.append(Finding(Level.ADVICE, path.name, "", "encoding", 1, encoding))
            if encoding == "utf-16":
                return _unscrambled_if_needed(
                    TextFile(path, encoding), found, known, findings
                ), True
            line = line_of_no_utf8(path, found)
            if line:
                raise no_text(path, line, encoding)
            return _unscrambled_if_needed(
                TextFile(path, skipped=len(mark)), found, known, findings
            ), True
    top = found.top[:4000]
    # UTF-16 without its mark shows in the zero bytes of its separators and line ends.
    wide = ["utf-16-le", "utf-16-be"] if top.count(b"\0") * 10 > len(top) else []
    english = all(header.isascii() for header in known)
    for encoding in (*wide, "utf-8", *([] if english else _RUSSIAN)):
        if not _reads_well(top.decode(encoding, errors="replace"), known):
            continue
        # English headers read well in any encoding; the rows have to tell.
        if encoding == "utf-8":
            if english and line_of_no_utf8(path, found):
                continue
            return TextFile(path), True
        if encoding in wide and not _is_all_text(TextFile(path, encoding)):
            continue
        findings.append(Finding(Level.ADVICE, path.name, "", "encoding", 1, encoding))
        return TextFile(path, encoding), True
    if english:
        encoding = max(_RUSSIAN, key=lambda one: _russian_letters(found.top, one))
        findings.append(Finding(Level.ADVICE, path.name, "", "encoding", 1, encoding))
        return TextFile(path, encoding), False
    if line_of_no_utf8(path, found):
        raise InputError(
            f"{path} is text of an unknown encoding; save it as UTF-8 "
            "(UTF-16, CP1251, CP866 and KOI8-R are read too)"
        )
    return _unscrambled_if_needed(TextFile(path), found, known, findings), True


def survey_of(text: TextFile, found: Survey) -> Survey:
    """Return what the text shows, `found` being what the file's bytes do.

    Raises
    ------
    InputError
        If some bytes are no text in the file's encoding.
    """
    if text.is_utf8:
        return replace(found, top=found.top[text.skipped :])
    return _survey(text.path, text.blocks())


def _is_all_text(text: TextFile) -> bool:
    """Tell whether the whole file is text in its encoding."""
    try:
        for _ in text.blocks():
            pass
    except InputError:
        return False
    return True


def _russian_letters(raw: bytes, encoding: str) -> int:
    """Return how much of the first letters beyond ASCII reads as Russian in an encoding.

    Small letters count, anything that is no Russian letter counts against it, and so does a
    capital behind a small one: KOI8-R read as CP1251 has them all the wrong way round.
    """
    text = raw[:200_000].decode(encoding, errors="replace")
    small, strange = len(re.findall("[а-яё]", text)), len(re.findall("[^\x00-\x7fА-яЁё]", text))
    return small - 2 * strange - 2 * len(re.findall("[а-яё][А-ЯЁ]", text))


def _unscrambled_if_needed(
    text: TextFile, found: Survey, known: Sequence[str], findings: list[Finding]
) -> TextFile:
    top = found.top[text.skipped : 2**16].decode(text.encoding, errors="replace")
    if _reads_well(top, known):
        return text
    for encoding in _MISREAD:
        if _reads_well(unscrambled(top, encoding), known):
            example = top.lstrip("\ufeff")[:40].splitlines()[0]
            findings.append(Finding(Level.ADVICE, text.path.name, "", "scrambled_text", 1, example))
            return replace(text, misread=encoding)
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
