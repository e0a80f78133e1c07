"""One fault planted into a clean export: the exact repair, or the exact words the user reads."""

import io
import random

import numpy as np
import pandas as pd
import pytest

from dictionary import COLUMNS, TABLES
from helpers import export_text, scrambled

pytestmark = pytest.mark.slow
ENCODINGS = {
    "utf-8-sig": "utf-8-sig",
    "utf-16-le with mark": "utf-16",
    "utf-16-be with mark": "utf-16",
    "utf-16-le": "utf-16-le",
    "utf-16-be": "utf-16-be",
    "cp1251": "cp1251",
}
MARKS = {"utf-16-le with mark": b"\xff\xfe", "utf-16-be with mark": b"\xfe\xff"}
ADVICE, WARNING, ERROR = "advice", "warning", "error"
SERVICE, CONSENT, LABEL = "Тип сервиса", "Разрешить сообщать", "Покупательская активность"
CATEGORY, PAGES, PROMO = "Популярная_категория", "Страниц_за_визит", "Акционные_покупки"
REVENUE, MINUTES, PROFIT = "Выручка", "минут", "Прибыль"
PROFIT_RULE = "must be a number from -1e+12 to 1e+12"
AMOUNTS = {"market_file": PROMO, "market_money": REVENUE, "market_time": MINUTES, "money": PROFIT}


def assert_same(outcome, clean):
    """The fault was mended: nobody is set aside and every value is the clean export's."""
    assert outcome.aside == {}
    assert outcome.quarantine == []
    pd.testing.assert_frame_equal(outcome.by_id, clean.by_id)


def assert_mended(outcome, clean, *report):
    assert outcome.report == sorted(report)
    assert_same(outcome, clean)


def assert_others_same(outcome, clean, *ids):
    """All customers but `ids` are kept, with the clean export's values."""
    pd.testing.assert_frame_equal(outcome.by_id, clean.by_id.drop(index=list(ids)))


def test_clean_export_has_nothing_to_report(clean):
    assert clean.report == []
    assert clean.aside == {}
    assert clean.quarantine == []
    assert clean.metrics["findings"] == {"error": 0, "warning": 0, "advice": 0}
    assert clean.metrics["customers_in"] == clean.metrics["customers_kept"] == 620
    assert clean.metrics["rows"] == {
        "market_file": 620,
        "market_money": 1860,
        "market_time": 1240,
        "money": 620,
    }


# Readers: encodings, separators, line ends


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("table", ["market_file", "money"])
def test_encoding(shop, clean, name, table):
    codec = name.removesuffix(" with mark")
    text = export_text(shop.rows[table])
    shop.place(table, MARKS.get(name, b"") + text.encode(codec))
    said = f"read as {ENCODINGS[name]}, not UTF-8"
    assert_mended(shop.run(), clean, (ADVICE, f"{table}.csv", "", said))


@pytest.mark.parametrize(
    ("table", "mark"), [*((table, "") for table in TABLES), ("money", "\ufeff")]
)
def test_utf8_once_read_as_cp1251(shop, clean, table, mark):
    text = scrambled(mark + export_text(shop.rows[table]))
    shop.place(table, text.encode("utf-8"))
    shown = text.splitlines()[0][:40]
    said = f"UTF-8 text that had been read as CP1251 was put right, such as {shown!r}"
    assert_mended(shop.run(), clean, (ADVICE, f"{table}.csv", "", said))


def test_scrambled_letters_that_cp1251_lacks(shop, clean):
    """The capital И is D0 98 in UTF-8, and CP1251 has no letter 98."""
    for row in shop.rows["money"]:
        row.append("Имя")
    shop.place("money", scrambled(export_text(shop.rows["money"])).encode("utf-8"))
    outcome = shop.run()
    pd.testing.assert_frame_equal(outcome.by_id, clean.by_id)
    extra, mended = sorted(outcome.report)
    assert extra[3] == "1 columns that are not part of the export were left out: Имя"
    assert mended[3].startswith("UTF-8 text that had been read as CP1251 was put right")


@pytest.mark.parametrize(("separator", "word"), [(";", "semicolon"), ("\t", "tab")])
@pytest.mark.parametrize("table", TABLES)
def test_separator(shop, clean, table, separator, word):
    shop.write(table, separator=separator)
    said = f"cells are separated by {word}"
    assert_mended(shop.run(), clean, (ADVICE, f"{table}.csv", "", said))


def test_separator_inside_quoted_words(shop, clean):
    for row in shop.rows["money"]:
        row.append("Иванов, Пётр; VIP")
    shop.rows["money"][0][-1] = "Имя, фамилия"
    shop.write("money")
    said = "1 columns that are not part of the export were left out: Имя, фамилия"
    assert_mended(shop.run(), clean, (ADVICE, "money.csv", "", said))


@pytest.mark.parametrize("table", TABLES)
def test_line_ends_of_windows(shop, clean, table):
    shop.write(table, end="\r\n")
    assert_mended(shop.run(), clean)


def test_last_line_without_end(shop, clean):
    shop.place("money", export_text(shop.rows["money"]).rstrip("\n").encode())
    assert_mended(shop.run(), clean)


@pytest.mark.parametrize("table", TABLES)
def test_every_cell_quoted(shop, clean, table):
    shop.write(table, quoted=True)
    assert_mended(shop.run(), clean)


@pytest.mark.parametrize(
    ("first", "mark"), [("sep=;", ""), ('"sep=;"', ""), ("sep=;", "\ufeff"), ("sep=;\r", "")]
)
def test_line_that_excel_puts_first(shop, clean, first, mark):
    text = mark + first + "\n" + export_text(shop.rows["money"], separator=";")
    shop.place("money", text.encode("utf-8"))
    outcome = shop.run()
    assert_same(outcome, clean)
    said = [text for *_, text in outcome.report if "Excel" in text]
    assert said == [f"the line {first.rstrip()!r} that Excel puts first was passed over"]
    assert (ADVICE, "money.csv", "", "cells are separated by semicolon") in outcome.report


@pytest.mark.parametrize(
    ("lines", "end"),
    [([2], "\n"), ([5, 6, 300], "\n"), ([5, 300], "\r\n"), ([-1], "\r\n"), ([-1, -1, -1], "\n")],
)
def test_blank_lines(shop, clean, lines, end):
    text = export_text(shop.rows["market_money"], end=end).split(end)[:-1]
    for line in lines:
        text.insert(len(text) if line < 0 else line, "")
    shop.place("market_money", (end.join(text) + end).encode("utf-8"))
    assert_mended(shop.run(), clean)


