"""Segments, campaign and page of a shop in parts: those of one part, to the byte."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from joblib.externals.loky import get_reusable_executor

import report
import segment
from parted import divide
from project import EDITED
from retention.core import paths
from retention.core.files import read_parquet
from retention.core.part_names import part_files
from retention.measurement.inputs import read_customers, read_list

pytestmark = pytest.mark.slow
FOLDERS = ("prepared", "features", "model", "scores", "evaluation", "explained")
IN_PARTS = (paths.FEATURES, paths.LEFT_OUT, paths.RISKS, paths.REASONS)
OF_CUSTOMERS = (paths.CUSTOMERS, paths.CAMPAIGN_LIST, paths.CAMPAIGN_EXCLUDED)
LIMITS = {"  budget:": "  budget: 0.4", "  most_drift: 0.8": "  most_drift: 1"}
STOCK = 1


def lay_shop(source, folder, *, parts):
    """Copy what segment reads, with a short budget, stock and a list of the never contacted."""
    for name in FOLDERS:
        shutil.copytree(source / "data" / name, folder / "data" / name)
    for name in EDITED:
        shutil.copyfile(source / name, folder / name)
    (folder / "stages").symlink_to(Path(report.__file__).parent)
    customers = pd.read_parquet(folder / paths.FEATURES)
    customers[["customer_id"]][::4].to_csv(folder / "never.csv", index=False)
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
    for path in OF_CUSTOMERS:
        table = read_parquet(folder / path).sort_values("customer_id", ignore_index=True)
        lines = (folder / path.with_suffix(".csv")).read_bytes().split(b"\r\n")
        assert lines[0].startswith("\ufeffcustomer_id;".encode())
        found[path] = table.to_csv(index=False).encode() + b"\n".join(sorted(lines))
    for name in ("data/segments", "data/campaign", "metrics", "plots/segment", "report"):
        for path in (folder / name).iterdir():
            if path.with_suffix(".parquet").relative_to(folder) not in OF_CUSTOMERS:
                found[path.relative_to(folder)] = path.read_bytes()
    return found


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
