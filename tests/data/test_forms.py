"""Forms that Excel, macOS and databases write: each is read as what it means, and counted."""

import unicodedata

import numpy as np
import pandas as pd
import pytest

from dictionary import COLUMNS, TABLES
from helpers import export_text, scrambled

pytestmark = pytest.mark.slow
ADVICE, ERROR = "advice", "error"
LABEL, CONSENT, SERVICE = "Покупательская активность", "Разрешить сообщать", "Тип сервиса"
CATEGORY, PROMO, REVENUE, PROFIT = "Популярная_категория", "Акционные_покупки", "Выручка", "Прибыль"
UNPAID, PERIOD = "Неоплаченные_продукты_штук_квартал", "Период"


def assert_same(outcome, clean):
    assert outcome.aside == {}
    assert outcome.quarantine == []
    pd.testing.assert_frame_equal(outcome.by_id, clean.by_id)


def said(outcome, header):
    """The advice on one column."""
    return [text for level, _, column, text in outcome.report if column == header]


# Numbers


MINUSES = [*(f"{mark}{{}}" for mark in "−–—‒‑‐﹣－"), "- {}", "−\u00a0{}", "{}-"]


@pytest.mark.parametrize(
    ("form", "what"),
    [
        *((form, "have another sign for minus") for form in MINUSES),
        *((form, "are negative by brackets") for form in ("({})", "( {} )")),
    ],
)
@pytest.mark.parametrize("every", [1, 3])
def test_negative_numbers(shop, clean, form, what, every):
    rows = shop.rows["money"][1::every]
    for row in rows:
        row[1] = form.format(row[1].lstrip("-"))
    outcome = shop.run()
    assert said(outcome, PROFIT) == [f"{len(rows)} numbers {what}, such as {rows[0][1]!r}"]
    ids = [row[0] for row in rows]
    right = clean.by_id.copy()
    right.loc[ids, "profit"] = -right.loc[ids, "profit"].abs()
    assert outcome.quarantine == []
    pd.testing.assert_frame_equal(outcome.by_id, right)


def test_all_profits_negative_by_brackets_with_a_decimal_comma(shop, clean):
    shop.change("money", PROFIT, lambda cell: f"({cell.lstrip('-')})".replace(".", ","))
    shop.write("money", separator=";")
    outcome = shop.run()
    assert (outcome.by_id["profit"] == -clean.by_id["profit"].abs()).all()


@pytest.mark.parametrize("unit", ["{} ₽", "{}\u00a0руб.", "{} р.", "{} RUB", "{} руб"])
def test_currency(shop, clean, unit):
    shop.change("market_money", REVENUE, unit.format)
    outcome = shop.run()
    first = shop.cells("market_money", REVENUE)[0]
    assert said(outcome, REVENUE) == [f"1860 numbers name a currency, such as {first!r}"]
    assert_same(outcome, clean)


@pytest.mark.parametrize("form", ["({} ₽)", "({}) ₽", "−{} ₽", "-{}\u00a0руб."])
def test_negative_currency(shop, form):
    customer = shop.put("money", 9, PROFIT, form.format("1 250,50"))
    assert shop.run().by_id.loc[customer, "profit"] == -1250.5


@pytest.mark.parametrize("sign", ["%", " %", "\u00a0%"])
def test_percent_is_a_share(shop, clean, sign):
    shop.change("market_file", PROMO, lambda cell: f"{float(cell) * 100:g}{sign}")
    outcome = shop.run()
    first = shop.cells("market_file", PROMO)[0]
    assert said(outcome, PROMO) == [f"620 shares are written in percent, such as {first!r}"]
    assert_same(outcome, clean)


def test_percent_is_no_amount(shop):
    customer = shop.put("money", 9, PROFIT, "5%")
    assert shop.run().quarantine == [
        ("money.csv", "9", customer, PROFIT, "5%", "must be a number from -1e+12 to 1e+12")
    ]


def test_exponent_with_a_decimal_comma(shop):
    customer = shop.put("market_money", 2, REVENUE, "1,5E+03")
    outcome = shop.run()
    assert outcome.by_id.loc[customer, ["revenue_m2", "revenue_m1", "revenue_m0"]].eq(1500).any()


# What stands around a value, or in its place


@pytest.mark.parametrize(
    "mark",
    ["#Н/Д", "#ЗНАЧ!", "#ДЕЛ/0!", "#ССЫЛКА!", "#VALUE!", "#DIV/0!", r"\N", "—", "–", "−", "(null)",
     "[NULL]", "ᴺᵁᴸᴸ", "Не указано", "nan"],
)  # fmt: skip
def test_missing_marks(shop, mark):
    customer = shop.put("money", 30, PROFIT, mark)
    outcome = shop.run()
    assert said(outcome, PROFIT) == [
        "1 cells are empty; the model fills them and knows that it did",
        f"1 cells say that they are missing, such as {mark!r}",
    ]
    assert outcome.quarantine == []
    assert np.isnan(outcome.by_id.loc[customer, "profit"])