def test_blank_lines_count_as_lines(shop):
    text = export_text(shop.rows["money"]).split("\n")
    broken = text[9].split(",")[0]
    text[9] = f"{broken},много"
    text[3:3] = ["", "   "]
    shop.place("money", "\n".join(text).encode("utf-8"))
    assert shop.run().quarantine == [("money.csv", "12", broken, PROFIT, "много", PROFIT_RULE)]


def test_lines_are_counted_below_the_line_of_excel(shop):
    broken = shop.put("money", 10, PROFIT, "много")
    text = "sep=;\n" + export_text(shop.rows["money"], separator=";")
    shop.place("money", text.encode("utf-16"))
    assert shop.run().quarantine == [("money.csv", "11", broken, PROFIT, "много", PROFIT_RULE)]


@pytest.mark.parametrize("odd", ["\u2028", "\x85", "\x0b", "\x1c"])
def test_odd_line_separators_inside_a_cell_end_no_line(shop, odd):
    word = f"Посуда{odd}детская"
    shop.put("market_file", 4, CATEGORY, word)
    first = shop.rows["market_file"][4][0]
    shop.rows["market_file"][4].append("лишняя")
    outcome = shop.run()
    assert outcome.quarantine == [
        ("market_file.csv", "5", first, "", "14 cells", "must have 13 cells")
    ]
    assert word in set(outcome.customers["favourite_category"])


def test_cell_of_two_lines_harms_no_other_row(shop, clean):
    for place, row in enumerate(shop.rows["money"]):
        row.append("звонить\nутром" if place == 7 else "нет")
    shop.rows["money"][0][-1] = "Примечание"
    shop.write("money")
    outcome = shop.run()
    broken = shop.rows["money"][7][0]
    others = clean.by_id.drop(index=broken)
    pd.testing.assert_frame_equal(outcome.by_id.drop(index=broken, errors="ignore"), others)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("places", [[3], [3, 40]])
def test_stray_quotes_harm_no_other_row(shop, clean, table, places):
    """One never closed, or two far apart: nothing behind them may be swallowed."""
    lines = export_text(shop.rows[table]).split("\n")
    ids = [lines[place].split(",")[0] for place in places]
    for place in places:
        head, _, tail = lines[place].rpartition(",")
        lines[place] = f'{head},"{tail}'
    shop.place(table, "\n".join(lines).encode("utf-8"))
    outcome = shop.run()
    assert outcome.metrics["rows"][table] == len(shop.rows[table]) - 1
    others = clean.by_id.drop(index=ids)
    pd.testing.assert_frame_equal(outcome.by_id.drop(index=ids, errors="ignore"), others)


@pytest.mark.parametrize("odd", ["лишняя\rячейка", "x" * 200_000])
def test_cr_or_a_huge_cell_in_a_ragged_row_harm_no_other(shop, clean, odd):
    shop.rows["money"][9].append(odd)
    broken = shop.rows["money"][9][0]
    outcome = shop.run()
    assert outcome.quarantine[0][:3] == ("money.csv", "10", broken)
    others = clean.by_id.drop(index=broken)
    pd.testing.assert_frame_equal(outcome.by_id.drop(index=broken, errors="ignore"), others)


# Readers: columns


@pytest.mark.parametrize(
    "names", [["Unnamed: 0"], [""], ["Unnamed: 0.1", "Unnamed: 0", ""], ["", ""], ["index"]]
)
@pytest.mark.parametrize("table", ["market_file", "money"])
def test_leftover_index_columns(shop, clean, table, names):
    for place, row in enumerate(shop.rows[table]):
        row[:0] = [str(place - 1)] * len(names) if place else names
    shown = ", ".join(map(repr, names))
    said = f"{len(names)} leftover index columns were left out: {shown}"
    assert_mended(shop.run(), clean, (ADVICE, f"{table}.csv", "", said))


def test_ragged_row_behind_an_index_column_names_its_customer(shop, clean):
    for place, row in enumerate(shop.rows["market_file"]):
        row.insert(0, str(place - 1) if place else "")
    broken = shop.rows["market_file"][6][1]
    shop.rows["market_file"][6].append("лишняя")
    outcome = shop.run()
    assert outcome.quarantine == [
        ("market_file.csv", "7", broken, "", "15 cells", "must have 14 cells")
    ]
    assert outcome.aside == {"quarantined": 1}
    assert outcome.metrics["customers_in"] == 620
    assert_others_same(outcome, clean, broken)


@pytest.mark.parametrize(
    ("table", "header", "written"),
    [
        ("market_file", "Тип сервиса", "ТИП СЕРВИСА"),
        ("market_file", "Страниц_за_визит", "Страниц за визит"),
        ("market_file", "Разрешить сообщать", " разрешить_сообщать "),
        ("market_file", "Маркет_актив_6_мес", "Маркет_актив 6  мес"),
        ("market_file", "Длительность", "Длительность\u00a0"),
        ("market_file", "id", "ID"),
        ("market_money", "Выручка", "выручка"),
        ("market_time", "минут", "Минут"),
        ("money", "Прибыль", "\u200bПРИБЫЛЬ"),
    ],
)
def test_headers_written_otherwise(shop, clean, table, header, written):
    shop.rows[table][0][shop.column(table, header)] = written
    said = f"header {written!r} was taken for it"
    assert_mended(shop.run(), clean, (ADVICE, f"{table}.csv", header, said))


@pytest.mark.parametrize("table", TABLES)
def test_columns_in_any_order(shop, clean, table):
    order = list(range(len(shop.rows[table][0])))
    random.Random(1).shuffle(order)
    assert order != sorted(order)
    shop.rows[table] = [[row[place] for place in order] for row in shop.rows[table]]
    assert_mended(shop.run(), clean)


def test_rows_in_any_order(shop, clean):
    for rows in shop.rows.values():
        body = rows[1:]
        random.Random(2).shuffle(body)
        rows[1:] = body
    assert_mended(shop.run(), clean)


def test_extra_columns_are_left_out_and_named(shop, clean):
    for row in shop.rows["market_money"]:
        row.insert(1, "Москва")
        row.append("7")
    shop.rows["market_money"][0] = ["id", "Город", "Период", "Выручка", "Чеков"]
    said = "2 columns that are not part of the export were left out: Город, Чеков"
    assert_mended(shop.run(), clean, (ADVICE, "market_money.csv", "", said))


