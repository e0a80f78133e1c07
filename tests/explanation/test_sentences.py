import re
import time

import numpy as np
import pandas as pd
import pytest
import yaml

from dictionary import COLUMNS, FEATURES
from project import ROOT
from retention.core.formats import LANGUAGES
from retention.explanation.sentences import (
    display_number,
    phrase,
    sentences,
)

ROOM = ROOT / "stages/retention/explanation"
SPACE, THIN, MINUS = "\u00a0", "\u202f", "\u2212"


def say(*reason):
    return phrase(*reason, columns=COLUMNS)


def said_of(table, language):
    return sentences(table, language, columns=COLUMNS)


def reasons(*rows):
    """A table of reasons: each row a list of (feature, value, typical)."""
    table = {}
    for place in range(3):
        cells = [row[place] if place < len(row) else (None, None, None) for row in rows]
        for end, column in zip(("", "_value", "_typical"), zip(*cells, strict=True), strict=True):
            table[f"reason_{place + 1}{end}"] = list(column)
    return pd.DataFrame(table)


def test_reasons_make_one_plain_sentence():
    table = reasons(
        [("pages_per_visit", "3.0", "8.0"), ("unpaid_items", "7.0", "3.0")],
        [("promo_share", "0.94", "0.21"), ("contacts_6m", "2.9", "4.6"),
         ("revenue_m2", "3296.6", "4950.4")],
        [],
    )  # fmt: skip
    assert said_of(table, "ru").tolist() == [
        "Мало страниц за визит (3 против обычных 8), много неоплаченных товаров в корзине "
        "(7 против обычных 3).",
        f"Частые покупки по акции (94{SPACE}%; обычно 21{SPACE}%), редкие контакты за полгода "
        f"(2,9 против обычных 4,6), низкая выручка два месяца назад (3{THIN}297 против обычных "
        f"4{THIN}950).",
        "Явных причин нет.",
    ]
    assert said_of(table, "en").tolist() == [
        "Few pages per visit (3, usually 8), many unpaid items in the cart (7, usually 3).",
        "Many purchases on promotion (94%, usually 21%), rare contacts over six months (2.9, "
        "usually 4.6), low revenue two months ago (3,297, usually 4,950).",
        "No clear reason.",
    ]


@pytest.mark.parametrize(
    ("usual", "said"),
    [("1", "4; обычно 1"), ("21", "4; обычно 21"), ("11", "4 против обычных 11"),
     ("8", "4 против обычных 8"), ("2.1", "4 против обычных 2,1")],
)  # fmt: skip
def test_the_russian_adjective_agrees_with_its_number(usual, said):
    assert f"({said})" in say("pages_per_visit", "4", usual, "ru")


def test_values_near_the_usual_one_are_not_called_low_or_high():
    def both(value, usual):
        return [say("revenue_m2", value, usual, language) for language in LANGUAGES]

    assert both("4846", "4943") == [
        f"выручка два месяца назад чуть меньше обычного (4{THIN}846 против 4{THIN}943)",
        "revenue two months ago slightly below the usual (4,846 against 4,943)",
    ]
    assert both("5000", "4943")[1].startswith("revenue two months ago slightly above the usual")
    assert both("4943.2", "4942.9") == [
        f"выручка два месяца назад как обычно (4{THIN}943)",
        "revenue two months ago as usual (4,943)",
    ]
    assert both("5500", "4943")[1].startswith("high revenue")
    assert both("0", "0")[1] == "revenue two months ago as usual (0)"


def test_words_are_displayed_and_new_ones_kept():
    assert say("favourite_category", "cosmetics", "children", "ru") == (
        "любимая категория: косметика и аксессуары"
    )
    assert say("service", "premium", "standard", "en") == "service: premium"
    assert say("service", "premium", "standard", "ru") == "тип сервиса: премиум"
    assert say("favourite_category", "Сад", "children", "en") == "favourite category: Сад"


@pytest.mark.parametrize("missing", ["nan", "None", "", "<NA>"])
def test_what_is_not_known_is_said_to_be_unknown(missing):
    assert say("minutes_m0", missing, "15", "en") == "no data: minutes on the site this month"
    assert say("service", missing, "standard", "ru") == "нет данных: тип сервиса"
    assert say("minutes_m0", "4", missing, "ru") == "минут на сайте в этом месяце: 4"