@pytest.mark.parametrize("mark", ["?", "...", "нет", "0/1"])
def test_what_may_mean_something_is_not_missing(shop, mark):
    customer = shop.put("market_file", 30, LABEL, mark)
    (row,) = shop.run().quarantine
    assert row[2:5] == (customer, LABEL, mark)


@pytest.mark.parametrize("table", TABLES)
def test_text_formulas(shop, clean, table):
    shop.rows[table][1:] = [[f'="{cell}"' for cell in row] for row in shop.rows[table][1:]]
    outcome = shop.run()
    count, first = len(shop.rows[table]) - 1, shop.rows[table][1][0]
    assert said(outcome, "id") == [
        f"{count} customer ids are written in another form, such as {first!r}"
    ]
    header = shop.rows[table][0][-1]
    assert f"{count} cells are formulas that hold text" in said(outcome, header)[0]
    assert_same(outcome, clean)


def test_bare_text_formulas(shop, clean):
    lines = export_text(shop.rows["money"]).splitlines()
    lines[1:] = [f'="{line.partition(",")[0]}",{line.partition(",")[2]}' for line in lines[1:]]
    shop.place("money", "\n".join(lines).encode())
    outcome = shop.run()
    assert said(outcome, "id")[0].startswith("620 customer ids are written in another form")
    assert_same(outcome, clean)


# Letters


@pytest.mark.parametrize("table", TABLES)
def test_letters_in_two_parts(shop, clean, table):
    text = unicodedata.normalize("NFD", export_text(shop.rows[table]))
    shop.place(table, text.encode())
    outcome = shop.run()
    assert_same(outcome, clean)
    parted = [h for h in shop.rows[table][0] if unicodedata.normalize("NFD", h) != h]
    assert sum("was taken for it" in text for *_, text in outcome.report) == len(parted)


def test_words_in_two_parts_are_counted(shop, clean):
    lines = [n for n, cell in enumerate(shop.cells("market_file", LABEL), start=2)
             if cell == "Прежний уровень"][:3]  # fmt: skip
    word = unicodedata.normalize("NFD", "Прежний уровень")
    for line in lines:
        shop.put("market_file", line, LABEL, word)
    outcome = shop.run()
    assert said(outcome, LABEL) == [
        f"3 cells have letters of two parts, as macOS writes, such as {word!r}"
    ]
    assert_same(outcome, clean)


LATIN = str.maketrans("АВСЕНКМОРТХасеорху", "ABCEHKMOPTXaceopxy")


@pytest.mark.parametrize(
    ("table", "header"),
    [("market_money", REVENUE), ("money", PROFIT), ("market_file", SERVICE),
     ("market_file", UNPAID), ("market_time", PERIOD)],
)  # fmt: skip
def test_latin_letters_in_a_header(shop, clean, table, header):
    written = header.translate(LATIN)
    assert written != header
    shop.rows[table][0][shop.column(table, header)] = written
    outcome = shop.run()
    assert said(outcome, header)[0] == (
        f"header {written!r} was taken for it: letters of two alphabets look alike"
    )
    assert_same(outcome, clean)


@pytest.mark.parametrize(
    ("table", "header"),
    [("market_file", LABEL), ("market_file", SERVICE), ("market_file", CATEGORY),
     ("market_file", CONSENT), ("market_time", PERIOD)],
)  # fmt: skip
def test_latin_letters_in_words(shop, clean, table, header):
    lines = [n for n, cell in enumerate(shop.cells(table, header), start=2)
             if cell.translate(LATIN) != cell][:4]  # fmt: skip
    for line in lines:
        word = shop.rows[table][line - 1][shop.column(table, header)].translate(LATIN)
        shop.put(table, line, header, word)
    outcome = shop.run()
    first = shop.rows[table][lines[0] - 1][shop.column(table, header)]
    assert said(outcome, header) == [
        f"4 words have look-alike letters of another alphabet, such as {first!r}"
    ]
    assert_same(outcome, clean)


def test_headers_that_look_alike_are_refused(shop, capsys):
    for row in shop.rows["money"]:
        row.append(row[1])
    shop.rows["money"][0] = ["id", "Пpибыль", "Прибыль".replace("р", "p").replace("П", "П")]
    shop.rows["money"][0][2] = "Πрибыль".replace("Π", "П").replace("р", "p").upper()
    assert "all claim to be Прибыль; keep one of them" in shop.refused(capsys)