# Readers: containers


@pytest.mark.parametrize("table", TABLES)
def test_gzip(shop, clean, table):
    shop.place(table, export_text(shop.rows[table]).encode("utf-8"), ending=".csv.gz")
    assert_mended(shop.run(), clean)


def typed(rows):
    frame = pd.DataFrame(rows[1:], columns=rows[0])
    for name in frame:
        numbers = pd.to_numeric(frame[name], errors="coerce")
        if numbers.notna().all():
            frame[name] = numbers
    return frame


def as_parquet(frame, **options):
    buffer = io.BytesIO()
    frame.to_parquet(buffer, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("table", TABLES)
def test_parquet(shop, clean, table):
    frame = typed(shop.rows[table])
    assert frame["id"].dtype == "int64"
    shop.place(table, as_parquet(frame, index=False), ending=".parquet")
    assert_mended(shop.run(), clean)


def test_parquet_of_floats_words_as_codes_and_missing_cells(shop, clean):
    frame = typed(shop.rows["market_file"]).astype({"id": "float64"})
    frame[SERVICE] = frame[SERVICE].astype("category")
    frame[LABEL] = frame[LABEL].where(frame[LABEL] != "", None)
    shop.place("market_file", as_parquet(frame, index=False), ending=".parquet")
    assert_same(shop.run(), clean)


def test_parquet_with_its_index(shop, clean):
    frame = typed(shop.rows["money"]).sample(frac=1, random_state=1)
    shop.place("money", as_parquet(frame, index=True), ending=".parquet")
    said = "1 leftover index columns were left out: '__index_level_0__'"
    assert_mended(shop.run(), clean, (ADVICE, "money.parquet", "", said))


# Cells: numbers


@pytest.mark.parametrize("table", ["market_file", "market_money", "money"])
@pytest.mark.parametrize("quoted", [True, False])
def test_decimal_comma(shop, clean, table, quoted):
    separator = "," if quoted else ";"
    shop.write(table, decimal=",", separator=separator, quoted=quoted)
    report = []
    for header in shop.rows[table][0]:
        cells = [cell.replace(".", ",") for cell in shop.cells(table, header) if "." in cell]
        if cells:
            said = f"{len(cells)} numbers have a decimal comma, such as {cells[0]!r}"
            report.append((ADVICE, f"{table}.csv", header, said))
    assert report
    if not quoted:
        report.append((ADVICE, f"{table}.csv", "", "cells are separated by semicolon"))
    outcome = shop.run()
    assert sorted(outcome.report) == sorted(report)
    assert_same(outcome, clean)


def grouped(space, *, decimal="."):
    def change(cell):
        return f"{float(cell):,.1f}".replace(".", "d").replace(",", space).replace("d", decimal)

    return change


@pytest.mark.parametrize(
    ("space", "decimal"),
    [
        ("\u00a0", "."),
        ("\u202f", "."),
        ("\u2009", "."),
        (" ", "."),
        (",", "."),
        ("\u00a0", ","),
        ("\u202f", ","),
        (".", ","),
    ],
)
def test_separated_thousands(shop, clean, space, decimal):
    shop.change("market_money", REVENUE, grouped(space, decimal=decimal))
    example = shop.cells("market_money", REVENUE)[0]
    said = f"1860 numbers have separated thousands, such as {example!r}"
    assert_mended(shop.run(), clean, (ADVICE, "market_money.csv", REVENUE, said))


def test_thousands_by_comma_without_decimals_beside_points(shop, clean):
    """One cell with both marks settles what the comma of the others means."""
    whole = [cell for cell in shop.cells("market_money", REVENUE) if cell.endswith(".0")]
    assert len(whole) > 10

    def change(cell):
        return grouped(",")(cell).removesuffix(".0") if cell.endswith(".0") else grouped(",")(cell)

    shop.change("market_money", REVENUE, change)
    example = shop.cells("market_money", REVENUE)[0]
    said = f"1860 numbers have separated thousands, such as {example!r}"
    assert_mended(shop.run(), clean, (ADVICE, "market_money.csv", REVENUE, said))


@pytest.mark.parametrize(
    ("table", "space"), list(zip(TABLES, [" ", "\u00a0", "\u202f", "\t"], strict=True))
)
def test_stray_spaces(shop, clean, table, space):
    header = AMOUNTS[table]
    shop.change(table, header, lambda cell: space + cell + space)
    first, count = shop.cells(table, header)[0], len(shop.rows[table]) - 1
    said = f"{count} cells had spaces around or inside, such as {first!r}"
    assert_mended(shop.run(), clean, (ADVICE, f"{table}.csv", header, said))


@pytest.mark.parametrize("header", ["id", LABEL, CATEGORY])
def test_stray_spaces_around_ids_and_words(shop, clean, header):
    shop.put("market_file", 3, header, "\u00a0" + shop.rows["market_file"][2][
        shop.column("market_file", header)] + " ")  # fmt: skip
    first = shop.rows["market_file"][2][shop.column("market_file", header)]
    said = f"1 cells had spaces around or inside, such as {first!r}"
    assert_mended(shop.run(), clean, (ADVICE, "market_file.csv", header, said))


@pytest.mark.parametrize("table", TABLES)
def test_ids_written_as_floats(shop, clean, table):
    shop.change(table, "id", lambda cell: f"{cell}.0")
    example, count = shop.cells(table, "id")[0], len(shop.rows[table]) - 1
    said = f"{count} customer ids are written in another form, such as {example!r}"
    assert_mended(shop.run(), clean, (ADVICE, f"{table}.csv", "id", said))


def test_ids_with_thousands(shop, clean):
    shop.change("money", "id", lambda cell: f"{cell[:3]}\u00a0{cell[3:]}")
    example = shop.cells("money", "id")[0]
    said = f"620 customer ids are written in another form, such as {example!r}"
    assert_mended(shop.run(), clean, (ADVICE, "money.csv", "id", said))


@pytest.mark.parametrize("written", ["{}.0", " {}", "{}\u00a0"])
def test_ragged_row_names_its_customer_as_the_other_files_do(shop, clean, written):
    broken = shop.rows["market_file"][8][0]
    shop.change("market_file", "id", written.format)
    shop.rows["market_file"][8].append("лишняя")
    outcome = shop.run()
    assert [row[1:3] for row in outcome.quarantine] == [("9", broken)]
    assert outcome.metrics["customers_in"] == 620
    assert outcome.aside == {"quarantined": 1}
    assert_others_same(outcome, clean, broken)


# Cells: words and missing marks


@pytest.mark.parametrize(
    ("table", "header", "written", "right"),
    [
        ("market_file", SERVICE, "стандартт", "стандарт"),
        ("market_time", "Период", "предыдцщий_месяц", "предыдущий_месяц"),
    ],
)
def test_known_misspelling(shop, clean, table, header, written, right):
    lines = [n for n, cell in enumerate(shop.cells(table, header), start=2) if cell == right][:3]
    for line in lines:
        shop.put(table, line, header, written)
    said = f"3 known misspellings were mended, such as {written!r}"
    assert_mended(shop.run(), clean, (ADVICE, f"{table}.csv", header, said))


def test_misspelling_added_to_the_params(shop, clean):
    shop.change("market_file", CONSENT, {"да": "согласен", "нет": "нет"}.get)
    shop.param("    service:\n", "    consent:\n      согласен: да\n    service:\n")
    count = shop.cells("market_file", CONSENT).count("согласен")
    said = f"{count} known misspellings were mended, such as 'согласен'"
    assert_mended(shop.run(), clean, (ADVICE, "market_file.csv", CONSENT, said))


MARKED = ("н/д", "Н/Д", "нет данных", "NA", "n/a", "NaN", "NULL", "None", "#N/A", "<NA>", "-")


def test_missing_marks(shop, clean):
    customers = [shop.put("market_file", n, PAGES, mark) for n, mark in enumerate(MARKED, start=5)]
    outcome = shop.run()
    texts = (
        "11 cells are empty; the model fills them and knows that it did",
        "11 cells say that they are missing, such as 'н/д'",
    )
    assert outcome.report == [(ADVICE, "market_file.csv", PAGES, text) for text in texts]
    expected = clean.by_id.copy()
    expected.loc[customers, "pages_per_visit"] = np.nan
    pd.testing.assert_frame_equal(outcome.by_id, expected)


def test_missing_cells_are_kept(shop, clean):
    """One of another customer in every column but the label."""
    columns = [c for c in COLUMNS.all if c.table in ("market_file", "money") and c.kind != "id"]
    expected, report = clean.by_id.copy(), []
    for line, column in enumerate((c for c in columns if c.name != "drop"), start=20):
        customer = shop.put(column.table, line, column.header, "")
        expected.loc[customer, column.name] = np.nan
        said = "1 cells are empty; the model fills them and knows that it did"
        report.append((ADVICE, f"{column.table}.csv", column.header, said))
    outcome = shop.run()
    assert len(report) == 12
    assert sorted(outcome.report) == sorted(report)
    pd.testing.assert_frame_equal(outcome.by_id, expected)


def test_missing_label_is_a_score_row(shop, clean):
    labelled = [n for n, cell in enumerate(shop.cells("market_file", LABEL), start=2) if cell]
    customer = shop.put("market_file", labelled[0], LABEL, "")
    outcome = shop.run()
    assert outcome.report == []
    assert outcome.metrics["kept"]["score"] == clean.metrics["kept"]["score"] + 1
    assert pd.isna(outcome.by_id.loc[customer, "drop"])
    behaviour = outcome.by_id.drop(columns="drop")
    pd.testing.assert_frame_equal(behaviour, clean.by_id.drop(columns="drop"))


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("Зоотовары", "Зоотовары"),
        ("Товары для дитей", "Товары для дитей (≈ Товары для детей)"),
    ],
)
def test_new_category_is_kept_with_a_warning(shop, clean, word, shown):
    customers = [shop.put("market_file", line, CATEGORY, word) for line in (30, 31)]
    outcome = shop.run()
    said = f"2 customers have a category that is new, such as {shown!r}"
    assert outcome.report == [(WARNING, "market_file.csv", CATEGORY, said)]
    expected = clean.by_id.copy()
    expected.loc[customers, "favourite_category"] = word
    pd.testing.assert_frame_equal(outcome.by_id, expected)


