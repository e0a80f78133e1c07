"""A customer's reasons as one plain sentence, in Russian or in English."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.core.formats import SPACE, formatted
from retention.explanation.reasons import MISSING

NONE = {"ru": "Явных причин нет.", "en": "No clear reason."}
REASONS = ("reason_1", "reason_2", "reason_3")
LOWERS = "lowers"

_CLOSE = {
    "low": {"ru": "чуть меньше обычного", "en": "slightly below the usual"},
    "high": {"ru": "чуть больше обычного", "en": "slightly above the usual"},
}
_AGAINST = {"ru": "против", "en": "against"}
NEAR = 0.1
"""A value this close to the typical one, as a share of it, is called neither low nor high."""
_AS_USUAL = {"ru": "как обычно", "en": "as usual"}
_EMPTY = ("", "nan", "None", "<NA>", MISSING)
_UNKNOWN = {"ru": "нет данных", "en": "no data"}
_LOWERED_BY = {"ru": "снижает риск", "en": "what lowers the risk"}


@dataclass(frozen=True)
class Wording:
    """How a numeric feature is spoken of.

    Attributes
    ----------
    ru_low, ru_high, ru, en_low, en_high, en : str
        What a value below and above the typical one is called, and the feature by itself.
    kind : str
        ``number`` (one digit after the point at most), ``whole`` or ``percent`` (of a share).
    """

    ru_low: str
    ru_high: str
    ru: str
    en_low: str
    en_high: str
    en: str
    kind: str = "number"


NUMBERS = {
    "contacts_6m": Wording(
        "редкие контакты за полгода",
        "частые контакты за полгода",
        "контактов за полгода",
        "rare contacts over six months",
        "frequent contacts over six months",
        "contacts over six months",
    ),
    "contacts_now": Wording(
        "мало контактов в этом месяце",
        "много контактов в этом месяце",
        "контактов в этом месяце",
        "few contacts this month",
        "many contacts this month",
        "contacts this month",
    ),
    "tenure_days": Wording(
        "мало дней с регистрации",
        "много дней с регистрации",
        "дней с регистрации",
        "few days since registration",
        "many days since registration",
        "days since registration",
        "whole",
    ),
    "promo_share": Wording(
        "редкие покупки по акции",
        "частые покупки по акции",
        "доля покупок по акции",
        "few purchases on promotion",
        "many purchases on promotion",
        "share of purchases on promotion",
        "percent",
    ),
    "categories_per_visit": Wording(
        "мало категорий за визит",
        "много категорий за визит",
        "категорий за визит",
        "few categories per visit",
        "many categories per visit",
        "categories per visit",
    ),
    "unpaid_items": Wording(
        "мало неоплаченных товаров в корзине",
        "много неоплаченных товаров в корзине",
        "неоплаченных товаров в корзине",
        "few unpaid items in the cart",
        "many unpaid items in the cart",
        "unpaid items in the cart",
    ),
    "revenue_m2": Wording(
        "низкая выручка два месяца назад",
        "высокая выручка два месяца назад",
        "выручка два месяца назад",
        "low revenue two months ago",
        "high revenue two months ago",
        "revenue two months ago",
        "whole",
    ),
    "revenue_m1": Wording(
        "низкая выручка в прошлом месяце",
        "высокая выручка в прошлом месяце",
        "выручка в прошлом месяце",
        "low revenue last month",
        "high revenue last month",
        "revenue last month",
        "whole",
    ),
    "revenue_m0": Wording(
        "низкая выручка в этом месяце",
        "высокая выручка в этом месяце",
        "выручка в этом месяце",
        "low revenue this month",
        "high revenue this month",
        "revenue this month",
        "whole",
    ),
    "service_errors": Wording(
        "мало сбоев сервиса",
        "много сбоев сервиса",
        "сбоев сервиса",
        "few service errors",
        "many service errors",
        "service errors",
    ),
    "pages_per_visit": Wording(
        "мало страниц за визит",
        "много страниц за визит",
        "страниц за визит",
        "few pages per visit",
        "many pages per visit",
        "pages per visit",
    ),
    "minutes_m1": Wording(
        "мало минут на сайте в прошлом месяце",
        "много минут на сайте в прошлом месяце",
        "минут на сайте в прошлом месяце",
        "few minutes on the site last month",
        "many minutes on the site last month",
        "minutes on the site last month",
    ),
    "minutes_m0": Wording(
        "мало минут на сайте в этом месяце",
        "много минут на сайте в этом месяце",
        "минут на сайте в этом месяце",
        "few minutes on the site this month",
        "many minutes on the site this month",
        "minutes on the site this month",
    ),
    "profit": Wording(
        "низкая прибыль",
        "высокая прибыль",
        "прибыль",
        "low profit",
        "high profit",
        "profit",
    ),
}
"""Every numeric feature, as a sentence speaks of it."""

WORDS = {
    "service": {
        "": {"ru": "тип сервиса", "en": "service"},
        "standard": {"ru": "стандарт", "en": "standard"},
        "premium": {"ru": "премиум", "en": "premium"},
    },
    "consent": {
        "": {"ru": "согласие на сообщения", "en": "consent to messages"},
        "yes": {"ru": "есть", "en": "given"},
        "no": {"ru": "нет", "en": "not given"},
    },
    "favourite_category": {
        "": {"ru": "любимая категория", "en": "favourite category"},
        "children": {"ru": "товары для детей", "en": "goods for children"},
        "home_textiles": {"ru": "домашний текстиль", "en": "home textiles"},
        "cosmetics": {"ru": "косметика и аксессуары", "en": "cosmetics and accessories"},
        "beauty_appliances": {
            "ru": "техника для красоты и здоровья",
            "en": "beauty and health appliances",
        },
        "small_appliances": {
            "ru": "мелкая бытовая техника и электроника",
            "en": "small appliances and electronics",
        },
        "kitchenware": {"ru": "кухонная посуда", "en": "kitchenware"},
    },
}
"""Display words of the categorical features: the feature itself under the empty key."""


_FORMS = {"number": "short", "whole": "count", "percent": "percent"}


def display_word(feature: str, value: str, language: str) -> str:
    """Return the word that people read for a category's value; a new value as it is."""
    return WORDS.get(feature, {}).get(value, {}).get(language, value)


