"""A shop in one part and in many: the same customers, quarantine, findings and refusals."""

import itertools
import json
import os
import random
from functools import partial
from pathlib import Path

import fuzz_prepare as fuzz
import numpy as np
import pandas as pd
import pytest

import part_work
import prepare
from dictionary import COLUMNS
from helpers import clean_export, export_text
from project import FIXTURES
from retention.core import paths
from retention.core.cluster import close_clusters
from retention.core.files import read_parquet
from retention.core.findings import Finding, Level
from retention.core.hashing import part_numbers
from retention.core.params import load_params
from retention.core.part_names import part_files
from retention.core.parts import ENGINE
from retention.core.vocabulary import IDENTITY
from retention.data import preparation, quarantine
from retention.data.joining import entry_errors, usual_amounts
from retention.data.merging import Located, put_together
from retention.data.preparation import clean_exports, prepare_customers
from retention.data.quality import Some, sum_of

pytestmark = pytest.mark.slow
SERVICE, CONSENT, CATEGORY = "Тип сервиса", "Разрешить сообщать", "Популярная_категория"
PROMO, PAGES, REVENUE, MINUTES = "Акционные_покупки", "Страниц_за_визит", "Выручка", "минут"
COUNTS = (1, 3, 7)


def in_parts(folder, count, capsys, *, jobs=1):
    """Prepare the exports in `folder` in `count` parts; return all that prepare says and writes."""
    params = (folder / "params.yaml").read_text(encoding="utf-8")
    rows = -(-620 // count)
    text = params.replace("part_rows: 500000", f"part_rows: {rows}").replace(
        "\n  jobs: 2", f"\n  jobs: {jobs}"
    )
    assert text.count(f"part_rows: {rows}") == text.count(f"\n  jobs: {jobs}") == 1
    (folder / "params.yaml").write_text(text, encoding="utf-8")
    paths.QUARANTINE.unlink(missing_ok=True)
    said = {}
    try:
        prepare.main()
        said["status"] = 0
    except SystemExit as stopped:
        said["status"] = stopped.code
    finally:
        (folder / "params.yaml").write_text(params, encoding="utf-8")
    out, err = capsys.readouterr()
    said["out"] = out
    said["err"] = [line for line in err.splitlines() if line.startswith("error: ")]
    if paths.QUARANTINE.exists():
        said["quarantine"] = paths.QUARANTINE.read_text(encoding="utf-8").splitlines()
    assert not paths.PREPARED_SCRATCH.exists()
    if said["status"]:
        assert len(said["err"]) == 1
        assert not paths.PREPARED.exists()
        assert not paths.SET_ASIDE.exists()
        return said
    for name, path in (("customers", paths.PREPARED), ("aside", paths.SET_ASIDE)):
        files = part_files(path)
        for number, file in enumerate(files):
            ids = pd.read_parquet(file, columns=[IDENTITY])[IDENTITY]
            assert set(part_numbers(ids, count=len(files))) <= {number}
        table = read_parquet(path).astype({IDENTITY: "str"})  # of an empty file it has no type
        said[name] = table.sort_values(IDENTITY, kind="stable", ignore_index=True)
        said[f"{name} files"] = len(files)
    said["details"] = json.loads(paths.PREPARED_DETAILS.read_text(encoding="utf-8"))
    said["headline"] = json.loads(Path("metrics/prepare.json").read_text(encoding="utf-8"))
    said["readiness"] = pd.read_parquet(f"{paths.READINESS}.parquet")
    return said


def assert_alike(one, other):
    """Both runs said and wrote the same, but for the number of files."""
    assert one.keys() == other.keys()
    for name, told in one.items():
        if isinstance(told, pd.DataFrame):
            pd.testing.assert_frame_equal(told, other[name], check_exact=True)
        elif name == "details":
            assert told["report"] == other[name]["report"]
            assert told == other[name]
        elif not name.endswith(" files"):
            assert told == other[name], name


def all_counts(shop, capsys, **changes):
    """Prepare the shop in every number of parts, which must be alike; return what one part says."""
    for table in shop.rows:
        if table not in shop.done:
            shop.write(table)
    for old, new in changes.items():
        shop.param(f"  {old}: ", f"  {old}: {new} # ")
    first, *others = [in_parts(shop.folder, count, capsys) for count in COUNTS]
    for other in others:
        assert_alike(first, other)
    if not first["status"]:
        assert first["customers files"] == 1
        assert [other["customers files"] for other in others] == list(COUNTS[1:])
        assert [other["aside files"] for other in others] == list(COUNTS[1:])
    return first


def broken_in_many_ways(shop):
    """Plant faults of every kind into every file, some of them into most parts."""
    for line in (9, 40, 300, 500):
        shop.put("market_file", line, SERVICE, "премьер")
        shop.put("market_file", line + 1, PROMO, "много")
        shop.put("market_file", line + 2, PROMO, "7")
        shop.put("market_money", 3 * line, REVENUE, "12х")
        shop.put("market_money", 3 * line + 7, REVENUE, "1e15")
        shop.put("market_time", line + 5, "Период", "когда-то")
    for line in (20, 21, 433, 520):
        shop.put("market_file", line, CATEGORY, "Сад и огород")
        shop.put("market_file", line, CONSENT, "ДА ")
        shop.put("market_time", line, MINUTES, "")
        shop.put("market_time", line + 700, MINUTES, "0")
        shop.put("money", line, "Прибыль", "н/д")
        shop.put("money", line + 1, "id", f" {shop.rows['money'][line][0]}")
    shop.put("market_file", 77, CATEGORY, "Дача")
    shop.put("market_money", 100, REVENUE, "999999")
    shop.put("market_money", 101, REVENUE, "0")
    rows = shop.rows["money"]
    rows += [rows[5][:], rows[50][:], [rows[6][0], "77"], [rows[400][0], "78"]]
    rows += [["300700", "1", "2"], ["300001"], ["", "5"], ["301999", "1"]]
    del shop.rows["market_time"][801:804]
    twin = shop.rows["market_file"][200][1:]
    shop.rows["market_file"][201][1:] = twin
    for table, lines in (("market_money", 3), ("market_time", 2)):
        ids = [shop.rows["market_file"][row][0] for row in (200, 201)]
        amounts = {tuple(row[1:2]): row[2] for row in shop.rows[table][1:] if row[0] == ids[0]}
        for row in shop.rows[table][1:]:
            if row[0] == ids[1]:
                row[2] = amounts.get(tuple(row[1:2]), row[2])
        assert len(amounts) <= lines


@pytest.mark.parametrize("zero", ["keep", "missing", "set_aside"])
def test_faults_of_every_kind(shop, capsys, zero):
    broken_in_many_ways(shop)
    found = all_counts(shop, capsys, zero_minutes=zero)
    assert found["status"] == 0
    kinds = {
        "broken", "ragged_row", "conflict", "duplicate", "new_category", "missing",
        "missing_mark", "other_case", "missing_months", "missing_customers", "not_regular",
        "entry_error", "no_minutes", "whole_id", "stray_spaces",
    }  # fmt: skip
    assert kinds - {"whole_id"} <= set(found["readiness"]["what"])
    assert len(found["quarantine"]) > 30
    assert found["details"]["set_aside"]["quarantined"] > 20


def test_the_faults_leave_today_as_it_was_in_one_part(shop, capsys):
    """The quarantine's order: by file; cells that cannot be read first; by column, then line."""
    broken_in_many_ways(shop)
    found = all_counts(shop, capsys)
    rows = [line.split(";")[:2] for line in found["quarantine"][1:]]
    files = [file for file, _ in rows]
    assert files == sorted(files, key=list(dict.fromkeys(files)).index)
    behaviour = [int(line) for file, line in rows if file == "market_file.csv"]
    assert behaviour == [10, 41, 301, 501, 11, 42, 302, 502, 9, 40, 300, 500]


@pytest.mark.parametrize("seed", range(200, 230))
def test_files_corrupted_at_random(tmp_path, monkeypatch, capsys, seed):
    monkeypatch.chdir(tmp_path)
    fuzz.corrupt(fuzz.furnished(tmp_path), seed)
    first, *others = [in_parts(tmp_path, count, capsys) for count in COUNTS]
    for other in others:
        assert_alike(first, other)


def test_processes_make_no_difference(shop, capsys):
    broken_in_many_ways(shop)
    for table in shop.rows:
        shop.write(table)
    one = in_parts(shop.folder, 5, capsys)
    assert one["customers files"] == 5
    assert_alike(one, in_parts(shop.folder, 5, capsys, jobs=2))


def written():
    """Return the bytes of every file that prepare wrote, scratch of killed workers aside."""
    folder = paths.PREPARED.parent
    files = [path for path in folder.rglob("*") if path.is_file() and path.name[0] != "."]
    return {path.relative_to(folder): path.read_bytes() for path in files}


@pytest.mark.parametrize("engine", ["loop", "dask"])
@pytest.mark.parametrize("step", ["clean", "sift"])
def test_a_killed_worker_changes_no_file(shop, capsys, monkeypatch, engine, step):
    broken_in_many_ways(shop)
    for table in shop.rows:
        shop.write(table)
    undisturbed, files = in_parts(shop.folder, 5, capsys), written()
    mark = shop.folder.absolute() / "died"
    dying = partial(getattr(part_work, f"{step}_dying"), mark)
    monkeypatch.setattr(preparation, f"{step}_part", dying)
    monkeypatch.setenv(ENGINE, engine)
    assert_alike(undisturbed, in_parts(shop.folder, 5, capsys, jobs=2))
    assert int(mark.read_text(encoding="utf-8")) != os.getpid()
    assert written() == files
    assert len([path for path in files if path.suffix == ".parquet"]) == 2 * 5 + 1


@pytest.fixture(scope="module", autouse=True)
def ended():
    yield
    close_clusters()


def renamed(shop, form):
    for table in shop.rows:
        shop.change(table, "id", form)


def test_ids_of_letters_and_of_digits_are_sorted_as_text_in_every_part(shop, capsys):
    """One id of letters makes text of all, also in the parts that have none."""
    odd = shop.rows["market_file"][30][0]
    renamed(shop, lambda cell: "C-1" if cell == odd else cell.removeprefix("3000"))
    found = all_counts(shop, capsys)
    ids = found["customers"][IDENTITY]
    assert "C-1" in set(ids)
    for file in part_files(paths.PREPARED):
        part = pd.read_parquet(file)[IDENTITY].tolist()
        assert part == sorted(part)
        assert any(len(one) != len(other) for one, other in itertools.pairwise(part))


def test_ids_of_digits_are_sorted_as_numbers_in_every_part(shop, capsys):
    renamed(shop, lambda cell: str(int(cell) - 299_999))
    all_counts(shop, capsys)
    for file in part_files(paths.PREPARED):
        part = pd.read_parquet(file)[IDENTITY].astype("int64").tolist()
        assert part == sorted(part)
        assert len(part) > 50


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        (lambda cell: f"000{cell}", "they differ by zeros, separators, case or look-alikes"),
        (lambda cell: f"{cell[0]},{cell[1:6]}E+11", "a number whose last digits are gone"),
        (lambda cell: f"9{cell}", "money.csv knows none of the 620 customers"),
    ],
)
def test_ids_that_do_not_fit_are_refused_in_the_same_words(shop, capsys, change, refused):
    renamed(shop, lambda cell: f"{cell}770012")
    shop.change("money", "id", change)
    found = all_counts(shop, capsys)
    assert refused in found["err"][0]
    assert shop.rows["market_file"][1][0] in found["err"][0]