# Rows that break a rule


OUT_OF_RANGE = [
    ("market_file", "Маркет_актив_6_мес", "-0.1", "must be a number from 0 to 100"),
    ("market_file", "Маркет_актив_6_мес", "100.5", "must be a number from 0 to 100"),
    ("market_file", "Маркет_актив_тек_мес", "4.5", "must be a whole number from 0 to 100"),
    ("market_file", "Длительность", "36526", "must be a whole number from 0 to 36525"),
    ("market_file", "Длительность", "-1", "must be a whole number from 0 to 36525"),
    ("market_file", PROMO, "1.01", "must be a number from 0 to 1"),
    ("market_file", PROMO, "много", "must be a number from 0 to 1"),
    ("market_file", "Средний_просмотр_категорий_за_визит", "1001",
     "must be a number from 0 to 1000"),
    ("market_file", "Неоплаченные_продукты_штук_квартал", "2.5",
     "must be a whole number from 0 to 100000"),
    ("market_file", "Ошибка_сервиса", "-3", "must be a whole number from 0 to 100000"),
    ("market_file", PAGES, "10001", "must be a number from 0 to 10000"),
    ("market_file", PAGES, "1e999", "must be a number from 0 to 10000"),
    ("market_file", PAGES, "inf", "must be a number from 0 to 10000"),
    ("market_file", PAGES, "12 шт", "must be a number from 0 to 10000"),
    ("market_money", REVENUE, "-0.01", "must be a number from 0 to 1e+12"),
    ("market_money", REVENUE, "4.932.8", "must be a number from 0 to 1e+12"),
    ("market_money", REVENUE, "1.1e12", "must be a number from 0 to 1e+12"),
    ("market_time", MINUTES, "44641", "must be a number from 0 to 44640"),
    ("market_time", MINUTES, "1:30", "must be a number from 0 to 44640"),
    ("money", PROFIT, "#ABC!", PROFIT_RULE),
    ("money", PROFIT, "=A1", PROFIT_RULE),
    ("money", PROFIT, "-1e308", PROFIT_RULE),
]  # fmt: skip


@pytest.mark.parametrize(("table", "header", "value", "rule"), OUT_OF_RANGE)
def test_number_out_of_range(shop, clean, table, header, value, rule):
    customer = shop.put(table, 40, header, value)
    outcome = shop.run()
    assert outcome.quarantine == [(f"{table}.csv", "40", customer, header, value, rule)]
    assert outcome.report == [
        (ERROR, f"{table}.csv", header, f"1 cells break a rule, such as line 40: {value!r} {rule}")
    ]
    assert outcome.aside == {"quarantined": 1}
    assert_others_same(outcome, clean, customer)