def test_odd_letters_are_named_where_they_cannot_be_read(shop, capsys):
    shop.rows["market_money"][0][2] = "Выpучкa1"
    line = shop.refused(capsys)
    assert line.endswith(
        "has no column Выручка; found: id, Период, Выpучкa1; did you mean 'Выpучкa1' (with the "
        "Latin p, a among its letters)?"
    )


def test_odd_letters_of_a_word_are_named(shop):
    customer = shop.put("market_file", 8, SERVICE, "прeмиуум")
    (row,) = shop.run().quarantine
    assert row[2:] == (
        customer, SERVICE, "прeмиуум",
        "must be one of стандарт, премиум (it has the Latin e among its letters); did you mean "
        "премиум?",
    )  # fmt: skip


@pytest.mark.parametrize("header", [UNPAID, "Средний_просмотр_категорий_за_визит"])
def test_header_cut_by_a_database(shop, clean, header):
    written = header.encode()[:63].decode(errors="ignore")
    assert written != header
    shop.rows["market_file"][0][shop.column("market_file", header)] = written
    outcome = shop.run()
    assert said(outcome, header) == [
        f"header {written!r}, cut short by a database, was taken for it"
    ]
    assert_same(outcome, clean)


def test_a_short_beginning_is_no_header(shop, capsys):
    shop.rows["market_file"][0][shop.column("market_file", UNPAID)] = "Неоплаченные_продукты"
    assert f"has no column {UNPAID}; found: " in shop.refused(capsys)


# Misread text


@pytest.mark.parametrize("odd", ["Телефон ☎", "連絡", "Ёлка", "e-mail"])
@pytest.mark.parametrize("table", TABLES)
def test_misread_text_beside_a_header_that_never_was(shop, clean, table, odd):
    for row in shop.rows[table]:
        row.append("да")
    shop.rows[table][0][-1] = "odd header"
    text = scrambled(export_text(shop.rows[table])).replace("odd header", odd)
    shop.place(table, text.encode())
    outcome = shop.run()
    assert_same(outcome, clean)
    assert any("had been read as CP1251 was put right" in text for *_, text in outcome.report)


def test_text_misread_as_western(shop, clean):
    text = export_text(shop.rows["market_file"])
    shop.place("market_file", text.encode().decode("latin-1").encode())
    assert_same(shop.run(), clean)


# Categories as the page shows them


@pytest.mark.parametrize("spelling", [0, 1, 2])
def test_categories_as_the_page_shows_them(shop, clean, spelling):
    values = COLUMNS.by_name["favourite_category"].values
    by_export = {one.export: (code, one.ru, one.en) for code, one in values.items()}
    assert by_export["Косметика и аксесуары"][1] == "Косметика и аксессуары"
    names = {word: shown[spelling] for word, shown in by_export.items()}
    shop.change("market_file", CATEGORY, names.get)
    cells = shop.cells("market_file", CATEGORY)
    other = [cell for cell in cells if cell not in by_export]
    assert other
    outcome = shop.run()
    assert said(outcome, CATEGORY) == [
        f"{len(other)} words are another name of a valid one, such as {other[0]!r}"
    ]
    assert_same(outcome, clean)


@pytest.mark.parametrize(
    ("header", "names"),
    [
        (SERVICE, {"стандарт": "standard", "премиум": "Premium"}),
        (CONSENT, {"да": "yes", "нет": "NO"}),
        (LABEL, {"Снизилась": "1", "Прежний уровень": "0", "": ""}),
    ],
)
def test_words_of_the_project_are_read(shop, clean, header, names):
    shop.change("market_file", header, names.get)
    outcome = shop.run()
    count = sum(cell != "" for cell in shop.cells("market_file", header))
    assert said(outcome, header)[0].startswith(f"{count} words are another name of a valid one")
    assert_same(outcome, clean)


# Containers


@pytest.mark.parametrize("encoding", ["cp866", "koi8-r", "mac_cyrillic"])
@pytest.mark.parametrize("table", ["market_file", "money"])
def test_old_russian_encodings(shop, clean, table, encoding):
    shop.write(table, encoding=encoding)
    outcome = shop.run()
    assert (ADVICE, f"{table}.csv", "", f"read as {encoding}, not UTF-8") in outcome.report
    assert_same(outcome, clean)


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"PK\x03\x04", "an Excel workbook or another zip archive"),
        (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
        (b"\x1f\x8b", "packed by gzip without the ending .gz"),
        (b"PAR1", "Parquet without the ending .parquet"),
    ],
)
def test_files_that_are_no_text(shop, capsys, start, what):
    shop.place("money", start + bytes(range(200)))
    assert shop.refused(capsys) == (
        f"error: data/sample/money.csv is {what}, no text; export it as CSV"
    )