def test_two_spellings_of_one_customer_in_two_parts(shop, capsys):
    """Every pair is looked at, whichever parts its spellings fall into."""
    codes = {row[0]: f"c-{row[0]}" for row in shop.rows["market_file"][1:]}
    renamed(shop, codes.get)
    row = shop.rows["money"][444]
    row[0] = row[0].upper()
    found = all_counts(shop, capsys)
    assert f"has the id '{row[0].lower()}', money.csv has '{row[0]}'" in found["err"][0]


@pytest.mark.parametrize("wide", ["10000000000000000", "1234567890123450"])
def test_ids_that_a_spreadsheet_rounded(shop, capsys, wide):
    whole = str(int(wide) + 3)
    odd = shop.rows["market_file"][9][0]
    renamed(shop, lambda cell: whole if cell == odd else f"{wide[:-6]}{cell}")
    for row in shop.rows["money"][1:]:
        row[0] = wide if row[0] == whole else row[0]
    found = all_counts(shop, capsys)
    assert "digits behind the 15th" in found["err"][0]


def test_a_month_that_a_file_lacks(shop, capsys):
    shop.rows["market_money"] = [
        row for row in shop.rows["market_money"] if row[1] != "предыдущий_месяц"
    ]
    found = all_counts(shop, capsys)
    assert "market_money.csv has no rows of month предыдущий_месяц" in found["err"][0]
    assert_alike(found, in_parts(shop.folder, 3, capsys, jobs=2))