def display_number(value: float, kind: str, language: str) -> str:
    """Return a number of a kind (see :class:`Wording`) as the page writes it."""
    return formatted(value, _FORMS[kind], language)


def phrase(feature: str, value: str, typical: str, language: str) -> str:
    """Return one reason in words, such as "few pages per visit (3, usually 8)".

    Parameters
    ----------
    feature : str
    value, typical : str
        The customer's own value and that of comparable loyal customers; numbers as text.
    language : str
        ``ru`` or ``en``.
    """
    own, usual = (_number(value), _number(typical)) if feature in NUMBERS else (0.0, 0.0)
    if value in _EMPTY or np.isnan(own):
        return f"{_UNKNOWN[language]}: {_name(feature, language)}"
    if feature not in NUMBERS:
        return f"{_name(feature, language)}: {display_word(feature, value, language)}"
    return _number_phrase(feature, own, usual, language)


def _name(feature: str, language: str) -> str:
    if feature in NUMBERS:
        return getattr(NUMBERS[feature], language)
    return display_word(feature, "", language) or feature


def _number_phrase(feature: str, own: float, usual: float, language: str) -> str:
    wording, name = NUMBERS[feature], _name(feature, language)
    shown = display_number(own, wording.kind, language)
    if np.isnan(usual):
        return f"{name}: {shown}"
    beside = display_number(usual, wording.kind, language)
    if shown == beside:
        return f"{name} {_AS_USUAL[language]} ({shown})"
    side = "low" if own < usual else "high"
    if abs(own - usual) <= NEAR * abs(usual):
        return f"{name} {_CLOSE[side][language]} ({shown} {_AGAINST[language]} {beside})"
    return f"{getattr(wording, f'{language}_{side}')} ({_beside(shown, beside, language)})"


def _beside(shown: str, usual: str, language: str) -> str:
    """Return a value with the usual one, in an order of words that suits the number."""
    if language == "en":
        return f"{shown}, usually {usual}"
    # The adjective is plural but after 1, 21, 31…; the decimal comma forbids a bare one.
    whole = usual.removesuffix(f"{SPACE}%")
    singular = whole.endswith("1") and not whole.endswith("11") and "," not in whole
    return f"{shown}; обычно {usual}" if singular else f"{shown} против обычных {usual}"


def _number(text: str) -> float:
    return float("nan") if text in _EMPTY else float(text)


def _phrases(reasons: pd.DataFrame, place: str, language: str) -> np.ndarray:
    """Return one place's phrases, empty where there is no reason; each is worded once."""
    columns = [reasons[name] for name in (place, f"{place}_value", f"{place}_typical")]
    code = np.zeros(len(reasons), dtype="int64")
    words = []
    for column in columns:
        codes, distinct = pd.factorize(column.to_numpy(dtype=object))
        words.append([*map(str, distinct), ""])
        code = code * (len(distinct) + 1) + np.where(codes < 0, len(distinct), codes)
    places, distinct = pd.factorize(code)
    features, values, typicals = words
    worded = np.empty(len(distinct), dtype=object)
    for number, one in enumerate(distinct):
        rest, typical = divmod(int(one), len(typicals))
        feature, value = divmod(rest, len(values))
        name = features[feature]
        worded[number] = phrase(name, values[value], typicals[typical], language) if name else ""
    return worded[places] if len(distinct) else np.empty(0, dtype=object)


def sentences(reasons: pd.DataFrame, language: str, *, with_lowers: bool = False) -> np.ndarray:
    """Return one plain sentence a customer.

    Parameters
    ----------
    reasons : DataFrame, shape (n_customers, n_columns)
        For ``reason_1`` to ``reason_3`` (and ``lowers``) the feature's name, missing where there
        is none, and with the endings ``_value`` and ``_typical`` the customer's own value and
        that of comparable loyal customers, numbers or their text.
    language : str
        ``ru`` or ``en``.
    with_lowers : bool
        Whether the sentence ends with what lowers the risk.

    Returns
    -------
    ndarray of str (dtype object), shape (n_customers,)
        :data:`NONE` for a customer without reasons.
    """
    raising = [_phrases(reasons, place, language) for place in REASONS]
    lowering = _phrases(reasons, LOWERS, language) if with_lowers else None
    none = NONE[language]
    texts = np.empty(len(reasons), dtype=object)
    for row, parts in enumerate(zip(*raising, strict=True)):
        text = ", ".join(filter(None, parts))
        texts[row] = f"{text[0].upper()}{text[1:]}." if text else none
    if lowering is not None:
        start = _LOWERED_BY[language]
        for row in np.flatnonzero(lowering != ""):
            head = texts[row].removesuffix(".")
            texts[row] = f"{head}; {start}: {lowering[row]}."
    return texts
