"""A cell as people and programs write it: what stands around, or in the place of, its value."""

import re
import unicodedata

SPACES = "\u00a0\u202f\u2009\u2007 \t"
"""White space that spreadsheets put into numbers: no-break, narrow no-break, thin, figure."""

INVISIBLE = (
    "\ufeff\u200b\u200c\u200d\u2060\u00ad\u061c\u200e\u200f"
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
"""Letters that are not seen: zero width, soft hyphen, marks of the reading direction."""

_RARE = "\r\n\x0b\x0c\x85\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2008\u3000"
AROUND = SPACES + INVISIBLE + _RARE
"""What is never part of a value when it stands before or behind it."""

MISSING_MARKS = frozenset(
    {
        *("na", "n/a", "nan", "-nan", "null", "(null)", "[null]", "<null>", "none", "nil", "<na>"),
        *("н/д", "н.д.", "нд", "б/д", "нет данных", "не указано", "пусто", "\\n", "ᴺᵁᴸᴸ"),
        *("-", "--", "—", "–", "−", "―"),
        *("#n/a", "#value!", "#ref!", "#div/0!", "#name?", "#num!", "#null!", "#getting_data"),
        *("#н/д", "#знач!", "#ссылка!", "#дел/0!", "#имя?", "#число!", "#пусто!"),
    }
)
"""What exports write into a cell that has no value, in lower case: the words of Excel in English
and in Russian, of pandas, of PostgreSQL and ClickHouse (``\\N``), and dashes."""

_INSIDE = str.maketrans("", "", INVISIBLE)
_FORMULA = re.compile(r'=\s*"(.*)"', re.DOTALL)

_ALIKE = str.maketrans("ABCEHKMOPTXYЁІЈЅ", "АВСЕНКМОРТХУЕIJS")
"""Latin and Ukrainian capitals, and the Russian (else the Latin) ones that look the same."""


def bare(text: str) -> tuple[str, str]:
    """Return a cell without what stands around its value, and what that was.

    Returns
    -------
    text : str
        In composed letters (Unicode NFC), without white space and invisible letters around, and
        without the ``="…"`` by which spreadsheets are told to keep text.
    how : str
        ``stray_spaces``, ``decomposed`` (macOS writes ``й`` as two letters), ``text_formula``, or
        empty where nothing was done; the last of them where there are several.
    """
    composed = text if text.isascii() else unicodedata.normalize("NFC", text)
    how = "decomposed" if composed != text else ""
    stripped = composed.strip(AROUND)
    if stripped != composed:
        how = "stray_spaces"
    if stripped.startswith("="):
        told = _FORMULA.fullmatch(stripped)
        if told:
            return told[1].replace('""', '"').strip(AROUND), "text_formula"
    return stripped, how


def without_invisible(text: str) -> str:
    """Return `text` without invisible letters, wherever they stand."""
    return text if text.isascii() else text.translate(_INSIDE)


def is_missing(text: str) -> bool:
    """Tell whether a bare cell says that it has no value."""
    return text.casefold() in MISSING_MARKS


def folded(text: str) -> str:
    """Return words as they are compared: composed, lower case, single spaces for white space."""
    composed = text if text.isascii() else unicodedata.normalize("NFC", text)
    return " ".join(without_invisible(composed).split()).casefold()


def look_of(text: str) -> str:
    """Return words as they look: as :func:`folded`, with one letter for those that look the same.

    A Latin ``c`` and a Cyrillic ``с`` become one, and ``ё`` becomes ``е``.
    """
    composed = text if text.isascii() else unicodedata.normalize("NFC", text)
    return folded(composed.upper().translate(_ALIKE))


def folded_name(text: str) -> str:
    """Return a header or a name as it is compared: as :func:`folded`, spaces for underscores."""
    return folded(text.replace("_", " "))


def look_of_name(text: str) -> str:
    """Return a header or a name as it looks: as :func:`look_of`, spaces for underscores."""
    return look_of(text.replace("_", " "))


def odd_letters(text: str) -> str:
    """Return the Latin letters of words that are Cyrillic otherwise, or the reverse; else empty."""
    for word in re.findall(r"[^\W\d_]+", text):
        latin = [letter for letter in word if "LATIN" in unicodedata.name(letter, "")]
        cyrillic = [letter for letter in word if "CYRILLIC" in unicodedata.name(letter, "")]
        if latin and cyrillic:
            few_latin = len(latin) <= len(cyrillic)
            script, letters = ("Latin", latin) if few_latin else ("Cyrillic", cyrillic)
            return f"{script} {', '.join(dict.fromkeys(letters))}"
    return ""
