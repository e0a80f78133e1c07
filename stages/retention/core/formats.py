"""Numbers and dates as a language writes them: 1 296,5 and 38,9 % in Russian, 1,296.5 and 38.9%."""

import datetime
from dataclasses import dataclass

THIN = "\N{NARROW NO-BREAK SPACE}"
SPACE = "\N{NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Style:
    """How a language writes numbers and dates.

    Attributes
    ----------
    decimal, thousands : str
        What stands between units and tenths, and between thousands.
    percent, points : str
        What follows a percentage and a difference of percentages.
    months : tuple of str
        Names of the twelve months as they stand in a date.
    date : str
        Pattern of a date.
    named : tuple of str
        Names of the twelve months as they stand alone.
    """

    decimal: str
    thousands: str
    percent: str
    points: str
    months: tuple[str, ...]
    date: str
    named: tuple[str, ...]


_ENGLISH = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
STYLES = {
    "ru": Style(
        ",",
        THIN,
        f"{SPACE}%",
        f"{SPACE}п.{SPACE}п.",
        (
            "января",
            "февраля",
            "марта",
            "апреля",
            "мая",
            "июня",
            "июля",
            "августа",
            "сентября",
            "октября",
            "ноября",
            "декабря",
        ),
        f"{{day}}{SPACE}{{month}} {{year}}{SPACE}г.",
        (
            "январь",
            "февраль",
            "март",
            "апрель",
            "май",
            "июнь",
            "июль",
            "август",
            "сентябрь",
            "октябрь",
            "ноябрь",
            "декабрь",
        ),
    ),
    "en": Style(
        ".",
        ",",
        "%",
        f"{SPACE}pp",
        _ENGLISH,
        f"{{day}}{SPACE}{{month}} {{year}}",
        _ENGLISH,
    ),
}
LANGUAGES = tuple(STYLES)

FORMS = (
    "count",
    "percent",
    "points",
    "in_points",
    "bare_points",
    "of_100",
    "score",
    "money",
    "plain",
    "short",
    "tenths",
    "hundredths",
    "date",
    "month",
    "short_month",
)
DATED = {"date", "month", "short_month"}
"""Forms of a day (``2026-11-01``) or a month (``2026-11``); those of all others are numbers."""
LETTERS = 3
"""Of a month's name, where there is little room."""
TRIMMED = {"percent", "plain", "short"}
"""Forms without a zero at the end of the digits after the point."""
SIGNED = "+"
"""At the end of a form: a positive number carries its sign."""


def formatted(value: float | str, form: str, language: str) -> str:
    """Return a value as a reader of the language expects it.

    Parameters
    ----------
    value : float or str
        A finite number; for the form ``date`` a day as ``YYYY-MM-DD``, for ``month`` and
        ``short_month`` a month as ``YYYY-MM``.
    form : str
        ``count`` is whole; ``percent`` takes a share (0.389) and shows tenths below 10 % if there
        are any, ``points`` always does; ``in_points`` is in percentage points already;
        ``bare_points`` is ``points`` without its unit, where a heading has it; ``of_100`` is a
        share in people of a hundred; ``score`` has three digits after the point; ``money`` two
        below a hundred and none from there; ``plain`` as many as the number has, two at most,
        ``short`` one at most; ``tenths`` one and ``hundredths`` two. A ``+`` at the end shows the
        sign.
    language : str
        One of :data:`LANGUAGES`.

    Raises
    ------
    ValueError
        If the form is none of :data:`FORMS`.
    """
    style, signed = STYLES[language], form.endswith(SIGNED)
    form = form.removesuffix(SIGNED)
    if form not in FORMS:
        raise ValueError(f"unknown form {form!r}")
    if form in DATED:
        return _dated(str(value), form, style)
    scale, digits, ending = _shape(float(value), form, style)
    text = f"{abs(value) * scale:,.{digits}f}"
    if form in TRIMMED and "." in text:
        text = text.rstrip("0").rstrip(".")
    sign = ""
    if any(figure not in "0.," for figure in text):
        sign = MINUS if value < 0 else "+" if signed else ""
    swap = str.maketrans({",": style.thousands, ".": style.decimal})
    return sign + text.translate(swap) + ending


def _dated(value: str, form: str, style: Style) -> str:
    """Return a day or a month in words; of a month of little room three letters and two digits."""
    if form == "date":
        day = datetime.date.fromisoformat(value)
        return style.date.format(day=day.day, month=style.months[day.month - 1], year=day.year)
    year, month = value.split("-")
    name = style.named[int(month) - 1]
    return f"{name[:LETTERS]}{SPACE}{year[-2:]}" if form == "short_month" else f"{name} {year}"


def _shape(value: float, form: str, style: Style) -> tuple[float, int, str]:
    """Return factor, digits after the point, and ending."""
    shapes = {
        "count": (1, 0, ""),
        "percent": (100, 1 if abs(value) < 0.0995 else 0, style.percent),
        "points": (100, 1, style.points),
        "in_points": (1, 1, style.points),
        "bare_points": (100, 1, ""),
        "of_100": (100, 0, ""),
        "score": (1, 3, ""),
        "money": (1, 2 if abs(value) < 100 else 0, ""),
        "plain": (1, 2, ""),
        "short": (1, 1, ""),
        "tenths": (1, 1, ""),
        "hundredths": (1, 2, ""),
    }
    return shapes[form]