SERVICES, CONSENTS = "must be one of стандарт, премиум", "must be one of да, нет"
LABELS = "must be one of Снизилась, Прежний уровень"


@pytest.mark.parametrize(
    ("header", "value", "rule"),
    [
        (SERVICE, "премум", f"{SERVICES}; did you mean премиум?"),
        (SERVICE, "золотой", SERVICES),
        (LABEL, "Снизелась", f"{LABELS}; did you mean Снизилась?"),
        (LABEL, "Прежний урвень", f"{LABELS}; did you mean Прежний уровень?"),
        (LABEL, "?", LABELS),
        (CONSENT, "неет", f"{CONSENTS}; did you mean нет?"),
        (CONSENT, "1", CONSENTS),
    ],
)
def test_unknown_word(shop, clean, header, value, rule):
    customer = shop.put("market_file", 50, header, value)
    outcome = shop.run()
    assert outcome.quarantine == [("market_file.csv", "50", customer, header, value, rule)]
    said = f"1 cells break a rule, such as line 50: {value!r} {rule}"
    assert outcome.report == [(ERROR, "market_file.csv", header, said)]
    assert outcome.aside == {"quarantined": 1}
    assert_others_same(outcome, clean, customer)


MONEY_MONTHS = "must be one of препредыдущий_месяц, предыдущий_месяц, текущий_месяц"
TIME_MONTHS = "must be one of предыдущий_месяц, текущий_месяц"


@pytest.mark.parametrize(
    ("table", "value", "rule"),
    [
        ("market_money", "март", MONEY_MONTHS),
        ("market_money", "текуший_месяц", f"{MONEY_MONTHS}; did you mean текущий_месяц?"),
        ("market_time", "март", TIME_MONTHS),
        ("market_time", "препредыдущий_месяц", f"{TIME_MONTHS}; did you mean предыдущий_месяц?"),
        ("market_time", "", TIME_MONTHS),
    ],
)
def test_unknown_month(shop, clean, table, value, rule):
    customer = shop.put(table, 60, "Период", value)
    outcome = shop.run()
    assert outcome.quarantine == [(f"{table}.csv", "60", customer, "Период", value, rule)]
    assert outcome.report[0] == (
        ERROR, f"{table}.csv", "Период",
        f"1 cells break a rule, such as line 60: {value!r} {rule}",
    )  # fmt: skip
    assert outcome.aside == {"quarantined": 1}
    assert_others_same(outcome, clean, customer)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("extra", [1, -1])
def test_ragged_row(shop, clean, table, extra):
    row = shop.rows[table][8]
    width = len(row)
    row[:] = [*row, "лишняя"] if extra > 0 else row[:-1]
    outcome = shop.run()
    rule = f"must have {width} cells"
    assert outcome.quarantine == [(f"{table}.csv", "9", row[0], "", f"{width + extra} cells", rule)]
    said = f"1 rows have too many or too few cells: line 9 has {width + extra} cells"
    assert outcome.report == [(ERROR, f"{table}.csv", "", said)]
    assert outcome.aside == {"quarantined": 1}
    assert outcome.metrics["rows"] == {t: len(shop.rows[t]) - 1 for t in TABLES}
    assert_others_same(outcome, clean, row[0])


@pytest.mark.parametrize(("table", "value"), [*((t, "") for t in TABLES), ("money", "н/д")])
def test_empty_id(shop, clean, table, value):
    customer = shop.rows[table][69][0]
    shop.put(table, 70, "id", value)
    outcome = shop.run()
    rule = "must not be empty"
    assert outcome.quarantine == [(f"{table}.csv", "70", "", "id", value, rule)]
    said = f"1 cells break a rule, such as line 70: {value!r} {rule}"
    assert (ERROR, f"{table}.csv", "id", said) in outcome.report
    assert outcome.metrics["customers_in"] == 620
    kept = {"market_file": "no_behaviour", "market_money": "no_revenue"}.get(table)
    assert outcome.aside == ({kept: 1} if kept else {})
    others = clean.by_id.drop(index=customer)
    pd.testing.assert_frame_equal(outcome.by_id.drop(index=customer, errors="ignore"), others)


@pytest.mark.parametrize("table", TABLES)
def test_exact_duplicate_is_dropped(shop, clean, table):
    shop.rows[table].append(list(shop.rows[table][5]))
    shop.rows[table].insert(9, list(shop.rows[table][5]))
    customer = shop.rows[table][5][0]
    said = f"2 rows stand twice and were dropped once, such as customer {customer}"
    assert_mended(shop.run(), clean, (ADVICE, f"{table}.csv", "", said))


@pytest.mark.parametrize(
    ("table", "value"),
    [("market_file", "0.5"), ("market_money", "5000.5"), ("market_time", "3"), ("money", "-1.5")],
)
def test_conflicting_duplicate(shop, clean, table, value):
    shop.rows[table].append(list(shop.rows[table][5]))
    last = len(shop.rows[table])
    customer = shop.put(table, last, AMOUNTS[table], value)
    outcome = shop.run()
    rule = "must stand once a month" if "market_" in table and table != "market_file" else (
        "must stand once")  # fmt: skip
    assert outcome.quarantine == [
        (f"{table}.csv", line, customer, "id", customer, rule) for line in ("6", str(last))
    ]
    said = f"2 rows contradict another row of the same customer, such as {customer}"
    assert outcome.report == [(ERROR, f"{table}.csv", "", said)]
    assert outcome.aside == {"quarantined": 1}
    assert_others_same(outcome, clean, customer)


def test_many_broken_rows_up_to_the_limit_go_on(shop, clean):
    ids = [shop.put("market_file", line, PAGES, "-1") for line in range(2, 33)]
    outcome = shop.run()
    assert outcome.aside == {"quarantined": 31}
    assert len(outcome.quarantine) == 31
    assert_others_same(outcome, clean, *ids)


def test_too_many_broken_rows_stop_and_leave_the_quarantine(shop, capsys):
    ids = [shop.put("market_file", line, PAGES, "-1") for line in range(2, 34)]
    rule = "must be a number from 0 to 10000"
    assert shop.refused(capsys) == (
        "error: 32 of 620 customers break a rule, more than params prepare.max_quarantined (5%); "
        f"the first: market_file.csv line 2, {PAGES}: '-1' {rule}; "
        "data/prepared/quarantine.csv lists them all"
    )
    assert shop.quarantine() == [
        ("market_file.csv", str(line), customer, PAGES, "-1", rule)
        for line, customer in enumerate(ids, start=2)
    ]