def test_too_many_broken_rows(shop, capsys):
    for line in range(400, 440):
        shop.put("market_file", line, PAGES, "?")
    found = all_counts(shop, capsys)
    assert "40 of 620 customers break a rule" in found["err"][0]
    assert "market_file.csv line 400, " in found["err"][0]
    assert len(found["quarantine"]) == 41


def test_too_few_of_a_class(shop, capsys):
    shop.change("market_file", "Покупательская активность", lambda _: "Прежний уровень")
    assert "at least 30 of each" in all_counts(shop, capsys)["err"][0]


def test_nobody_is_left(shop, capsys):
    shop.change("market_time", MINUTES, lambda _: "0")
    found = all_counts(shop, capsys, zero_minutes="set_aside")
    assert found["err"][0].endswith("no customer is left; set aside: {'no_minutes': 620}")


def test_an_optional_column_that_is_lacking_counts_once(shop, capsys):
    absent = [column for column in COLUMNS.all if column.optional]
    found = all_counts(shop, capsys)
    told = found["readiness"].query("what == 'absent_column'")
    assert told["count"].tolist() == [1] * len(told)
    assert len(told) == len(absent)


def test_a_table_of_other_parts_is_replaced(shop, capsys):
    for table in shop.rows:
        shop.write(table)
    for count in (3, 1, 7):
        assert in_parts(shop.folder, count, capsys)["customers files"] == count


