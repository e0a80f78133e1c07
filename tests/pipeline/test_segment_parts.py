"""Segments, campaign and page of a shop in parts: those of one part, to the byte."""

import shutil
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
import yaml
from joblib.externals.loky import get_reusable_executor

import report
import segment
from kept_ledger import keep_campaign
from parted import divide
from project import EDITED
from retention.core import paths
from retention.core.arms import assigned, in_global_control
from retention.core.beside import do_beside
from retention.core.files import read_json, read_parquet
from retention.core.part_names import part_files
from retention.measurement.inputs import read_customers, read_list
from retention.segments import by_parts

pytestmark = pytest.mark.slow
FOLDERS = ("prepared", "features", "model", "scores", "evaluation", "explained")
IN_PARTS = (paths.FEATURES, paths.LEFT_OUT, paths.RISKS, paths.REASONS)
OF_CUSTOMERS = (
    paths.CUSTOMERS,
    paths.CAMPAIGN_LIST,
    paths.CAMPAIGN_GLOBAL,
    paths.CAMPAIGN_EXCLUDED,
)
LIMITS = {
    "  budget:": "  budget: 0.4",
    "  most_drift: 0.8": "  most_drift: 1",
    "  global_control_share: 0": "  global_control_share: 0.3",
}
STOCK = 1
CAMPAIGNS = (
    ("autumn", "2026-10-01", slice(1, None, 5)),
    ("summer", "2026-08-15", slice(2, None, 5)),
)
"""One that runs when this one starts, and one that is over; with every fifth customer each."""


def lay_shop(source, folder, *, parts):
    """Copy what segment reads, with a short budget, stock and a list of the never contacted."""
    for name in FOLDERS:
        shutil.copytree(source / "data" / name, folder / "data" / name)
    for name in EDITED:
        shutil.copyfile(source / name, folder / name)
    (folder / "stages").symlink_to(Path(report.__file__).parent)
    customers = pd.read_parquet(folder / paths.FEATURES)
    customers[["customer_id"]][::4].to_csv(folder / "never.csv", index=False)
    for name, date, rows in CAMPAIGNS:
        ids = customers.loc[customers["drop"].isna(), "customer_id"].iloc[rows]
        arms = dict(zip(ids, assigned(ids, seed=5, share=0.5), strict=True))
        keep_campaign(folder / paths.CAMPAIGNS, name, arms, date=date, parts=2)
    text = (source / paths.PARAMS).read_text(encoding="utf-8")
    text = text.replace("suppression: data/sample/suppression.csv", "suppression: never.csv")
    for usual, other in LIMITS.items():
        lines = [other if line.rstrip() == usual else line for line in text.splitlines()]
        assert other in lines, usual
        text = "\n".join(lines) + "\n"
    (folder / paths.PARAMS).write_text(text, encoding="utf-8")
    offers = yaml.safe_load((source / paths.OFFERS).read_text(encoding="utf-8"))
    offers = [offer | {"stock": STOCK} for offer in offers]
    (folder / paths.OFFERS).write_text(yaml.safe_dump(offers, allow_unicode=True), encoding="utf-8")
    for path in IN_PARTS if parts > 1 else ():
        divide(folder / path, parts)


def outputs(folder):
    """Return what segment and report wrote: bytes, and of customers' tables the rows by id."""
    found = {}
    of_customers = {folder / path for path in OF_CUSTOMERS}
    for path in OF_CUSTOMERS:
        table = read_parquet(folder / path).sort_values("customer_id", ignore_index=True)
        lines = (folder / path.with_suffix(".csv")).read_bytes().split(b"\r\n")
        assert lines[0].startswith("\ufeffcustomer_id;".encode())
        found[path] = table.to_csv(index=False).encode() + b"\n".join(sorted(lines))
    for name in ("data/segments", "data/campaign", "metrics", "plots/segment", "report"):
        for path in filter(Path.is_file, (folder / name).rglob("*")):
            if path.suffix == ".xlsx":
                found[path.relative_to(folder)] = sorted(cells_of_book(path))
            elif not {path, path.parent, path.with_suffix(".parquet")} & of_customers:
                found[path.relative_to(folder)] = path.read_bytes()
    return found