def test_missing_reasons_leave_no_trace():
    table = reasons([("minutes_m1", "5", "15")], [("minutes_m1", "5", "15")])
    table["reason_2"] = [np.nan, None]
    assert set(said_of(table, "en")) == {"Few minutes on the site last month (5, usually 15)."}
    assert said_of(table.iloc[:0], "en").tolist() == []


def test_values_may_be_numbers_too():
    table = reasons([("pages_per_visit", 3.0, 8.0)])
    assert said_of(table, "en")[0] == "Few pages per visit (3, usually 8)."


def test_numbers_are_written_as_people_do():
    assert display_number(12345.6, "whole", "ru") == f"12{THIN}346"
    assert display_number(12345.6, "whole", "en") == "12,346"
    assert display_number(2.5, "number", "ru") == "2,5"
    assert display_number(3.0, "number", "ru") == "3"
    assert display_number(1234567.25, "number", "ru") == f"1{THIN}234{THIN}567,2"
    assert display_number(0.5, "percent", "ru") == f"50{SPACE}%"
    assert display_number(0.054, "percent", "ru") == f"5,4{SPACE}%"
    assert display_number(0.5, "percent", "en") == "50%"
    assert display_number(-0.01, "number", "en") == "0"
    assert display_number(-3.5, "number", "ru") == f"{MINUS}3,5"


def test_every_feature_and_word_has_its_wording_in_both_languages():
    told = [COLUMNS.by_name[name] for name in (*FEATURES, "profit")]
    assert len(told) == 17
    for column in told:
        words = list(column.values) if column.is_category else ["1", "9"]
        said = {word: [say(column.name, word, "5", one) for one in LANGUAGES] for word in words}
        for russian, english in said.values():
            assert re.search("[а-я]", russian)
            assert not re.search("[a-z]", russian)
            assert not re.search("[а-я]", english)
        assert len({russian for russian, _ in said.values()}) == len(words)


def test_a_large_shop_is_worded_in_seconds():
    rows = 200_000
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {
            "reason_1": "revenue_m2",
            "reason_1_value": rng.normal(5000, 500, rows).round(1).astype(str),
            "reason_1_typical": "4950.5",
            "reason_2": rng.choice(["pages_per_visit", "unpaid_items"], rows),
            "reason_2_value": rng.integers(0, 20, rows).astype(str),
            "reason_2_typical": "8.0",
            "reason_3": None,
            "reason_3_value": None,
            "reason_3_typical": None,
        }
    )
    start = time.process_time()
    said = said_of(table, "ru")
    assert time.process_time() - start < 8
    for row in (0, 17, rows - 1):
        assert said[row] == said_of(table.iloc[[row]], "ru")[0]


def test_each_customer_has_the_sentence_of_the_own_reasons():
    """Alike rows are worded once: first, second and third reasons come in any combination."""
    known = [("unpaid_items", "7.0", "3.0"), ("pages_per_visit", "3.0", "8.0"),
             ("pages_per_visit", "2.0", "8.0"), ("service", "premium", "standard")]  # fmt: skip
    rows = [[known[i] for i in picked] for picked in ((0, 1), (1, 0), (0, 2), (3,), (), (0, 1, 3))]
    rows = [rows[place] for place in (5, 4, 3, 0, 1, 2, 0, 5, 1, 4)]
    told = said_of(reasons(*rows), "en").tolist()
    assert told == [said_of(reasons(row), "en")[0] for row in rows]
    assert len(set(told)) == 6
    assert said_of(reasons(*rows).head(0), "en").tolist() == []


@pytest.mark.parametrize("empty", ["missing", "nan", ""])
def test_a_value_that_nobody_knows_is_called_so(empty):
    assert say("pages_per_visit", empty, "8", "en") == "no data: pages per visit"
    assert say("pages_per_visit", "3", empty, "en") == "pages per visit: 3"
    assert say("service", empty, "standard", "ru") == "нет данных: тип сервиса"


def test_both_languages_join_reasons_with_the_same_parts():
    words = yaml.safe_load((ROOM / "sentences.yaml").read_text(encoding="utf-8"))
    assert words
    for kind, texts in words.items():
        assert set(texts) == set(LANGUAGES), kind
        assert len({tuple(re.findall(r"{\w+}", text)) for text in texts.values()}) == 1, kind