def test_two_faults_of_one_row_are_both_named(shop):
    customer = shop.put("market_file", 50, PAGES, "-1")
    shop.put("market_file", 50, CONSENT, "может быть")
    outcome = shop.run()
    assert sorted(row[3] for row in outcome.quarantine) == [CONSENT, PAGES]
    assert {row[2] for row in outcome.quarantine} == {customer}
    assert outcome.aside == {"quarantined": 1}


# Rules of the business


@pytest.mark.parametrize("table", TABLES)
def test_customer_missing_in_one_file(shop, clean, table):
    customer = shop.rows["money"][15][0]
    shop.rows[table] = [row for row in shop.rows[table] if row[0] != customer]
    outcome = shop.run()
    said = f"1 customers of the other files are missing, such as {customer}"
    assert outcome.report == [(WARNING, f"{table}.csv", "", said)]
    assert outcome.metrics["customers_in"] == 620
    reason = {"market_file": "no_behaviour", "market_money": "no_revenue"}.get(table)
    if reason:
        assert outcome.aside == {reason: 1}
        assert_others_same(outcome, clean, customer)
    else:
        assert outcome.aside == {}
        expected = clean.by_id.copy()
        lost = ["profit"] if table == "money" else ["minutes_m1", "minutes_m0"]
        expected.loc[customer, lost] = np.nan
        pd.testing.assert_frame_equal(outcome.by_id, expected)


def test_customer_in_one_file_only(shop, clean):
    shop.rows["money"].append(["999999", "3.5"])
    outcome = shop.run()
    said = "1 customers of the other files are missing, such as 999999"
    missing = ("market_file", "market_money", "market_time")
    assert outcome.report == [(WARNING, f"{table}.csv", "", said) for table in missing]
    assert outcome.metrics["customers_in"] == 621
    assert outcome.aside == {"no_behaviour": 1}
    assert_others_same(outcome, clean)


@pytest.mark.parametrize("table", ["market_money", "market_time"])
def test_month_missing_for_one_customer(shop, clean, table):
    customer, month, _ = shop.rows[table].pop(25)
    outcome = shop.run()
    said = f"1 customers lack a month, such as {customer}"
    assert outcome.report == [(WARNING, f"{table}.csv", "", said)]
    if table == "market_money":
        assert outcome.aside == {"no_revenue": 1}
        assert_others_same(outcome, clean, customer)
    else:
        expected = clean.by_id.copy()
        name = "minutes_m0" if month == "текущий_месяц" else "minutes_m1"
        expected.loc[customer, name] = np.nan
        pd.testing.assert_frame_equal(outcome.by_id, expected)


@pytest.mark.parametrize(
    ("table", "month", "found"),
    [
        ("market_money", "препредыдущий_месяц", "предыдущий_месяц, текущий_месяц"),
        ("market_time", "текущий_месяц", "предыдущий_месяц"),
    ],
)
def test_month_missing_wholly(shop, capsys, table, month, found):
    shop.rows[table] = [row for row in shop.rows[table] if row[1] != month]
    assert shop.refused(capsys) == (
        f"error: {table}.csv has no rows of month {month}; found: {found}"
    )


@pytest.mark.parametrize("value", ["0", "0.0", "-0"])
def test_customer_without_revenue_in_a_month(shop, clean, value):
    customer = shop.put("market_money", 33, REVENUE, value)
    outcome = shop.run()
    said = f"1 customers had no revenue in some month, such as {customer}: set aside"
    assert outcome.report == [(ADVICE, "", "", said)]
    assert outcome.aside == {"not_regular": 1}
    assert_others_same(outcome, clean, customer)


def test_customer_without_revenue_in_a_month_kept_by_param(shop, clean):
    shop.param("regular_only: true", "regular_only: false")
    customer = shop.put("market_money", 33, REVENUE, "0")
    outcome = shop.run()
    assert outcome.report == []
    assert outcome.aside == {}
    assert (outcome.by_id.loc[customer, ["revenue_m2", "revenue_m1", "revenue_m0"]] == 0).sum() == 1
    pd.testing.assert_frame_equal(outcome.by_id.drop(index=customer),
                                  clean.by_id.drop(index=customer))  # fmt: skip


@pytest.mark.parametrize("line", [33, 34, 35])
def test_entry_error_in_any_month(shop, clean, line):
    before = float(shop.rows["market_money"][line - 1][2])
    customer = shop.put("market_money", line, REVENUE, f"{before * 20:.1f}")
    outcome = shop.run()
    said = f"1 customers have a revenue that must be an entry error, such as {customer}: set aside"
    assert outcome.report == [(ADVICE, "", "", said)]
    assert outcome.aside == {"entry_error": 1}
    assert_others_same(outcome, clean, customer)


def test_entry_error_follows_its_param(shop, clean):
    shop.param("entry_error_distance: 10", "entry_error_distance: 1000")
    before = float(shop.rows["market_money"][32][2])
    shop.put("market_money", 33, REVENUE, f"{before * 20:.1f}")
    outcome = shop.run()
    assert outcome.aside == {}
    assert len(outcome.customers) == len(clean.customers)


IDLE = "1 customers spent 0 minutes in some month, such as "


def test_zero_minutes_kept(shop):
    customer = shop.put("market_time", 44, MINUTES, "0")
    outcome = shop.run()
    assert outcome.report == [(ADVICE, "", "", IDLE + customer)]
    assert outcome.aside == {}
    assert (outcome.by_id.loc[customer, ["minutes_m1", "minutes_m0"]] == 0).sum() == 1


def test_zero_minutes_taken_as_missing(shop, clean):
    shop.param("zero_minutes: keep", "zero_minutes: missing")
    customer = shop.put("market_time", 44, MINUTES, "0")
    outcome = shop.run()
    assert outcome.report == [(ADVICE, "", "", IDLE + customer)]
    assert outcome.aside == {}
    name = "minutes_m0" if shop.rows["market_time"][43][1] == "текущий_месяц" else "minutes_m1"
    expected = clean.by_id.copy()
    expected.loc[customer, name] = np.nan
    pd.testing.assert_frame_equal(outcome.by_id, expected)