def test_parts_without_a_customer(tmp_path):
    """A hash may give a small part nobody, or nobody whom some file has."""
    rows = clean_export(200, seed=4)
    del rows["money"][150:]
    for table, lines in rows.items():
        (tmp_path / f"{table}.csv").write_text(export_text(lines), encoding="utf-8")
    options = load_params(FIXTURES / "params.yaml", columns=COLUMNS).prepare
    found = {}
    for part_rows in (1000, 3):
        few = options.model_copy(update={"part_rows": part_rows})
        place = tmp_path / str(part_rows)
        place.mkdir()
        how = {"columns": COLUMNS, "scratch": place, "jobs": 1}
        exports = clean_exports(tmp_path, few, **how)
        sizes = [part.size for part in exports.parts]
        tables = {name: place / f"{name}.parquet" for name in ("customers", "set_aside")}
        said = prepare_customers(exports, few, folder=tmp_path, **tables)
        table = read_parquet(tables["customers"]).sort_values(IDENTITY, ignore_index=True)
        found[part_rows] = (table, said.details, said.readiness)
    assert min(sizes) == 0
    assert len(sizes) > 60
    pd.testing.assert_frame_equal(found[3][0], found[1000][0], check_exact=True)
    assert found[3][1] == found[1000][1]
    pd.testing.assert_frame_equal(found[3][2], found[1000][2])


def test_a_quarantine_that_is_read_in_pieces_has_its_order(shop, capsys, monkeypatch):
    broken_in_many_ways(shop)
    one = all_counts(shop, capsys)
    monkeypatch.setattr(quarantine, "PIECE", 2)
    many = in_parts(shop.folder, 7, capsys)
    assert many["quarantine"] == one["quarantine"]


@pytest.mark.parametrize("parts", [1, 3, 7])
def test_usual_amounts_do_not_depend_on_the_division(parts):
    rng = np.random.default_rng(1)
    amounts = np.append(rng.normal(5000, 500, 1000), [0, np.nan, 9000, -1])
    usual = usual_amounts(np.array_split(rng.permutation(amounts), parts), distance=6)
    earned = np.sort(amounts[amounts > 0])
    centre = np.median(earned)
    assert usual.centre == centre
    assert usual.reach == 6 * (1.4826 * np.median(np.abs(earned - centre)))
    assert np.flatnonzero(entry_errors(amounts, usual)).tolist() == [1002]


def test_without_spread_nothing_is_an_error():
    same = np.array([5.0, 5.0, 5.0, 900.0])
    assert not entry_errors(same, usual_amounts([same], distance=1)).any()
    assert not entry_errors(same, usual_amounts([same[:0]], distance=1)).any()


def test_the_example_of_parts_is_the_first_of_all():
    def one(count, example, line, **more):
        what = {"level": Level.ADVICE, "file": "a", "column": "b", "what": "percent"} | more
        return Located(**what, count=count, example=example, at=(0, line))

    parts = [one(2, "9 %", 9), one(5, "3 %", 3), one(1, "x", 4, what="new_category")]
    parts += [one(1, "y", 2, what="new_category"), one(2, "x", 1, what="new_category")]
    parts += [one(1, "", 0, what="absent_column")] * 3
    whole = Finding(Level.ADVICE, "a", "", "separator", 1, "semicolon")
    random.Random(1).shuffle(parts)
    found = {(f.what, f.example): f.count for f in put_together([whole, *parts])}
    assert found == {
        ("separator", "semicolon"): 1,
        ("percent", "3 %"): 7,
        ("new_category", "x"): 3,
        ("new_category", "y"): 1,
        ("absent_column", ""): 1,
    }


def test_the_first_customer_of_parts_is_the_first_of_all():
    some = [Some(2, "10"), Some(), Some(3, "9")]
    assert sum_of(some, numeric=True) == Some(5, "9")
    assert sum_of(some, numeric=False) == Some(5, "10")
    assert sum_of([Some()], numeric=True) == Some()