def cells_of_book(path):
    """Return the rows of a workbook as text."""
    rows = openpyxl.load_workbook(path).active.iter_rows(values_only=True)
    return [tuple(map(str, row)) for row in rows]


@pytest.fixture(autouse=True)
def workers_of_this_folder():
    """Workers stay, and stay in the folder in which they began: each test has its own."""
    yield
    get_reusable_executor().shutdown(wait=True)


@pytest.fixture(scope="module")
def whole(clone, tmp_path_factory):
    """The shop in one part, segmented and reported."""
    folder = tmp_path_factory.mktemp("whole")
    lay_shop(clone.folder, folder, parts=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        segment.main()
        report.main()
    return folder


@pytest.mark.parametrize("parts", [3, 7])
def test_parts_give_what_one_part_gives(clone, whole, tmp_path, monkeypatch, parts):
    lay_shop(clone.folder, tmp_path, parts=parts)
    monkeypatch.chdir(tmp_path)
    segment.main()
    report.main()
    expected, found = outputs(whole), outputs(tmp_path)
    assert found.keys() == expected.keys()
    assert [str(name) for name in found if found[name] != expected[name]] == []
    assert len(found) > 20
    for path in OF_CUSTOMERS:
        assert len(part_files(path)) == parts
        assert sorted(one.suffix for one in path.iterdir()) == [".parquet"] * parts
    for read, path in ((read_list, paths.CAMPAIGN_LIST), (read_customers, paths.CUSTOMERS)):
        one = read(whole / path)
        other = read(path)[list(one)]
        order = [table.sort_values("customer_id", ignore_index=True) for table in (one, other)]
        pd.testing.assert_frame_equal(*order, check_dtype=False)


def test_a_large_shop_has_its_workbook_from_a_process_of_its_own(whole, tmp_path, monkeypatch):
    lay_shop(whole, tmp_path, parts=1)
    (tmp_path / paths.SEGMENTS).mkdir()
    (tmp_path / paths.CUSTOMERS_BOOK).write_text("of another table")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(by_parts, "WORTH_A_PROCESS", 1)
    begun, met = [], []

    def begin(job, *, jobs):
        do_beside(job, jobs=jobs)
        begun.append(job.func.__name__)
        met.append(paths.CUSTOMERS_BOOK.exists())

    monkeypatch.setattr(by_parts, "do_beside", begin)
    segment.main()
    assert (begun, met) == (["write_table_as_workbook"], [False])  # the old one is gone by then
    written = paths.CUSTOMERS_BOOK.read_bytes()
    assert written == (whole / paths.CUSTOMERS_BOOK).read_bytes()


def test_the_limits_of_that_shop_bind(whole):
    never = set(pd.read_csv(whole / "never.csv", dtype="str")["customer_id"])
    listed = pd.read_parquet(whole / paths.CAMPAIGN_LIST)
    treated = listed[listed["arm"] == "treatment"]
    assert treated["offer"].value_counts().max() == STOCK
    assert 0 < treated["cost"].sum() <= 0.4
    assert not never & set(listed["customer_id"])
    gates = pd.read_parquet(whole / paths.CAMPAIGN_EXCLUDED)["gate"]
    assert gates.isin(["suppressed"]).sum() > 5
    assert gates.isin(["out_of_stock", "over_budget"]).any()


def test_nobody_whom_campaigns_list_or_lot_leave_alone_is_in_a_file_to_send(whole):
    features = pd.read_parquet(whole / paths.FEATURES).set_index("customer_id")
    details = read_json(whole / paths.SEGMENT_DETAILS)
    listed, group, excluded = (
        pd.read_parquet(whole / path)
        for path in (paths.CAMPAIGN_LIST, paths.CAMPAIGN_GLOBAL, paths.CAMPAIGN_EXCLUDED)
    )
    assert len(listed) + len(group) + len(excluded) == details["audience"]
    counts = [details[name] for name in ("treatment", "control", "global_control")]
    assert sum(counts) + sum(details["excluded"].values()) == details["audience"]
    assert min(counts) > 0
    assert details["global_control"] == len(group)
    sent = {
        path.stem: {row[0] for row in cells_of_book(path)[1:]}
        for path in (whole / paths.CAMPAIGN_SEND).iterdir()
    }
    treated = listed[listed["arm"] == "treatment"]
    assert sent == {by: set(rows["customer_id"]) for by, rows in treated.groupby("channel")}
    contacted = set().union(*sent.values())
    never = set(pd.read_csv(whole / "never.csv", dtype="str")["customer_id"])
    assert len(never) > 50
    ids = pd.Series(features.index)
    left = set(ids[in_global_control(ids, seed=1, share=0.3)])
    assert set(group["customer_id"]) <= left
    running, over = (
        pd.read_parquet(whole / paths.CAMPAIGNS / name / "list.parquet") for name, *_ in CAMPAIGNS
    )
    resting = set(over.loc[over["arm"] == "treatment", "customer_id"])
    for others in (never, left, set(running["customer_id"]), resting):
        assert len(others) > 3
        assert not others & contacted
    assert set(features.loc[list(sent.get("message", ())), "consent"]) <= {"yes"}
    gates = excluded["gate"].value_counts()
    assert gates["in_campaign"] == len(set(running["customer_id"]) - never)
    assert gates["resting"] == len(resting - never)
    control = cells_of_book(whole / paths.CAMPAIGN_CONTROL)
    assert len(control) == 2 + details["control"] + details["global_control"]
    assert not {row[0] for row in control} & contacted
    book = cells_of_book(whole / paths.CUSTOMERS_BOOK)
    assert [row[0] for row in book[1:]] == list(
        pd.read_parquet(whole / paths.CUSTOMERS)["customer_id"]
    )


def test_a_list_made_again_after_its_launch_is_the_same(whole, tmp_path, monkeypatch):
    shutil.copytree(whole, tmp_path / "again", symlinks=True)
    monkeypatch.chdir(tmp_path / "again")
    listed, group = (pd.read_parquet(one) for one in (paths.CAMPAIGN_LIST, paths.CAMPAIGN_GLOBAL))
    before = outputs(Path.cwd())
    arms = dict(zip(listed["customer_id"], listed["arm"], strict=True))
    how = {"date": "2026-12-01", "global_control": {"seed": 1, "share": 0.3}}
    keep_campaign(paths.CAMPAIGNS, "2026-winter", arms, members=list(group["customer_id"]), **how)
    segment.main()
    report.main()
    after = outputs(Path.cwd())
    differs = {str(name) for name in after if after[name] != before[name]}
    # The page tells that it was launched; list, control, what is to be sent and figures stay.
    assert {name for name in differs if not name.startswith("report/")} == set()


@pytest.mark.parametrize("parts", [1, 3])
def test_other_spellings_on_the_list_are_refused_whatever_the_division(
    clone, tmp_path, monkeypatch, capsys, parts
):
    lay_shop(clone.folder, tmp_path, parts=parts)
    monkeypatch.chdir(tmp_path)
    one = read_parquet(paths.FEATURES)["customer_id"].min()
    Path("never.csv").write_text(f"customer_id\n00{one}\n", encoding="utf-8")
    with pytest.raises(SystemExit):
        segment.main()
    said = capsys.readouterr().err
    assert f"never.csv has the id '00{one}', the export has '{one}': they differ by" in said
    assert not paths.CAMPAIGN_LIST.exists()


def test_tables_divided_in_different_ways_are_refused(clone, tmp_path, monkeypatch, capsys):
    lay_shop(clone.folder, tmp_path, parts=1)
    monkeypatch.chdir(tmp_path)
    divide(paths.RISKS, 3)
    with pytest.raises(SystemExit):
        segment.main()
    said = capsys.readouterr().err
    assert "data/scores/risk.parquet is in 3 parts, data/features/features.parquet in 1" in said