def test_zero_minutes_set_aside(shop, clean):
    shop.param("zero_minutes: keep", "zero_minutes: set_aside")
    customer = shop.put("market_time", 44, MINUTES, "0")
    outcome = shop.run()
    assert outcome.report == [(ADVICE, "", "", IDLE + customer)]
    assert outcome.aside == {"no_minutes": 1}
    assert_others_same(outcome, clean, customer)


@pytest.mark.parametrize(("table", "header"), [("market_time", MINUTES), ("money", PROFIT)])
def test_incomplete_set_aside_by_param(shop, clean, table, header):
    shop.param("incomplete: keep", "incomplete: set_aside")
    customer = shop.put(table, 44, header, "")
    outcome = shop.run()
    assert outcome.aside == {"incomplete": 1}
    assert_others_same(outcome, clean, customer)


@pytest.mark.parametrize("label", ["same", "other"])
def test_twins_are_named(shop, label):
    """Equal in all but id and profit; two labels for one behaviour make no difference."""
    one, two = (row[0] for row in shop.rows["market_file"][10:12])
    behaviour = shop.rows["market_file"][10][1:]
    if label == "other":
        assert behaviour[0] == "Снизилась"
        behaviour[0] = "Прежний уровень"
    shop.rows["market_file"][11][1:] = behaviour
    for table in ("market_money", "market_time"):
        amounts = {row[1]: row[2] for row in shop.rows[table] if row[0] == one}
        for row in shop.rows[table]:
            if row[0] == two:
                row[2] = amounts[row[1]]
    outcome = shop.run()
    assert outcome.aside == {}
    said = (
        f"1 customers equal another one in all but id and profit, such as {two}; "
        "twins share side and fold and are scored once"
    )
    assert outcome.report == ([(WARNING, "", "", said)] if label == "same" else [])
    assert {one, two} <= set(outcome.customers["customer_id"])


# Sizes


def keep_customers(shop, drops, stays, ahead):
    label = dict(zip(shop.cells("market_file", "id"), shop.cells("market_file", LABEL),
                     strict=True))  # fmt: skip
    by_word = {word: [i for i, w in label.items() if w == word] for word in set(label.values())}
    chosen = {
        *by_word["Снизилась"][:drops],
        *by_word["Прежний уровень"][:stays],
        *by_word[""][:ahead],
    }
    for table, rows in shop.rows.items():
        shop.rows[table] = [rows[0], *(row for row in rows[1:] if row[0] in chosen)]


FEW = "only {} labelled customers; with fewer than 500 scores are rough"
FEW_OF_CLASS = "only {} customers of a class; with fewer than 100 scores are rough"


@pytest.mark.parametrize(
    ("drops", "stays", "said"),
    [
        (187, 313, []),
        (186, 313, [FEW.format(499)]),
        (100, 337, [FEW.format(437)]),
        (99, 337, [FEW.format(436), FEW_OF_CLASS.format(99)]),
        (187, 30, [FEW.format(217), FEW_OF_CLASS.format(30)]),
    ],
)
def test_few_customers(shop, drops, stays, said):
    keep_customers(shop, drops, stays, 20)
    outcome = shop.run()
    assert outcome.report == [(WARNING, "", "drop", text) for text in said]
    assert outcome.metrics["kept"] == {"drop": drops, "loyal": stays, "score": 20}


@pytest.mark.parametrize(("drops", "stays"), [(29, 337), (187, 29), (0, 337), (29, 0)])
def test_too_few_customers_stop(shop, capsys, drops, stays):
    keep_customers(shop, drops, stays, 20)
    assert shop.refused(capsys) == (
        f"error: data/sample: of {drops + stays} labelled customers {drops} dropped and {stays} "
        "stayed; at least 30 of each are needed to learn anything"
    )


# What cannot be read for certain


@pytest.mark.parametrize(
    ("table", "first", "second", "name"),
    [
        ("market_file", "Страниц_за_визит", "Страниц за визит", "Страниц_за_визит"),
        ("money", "id", "ID", "id"),
        ("market_money", "Выручка", "Выручка", "Выручка"),
    ],
)
def test_two_columns_of_one_meaning(shop, capsys, table, first, second, name):
    place = shop.column(table, first)
    for row in shop.rows[table]:
        row.append(row[place])
    shop.rows[table][0][-1] = second
    assert shop.refused(capsys) == (
        f"error: data/sample/{table}.csv: columns {first!r}, {second!r} all claim to be {name}; "
        "keep one of them"
    )


def test_columns_merged_into_one_cell(shop, capsys):
    lines = export_text(shop.rows["market_money"]).splitlines()
    shop.place("market_money", "".join(f'"{line}"\n' for line in lines).encode("utf-8"))
    assert shop.refused(capsys) == (
        "error: data/sample/market_money.csv: the columns merged into one cell "
        "('id,Период,Выручка'); export it again with one cell a column"
    )


def test_comma_that_may_be_decimal_or_thousands(shop, capsys):
    shop.change("money", PROFIT, lambda _: "1,234")
    assert shop.refused(capsys) == (
        "error: money.csv, Прибыль: '1,234' may be a decimal comma or separated thousands and no "
        "other cell tells which; export the column with a decimal point"
    )


def test_point_that_may_be_thousands_beside_decimal_commas(shop, capsys):
    shop.change("money", PROFIT, lambda cell: cell.replace(".", ","))
    shop.put("money", 9, PROFIT, "1.234")
    assert shop.refused(capsys) == (
        "error: money.csv, Прибыль: '1.234' stands beside decimal commas, its point may be decimal "
        "or separate thousands; export the column with one decimal mark"
    )


def test_comma_beside_decimal_points_and_commas(shop, capsys):
    shop.put("money", 9, PROFIT, "1,5")
    shop.put("money", 10, PROFIT, "1,234")
    assert shop.refused(capsys) == (
        "error: money.csv, Прибыль: '1,234' stands beside decimal points and commas, it may be "
        "decimal or thousands; export the column with one decimal mark"
    )


def test_comma_of_two_meanings(shop, capsys):
    shop.put("money", 9, PROFIT, "1,5")
    shop.put("money", 10, PROFIT, "1,234,567")
    assert shop.refused(capsys) == (
        "error: money.csv, Прибыль: ',' is a decimal mark in some cells and separates thousands in "
        "others; export the column with one meaning of it"
    )


