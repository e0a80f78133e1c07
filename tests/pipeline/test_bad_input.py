"""A user's mistake ends in one clear line and exit status 1, never in a traceback."""

import shutil
from functools import partial
from pathlib import Path

import pytest

import explain
import prepare
import report
import segment
import train
from dictionary import COLUMNS, FEATURES
from project import lay_fixtures
from retention.campaign.offers import load_offers
from retention.core.errors import InputError
from retention.core.files import read_json
from retention.core.params import load_params
from simulation.export import as_export
from simulation.shop import simulate_customers

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A folder with params, offers and a small export in data/sample."""
    lay_fixtures(tmp_path)
    sample = tmp_path / "data" / "sample"
    sample.mkdir(parents=True)
    simulated = simulate_customers(200, unlabelled=0.1, seed=3)
    for name, table in as_export(simulated, columns=COLUMNS, seed=3).items():
        table.to_csv(sample / f"{name}.csv", index=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(stage, capsys):
    """The one line that the stage leaves the user with."""
    with pytest.raises(SystemExit) as stopped:
        stage.main()
    assert stopped.value.code == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert text.count(old) >= 1
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_shop_itself_is_fine(shop):
    prepare.main()
    assert (shop / "data/prepared/customers.parquet").is_file()


def test_missing_folder(shop, capsys):
    edit(shop / "params.yaml", "dir: data/sample", "dir: data/nowhere")
    assert said(prepare, capsys) == (
        "error: folder data/nowhere (params.yaml: data.dir) is not there"
    )


def test_unknown_model_name(shop, capsys):
    edit(shop / "params.yaml", "model: auto", "model: catboost")
    line = said(train, capsys)
    assert line.startswith("error: params.yaml: train.model is 'catboost'; input should be 'auto'")
    assert "'logistic'" in line


def test_unknown_key(shop, capsys):
    edit(shop / "params.yaml", "  folds: 5", "  foldz: 5")
    line = said(train, capsys)
    assert "params.yaml: " in line
    assert "folds" in line


def test_value_out_of_range(shop, capsys):
    edit(shop / "params.yaml", "test_share: 0.25", "test_share: 1.5")
    assert said(prepare, capsys) == (
        "error: params.yaml: features.test_share is 1.5; input should be less than or equal to 0.5"
    )


def test_rule_that_cannot_hold_is_refused_by_the_first_stage(shop, capsys):
    edit(shop / "params.yaml", "service == standard", "service == стандарт")
    assert said(prepare, capsys) == (
        "error: params.yaml: segment.rules.standard_service_at_risk: 'risk >= 0.6 and service == "
        "стандарт': service can never be стандарт; valid: standard, premium; did you mean standard?"
    )
    assert not (shop / "data/prepared").exists()


def test_too_many_broken_rows_stop_the_run_and_stay_readable(shop, capsys):
    path = shop / "data/sample/market_file.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    broken = [line.replace(",да,", ",может быть,").replace(",нет,", ",?,") for line in lines[1:]]
    path.write_text("\n".join([lines[0], *broken]) + "\n", encoding="utf-8")
    line = said(prepare, capsys)
    assert "prepare.max_quarantined (5%)" in line
    assert "Разрешить сообщать" in line
    quarantine = (shop / "data/prepared/quarantine.csv").read_text(encoding="utf-8")
    assert "market_file.csv;2;" in quarantine


@pytest.mark.usefixtures("shop")
def test_stage_before_its_input_exists(capsys):
    assert said(explain, capsys) == (
        "error: data/features/features.parquet is not there yet; run `dvc repro`, which makes it"
    )


def edited(name, old, new, capsys):
    """What the segment stage says when one file of the project is changed."""
    path = Path(name)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    try:
        return said(segment, capsys)
    finally:
        path.write_text(text, encoding="utf-8")


LOADERS = {
    "params.yaml": partial(load_params, columns=COLUMNS),
    "offers.yaml": partial(load_offers, columns=COLUMNS, features=FEATURES),
}


@pytest.mark.parametrize(
    ("name", "old", "new", "sentence"),
    [
        ("offers.yaml", "when: unpaid_items >= 3", "when: unpaid_item >= 3", "cart_reminder.when"),
        ("offers.yaml", "«{segment_category_top}»", "«{top}»", "unknown placeholder {top}; valid"),
        ("offers.yaml", "cost: 0.02", "cost: -0.02", "cart_reminder: cost is -0.02"),
        ("params.yaml", "  budget:\n", "  budget: -1\n", "campaign.budget is -1"),
        ("params.yaml", "  budget:\n", "  budget: much\n", "campaign.budget is 'much'"),
        ("params.yaml", "promo_share >= 0.5", "promo_shar >= 0.5", "unknown column promo_shar"),
    ],
)
def test_mistake_of_a_marketer(tmp_path, name, old, new, sentence):
    lay_fixtures(tmp_path)
    load = LOADERS[name]
    load(tmp_path / name)
    edit(tmp_path / name, old, new)
    with pytest.raises(InputError) as mistake:
        load(tmp_path / name)
    assert sentence in str(mistake.value)
    assert "\n" not in str(mistake.value)


@pytest.mark.parametrize(
    ("name", "old", "new", "sentence"),
    [
        ("params.yaml", "service == standard", "service == стандарт", "did you mean standard?"),
        ("params.yaml", "risk >= 0.6 and promo", "risk >= 60 and promo", "did you mean 0.6?"),
        ("params.yaml", "== cosmetics", "== cosmetic", "did you mean cosmetics?"),
        ("params.yaml", "data/sample/suppression.csv", "x.csv", "x.csv (params.yaml: campaign.sup"),
        ("params.yaml", "  folds: 5", "  folds: 5\n  folds: 3", "the key folds stands twice"),
        ("offers.yaml", "== cosmetics", "== 'Косметика и аксессуары'", "did you mean cosmetics?"),
        ("offers.yaml", "minutes_m1 <= 13", "minutes_m1 <= 13 and minutes_m1 > 20", "contradicts"),
        ("offers.yaml", 'en: "Cart reminder"', "en: Cart #1\n   ", "# cuts the text off"),
        ("offers.yaml", "cost: 0.02", "cost: 1:30", "cost is '1:30'; input should be a valid num"),
        ("offers.yaml", "cost: 0.02", f"cost: {'9' * 400}", "a number of 400 characters"),
        ("offers.yaml", "- code: cart_reminder", f"- {'[' * 900}", "nested more than 20 deep"),
    ],
)
def test_what_cannot_mean_what_its_editor_meant_stops_before_anything_is_written(
    capsys, clone, monkeypatch, name, old, new, sentence
):
    monkeypatch.chdir(clone.folder)
    outputs = ("data/segments", "data/campaign", "metrics", "plots")
    before = clone.files(*outputs)
    assert sentence in edited(name, old, new, capsys)
    assert clone.files(*outputs) == before


def test_rule_that_fits_nobody_is_a_warning_and_on_the_page(capsys, clone, monkeypatch, tmp_path):
    folder = tmp_path / "shop"
    shutil.copytree(clone.folder, folder, ignore=shutil.ignore_patterns(".git", ".dvc"))
    monkeypatch.chdir(folder)
    edit(folder / "params.yaml", "promo_share >= 0.5", "promo_share == 0.123456789")
    edit(folder / "offers.yaml", "minutes_m1 <= 13", "minutes_m1 == 0.123456789")
    segment.main()
    places = ["segment.rules.promotion_buyers_at_risk", "offers.yaml: site_time_challenge.when"]
    said = capsys.readouterr().err.splitlines()
    assert said == [f"segment: warning: {place} fits nobody" for place in places]
    assert read_json(Path("data/segments/details.json"))["fits_nobody"] == places
    report.main()
    for language in ("ru", "en"):
        page = (folder / f"report/{language}.html").read_text(encoding="utf-8")
        assert all(place in page for place in places)