def test_decimal_commas_beside_decimal_points_are_mended(shop, clean):
    """4,21 can only be 4.21, whatever the cells around it look like."""
    value = shop.rows["money"][8][1]
    shop.put("money", 9, PROFIT, value.replace(".", ","))
    said = f"1 numbers have a decimal comma, such as {value.replace('.', ',')!r}"
    assert_mended(shop.run(), clean, (ADVICE, "money.csv", PROFIT, said))


def packed(shop, table):
    import gzip

    return bytearray(gzip.compress(export_text(shop.rows[table]).encode("utf-8"), mtime=0))


@pytest.mark.parametrize("how", ["no gzip", "cut", "flipped", "checksum"])
def test_broken_gzip(shop, capsys, how):
    content = packed(shop, "money")
    if how == "no gzip":
        content = b"id,\xcf\xf0\xe8\n1,2\n"
    elif how == "cut":
        content = content[: len(content) // 2]
    elif how == "flipped":
        content[200:220] = bytes(20)
    else:
        content[-6] ^= 255
    (shop.sample / "money.csv.gz").write_bytes(content)
    shop.done.add("money")
    line = shop.refused(capsys)
    assert line.startswith("error: data/sample/money.csv.gz is no whole gzip file (")


@pytest.mark.parametrize("how", ["text", "cut"])
def test_not_a_parquet(shop, capsys, how):
    whole = as_parquet(typed(shop.rows["money"]))
    content = export_text(shop.rows["money"]).encode("utf-8") if how == "text" else whole[:-50]
    shop.place("money", content, ending=".parquet")
    line = shop.refused(capsys)
    assert line.startswith("error: data/sample/money.parquet is no parquet file (")


@pytest.mark.parametrize(("table", "word"), [("market_money", "текущий"), ("money", "300003")])
def test_parquet_of_text_that_is_not_utf8(shop, capsys, table, word):
    frame = pd.DataFrame(shop.rows[table][1:], columns=shop.rows[table][0])
    content = as_parquet(frame, index=False, compression=None)
    right = word.encode("utf-8")
    assert right in content
    shop.place(table, content.replace(right, b"\xff" * len(right)), ending=".parquet")
    line = shop.refused(capsys)
    assert line.startswith(f"error: data/sample/{table}.parquet is no parquet file (")


def test_line_separator_in_a_header_stays_in_the_one_line_of_the_error(shop, capsys):
    shop.rows["money"][0] = ["i\u2028d", "Прибыль"]
    line = shop.refused(capsys)
    assert line.startswith("error: data/sample/money.csv has no column id; found: ")


@pytest.mark.parametrize("encoding", ["iso8859-5", "cp855"])
def test_unknown_encoding(shop, capsys, encoding):
    shop.write("market_file", encoding=encoding)
    assert shop.refused(capsys) == (
        "error: data/sample/market_file.csv is text of an unknown encoding; save it as UTF-8 "
        "(UTF-16, CP1251, CP866 and KOI8-R are read too)"
    )


def test_encoding_that_changes_half_way(shop, capsys):
    lines = export_text(shop.rows["market_file"]).splitlines(keepends=True)
    content = "".join(lines[:300]).encode("utf-8") + "".join(lines[300:]).encode("cp1251")
    shop.place("market_file", content)
    assert shop.refused(capsys) == (
        "error: data/sample/market_file.csv line 301: bytes that are no utf-8 text; "
        "save the file in one encoding"
    )


@pytest.mark.parametrize("table", TABLES)
def test_missing_column(shop, capsys, table):
    header = AMOUNTS[table]
    place = shop.column(table, header)
    for row in shop.rows[table]:
        del row[place]
    found = ", ".join(shop.rows[table][0])
    assert shop.refused(capsys) == (
        f"error: data/sample/{table}.csv has no column {header}; found: {found}"
    )


def test_missing_id_column(shop, capsys):
    shop.rows["money"][0][0] = "Клиент"
    assert shop.refused(capsys) == (
        "error: data/sample/money.csv has no column id; found: Клиент, Прибыль"
    )


@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
def test_header_without_rows(shop, capsys, ending):
    shop.place("money", export_text(shop.rows["money"][:1]).encode("utf-8"), ending=ending)
    assert shop.refused(capsys) == f"error: data/sample/money{ending} has a header and no rows"


def test_parquet_without_rows(shop, capsys):
    shop.place("money", as_parquet(typed(shop.rows["money"])[:0]), ending=".parquet")
    assert shop.refused(capsys) == "error: data/sample/money.parquet has a header and no rows"


def test_only_ragged_rows(shop, capsys):
    rows = shop.rows["money"]
    shop.rows["money"] = [rows[0], *([*row, "", "x"] for row in rows[1:])]
    line = shop.refused(capsys)
    assert line.startswith("error: ")
    assert "money.csv" in line
    assert "header and no rows" not in line


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n\n", b"   "])
def test_empty_file(shop, capsys, content):
    shop.place("money", content)
    assert shop.refused(capsys) == (
        "error: data/sample/money.csv is empty; a header line and rows are needed"
    )


def test_two_files_of_one_name(shop, capsys):
    shop.write("money")
    shop.place("money", as_parquet(typed(shop.rows["money"])), ending=".parquet")
    assert shop.refused(capsys) == (
        "error: data/sample has money.csv, money.parquet; keep one of them"
    )


def test_missing_file(shop, capsys):
    shop.done.add("market_time")
    assert shop.refused(capsys) == (
        "error: data/sample has no file market_time; valid names: market_time.csv, "
        "market_time.csv.gz, market_time.parquet"
    )


def test_lines_that_end_with_cr_alone(shop, capsys):
    shop.write("money", end="\r")
    assert shop.refused(capsys) == (
        "error: data/sample/money.csv ends its lines with CR alone; save it with LF or CRLF"
    )


def test_ids_that_no_two_files_share(shop, capsys):
    shop.change("market_file", "id", lambda cell: f"A{cell}")
    line = shop.refused(capsys)
    assert line == (
        "error: market_money.csv knows none of the 620 customers of market_file.csv, params "
        "prepare.least_matched asks for 50%; market_file.csv writes ids as 'A300002', "
        "market_money.csv as '300002': are both of one export?"
    )


def test_huge_cell_in_the_header(shop, capsys):
    text = export_text(shop.rows["money"]).replace("Прибыль", "Прибыль," + "x" * 200_000, 1)
    shop.place("money", text.encode("utf-8"))
    line = shop.refused(capsys)
    assert line.startswith("error: data/sample/money.csv")
    assert len(line) < 1000
