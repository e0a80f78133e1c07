"""One whole run in a clone: what it writes, that it repeats, and that experiments work."""

import datetime
import json
import math
import os
import re

import pandas as pd
import pytest
import yaml

from retention.models.persistence import load_model

pytestmark = pytest.mark.slow
OUTS = ("data", "metrics", "plots", "report")


def strict(text):
    def refuse(word):
        raise AssertionError(f"{word} is not strict JSON")

    return json.loads(text, parse_constant=refuse)


def numbers(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for item in value for number in numbers(item)]
    return [value] if isinstance(value, float) else []


def test_exactly_the_declared_outputs_are_written(clone):
    stages = yaml.safe_load((clone.folder / "dvc.yaml").read_text())["stages"].values()
    folders = [out for stage in stages for out in stage.get("outs", [])]
    files = [
        next(iter(entry))
        for stage in stages
        for kind in ("metrics", "plots")
        for entry in stage.get(kind, [])
    ]
    written = set(clone.files(*OUTS))
    assert set(files) <= written
    assert all(any(name.startswith(f"{out}/") for name in written) for out in folders)
    stray = {
        name
        for name in written - set(files)
        if not any(name.startswith(f"{out}/") for out in folders)
    }
    assert stray == set()


def test_metrics_are_strict_json_of_rounded_finite_numbers(clone):
    for name, content in clone.files("metrics").items():
        for number in numbers(strict(content.decode())):
            assert math.isfinite(number), name
            assert number == round(number, 6), name


def test_plot_tables_are_finite_and_small(clone):
    tables = [name for name in clone.files("plots") if name.endswith(".csv")]
    assert len(tables) >= 5
    for name in tables:
        table = pd.read_csv(clone.folder / name)
        assert table.notna().all(axis=None), name
        assert len(table) <= 200, name


def test_plots_name_columns_that_exist(clone):
    stages = yaml.safe_load((clone.folder / "dvc.yaml").read_text())["stages"].values()
    for entry in [entry for stage in stages for entry in stage.get("plots", [])]:
        ((path, options),) = entry.items()
        if path.endswith(".csv"):
            table = pd.read_csv(clone.folder / path)
            assert {options["x"], options["y"]} <= set(table.columns), path


def test_evaluation_holds_its_contract(clone):
    found = json.loads((clone.folder / "data/evaluation/details.json").read_text())
    for name in ("roc_auc", "average_precision", "brier", "log_loss", "calibration_slope"):
        assert found[f"{name}_low"] <= found[name] <= found[f"{name}_high"], name
    assert found["over_baseline"] == pytest.approx(
        found["roc_auc"] - found["baseline_roc_auc"], abs=2e-6
    )
    assert 0.85 < found["best_reachable_roc_auc"] <= 1
    headline = json.loads((clone.folder / "metrics/evaluate.json").read_text())
    assert headline == {name: found[name] for name in headline}
    assert {"grade", "roc_auc", "roc_auc_low", "over_rule", "calibration_slope"} <= set(headline)


def test_headlines_are_flat_and_few(clone):
    told = [json.loads(path.read_text()) for path in (clone.folder / "metrics").glob("*.json")]
    assert len(told) == 8
    values = [value for one in told for value in one.values()]
    assert 30 < len(values) < 60
    assert not [value for value in values if isinstance(value, dict | list)]


def test_score_metrics_are_those_of_customers_whose_months_are_ahead(clone):
    told = json.loads((clone.folder / "metrics/score.json").read_text())
    features = pd.read_parquet(clone.folder / "data/features/features.parquet")
    risks = pd.read_parquet(clone.folder / "data/scores/risk.parquet")
    assert risks["customer_id"].tolist() == features["customer_id"].tolist()
    ahead = risks.loc[features["drop"].isna().to_numpy(), "risk"]
    assert told["ahead"] == len(ahead) > 0
    assert told["mean_risk"] == pytest.approx(ahead.mean(), abs=1e-6)
    trained = (features["split"] == "train").to_numpy()
    assert risks["out_of_fold"].to_numpy()[trained].all()
    assert not risks["out_of_fold"].to_numpy()[~trained].any()


def test_training_details_tell_the_calibration_of_the_saved_model(clone):
    told = json.loads((clone.folder / "data/model/details.json").read_text())["calibration"]
    card = json.loads((clone.folder / "data/model/model.json").read_text())
    model = load_model(clone.folder / "data/model/model.skops", sha256=card["sha256"])
    assert told["kind"] == card["calibration"]
    line = [told["slope"], told["intercept"]]
    assert line == pytest.approx([model.slope, model.intercept], abs=1e-6)
    assert (told["bend"] is None) == (model.bend is None) == (told["kind"] != "beta")
    bend = told["bend"] or {}
    assert list(bend.values()) == pytest.approx(list(model.bend or ()), abs=1e-6)
    assert told["log_loss"][told["kind"]] == told["after"]["log_loss"]


def test_campaign_partitions_the_audience_and_respects_consent(clone):
    export = pd.read_parquet(clone.folder / "data/prepared/customers.parquet")
    listed = pd.read_parquet(clone.folder / "data/campaign/list.parquet")
    excluded = pd.read_parquet(clone.folder / "data/campaign/excluded.parquet")
    audience = export.loc[export["drop"].isna(), "customer_id"]
    assert sorted([*listed["customer_id"], *excluded["customer_id"]]) == sorted(audience)
    refused = set(export.loc[export["consent"] == "no", "customer_id"])
    assert refused & set(audience)
    assert not refused & set(listed.loc[listed["channel"] == "message", "customer_id"])


def test_campaign_adds_up_and_opens_in_a_spreadsheet(clone):
    found = json.loads((clone.folder / "data/segments/details.json").read_text())
    listed = pd.read_parquet(clone.folder / "data/campaign/list.parquet")
    excluded = pd.read_parquet(clone.folder / "data/campaign/excluded.parquet")
    assert found["treatment"] + found["control"] == len(listed)
    assert (
        found["treatment"] + found["control"] + sum(found["excluded"].values())
        == (found["audience"])
    )
    assert excluded["gate"].value_counts().to_dict() == {
        gate: count for gate, count in found["excluded"].items() if count
    }
    treated = listed[listed["arm"] == "treatment"]
    assert treated["cost"].sum() == pytest.approx(found["treatment_cost"])
    assert found["power"]["pooled"]["treatment"] == len(treated)
    for name, content in clone.files("data/campaign", "data/segments").items():
        assert not name.endswith(".csv") or content.startswith(b"\xef\xbb\xbf"), name
    assert listed["text"].str.contains("[а-я]").all()
    assert set(listed["valid_until"]) == {datetime.date(2026, 12, 31)}


def test_suppressed_customer_is_off_the_list_on_the_next_run(clone):
    listed = pd.read_parquet(clone.folder / "data/campaign/list.parquet")
    who = listed["customer_id"].iloc[0]
    params = clone.folder / "params.yaml"
    usual = "suppression: data/sample/suppression.csv"
    assert usual in params.read_text()
    params.write_text(params.read_text().replace(usual, "suppression: own.csv"))
    (clone.folder / "own.csv").write_text(f"customer_id\n{who}\n")
    assert "own.csv" in clone.run("dvc", "status", "segment")
    clone.run("dvc", "repro", "-q")
    again = pd.read_parquet(clone.folder / "data/campaign/list.parquet")
    excluded = pd.read_parquet(clone.folder / "data/campaign/excluded.parquet")
    assert who not in set(again["customer_id"])
    assert excluded.set_index("customer_id").loc[who, "gate"] == "suppressed"
    (clone.folder / "own.csv").unlink()
    clone.run("git", "checkout", "-q", ".")
    clone.run("dvc", "checkout", "-q")


@pytest.mark.parametrize(
    ("usual", "other", "stages"),
    [
        ("  budget:\n", "  budget: 3\n", {"segment", "report"}),
        ("spreadsheet: ru", "spreadsheet: en", {"prepare", "evaluate", "segment", "report"}),
    ],
)
def test_param_of_the_campaign_makes_those_run_that_read_it(clone, usual, other, stages):
    params = clone.folder / "params.yaml"
    text = params.read_text()
    assert usual in text
    params.write_text(text.replace(usual, other))
    behind = re.findall(r"^(\w+):$", clone.run("dvc", "status"), re.M)
    params.write_text(text)
    assert set(behind) == stages


def test_consent_taken_back_makes_the_stage_run_and_stops_messages(clone, tmp_path):
    listed = pd.read_parquet(clone.folder / "data/campaign/list.parquet")
    messaged = set(listed.loc[listed["channel"] == "message", "customer_id"])
    assert messaged
    for name, content in clone.files("data/sample").items():
        (tmp_path / name.rsplit("/", maxsplit=1)[-1]).write_bytes(content)
    path = tmp_path / "market_file.csv"
    export = pd.read_csv(path, dtype=str, keep_default_na=False)
    export.loc[export["id"].isin(messaged), "Разрешить сообщать"] = "нет"
    export.to_csv(path, index=False)
    params = clone.folder / "params.yaml"
    params.write_text(params.read_text().replace("dir: data/sample", f"dir: {tmp_path}"))
    clone.run("python", "stages/prepare.py")
    clone.run("python", "stages/featurize.py")
    assert "data/features" in clone.run("dvc", "status", "segment")
    clone.run("python", "stages/segment.py")
    again = pd.read_parquet(clone.folder / "data/campaign/list.parquet")
    assert not messaged & set(again.loc[again["channel"] == "message", "customer_id"])
    clone.run("git", "checkout", "-q", ".")
    clone.run("dvc", "checkout", "-q", "--force")


def test_segments_hold_every_kept_customer_once(clone):
    export = pd.read_parquet(clone.folder / "data/prepared/customers.parquet")
    segments = pd.read_parquet(clone.folder / "data/segments/customers.parquet")
    assert sorted(segments["customer_id"]) == sorted(export["customer_id"])
    inside = segments["segments"].str.contains("promotion_buyers_at_risk").to_numpy()
    together = segments.merge(export)
    rule = (together["risk"] >= 0.6) & (together["promo_share"] >= 0.5)
    assert (rule.to_numpy() == inside).all()


def test_running_again_runs_nothing(clone):
    # What other tests changed and put back may come out of the run cache once.
    assert "Running stage" not in clone.run("dvc", "repro")
    assert "up to date" in clone.run("dvc", "repro")


def test_forced_run_gives_the_same_bytes(clone):
    before = clone.files(*OUTS)
    clone.run("dvc", "repro", "-f", "-q", "--no-run-cache")
    after = clone.files(*OUTS)
    assert {name for name in before if before[name] != after.get(name)} == set()
    assert clone.run("git", "status", "--porcelain") == ""


def test_experiment_with_a_knob_on_other_data(clone, tmp_path):
    """A relative folder outside the project, as a user names it, and one fixed knob."""
    for name, content in clone.files("data/sample").items():
        if name.endswith(".csv"):
            (tmp_path / name.rsplit("/", maxsplit=1)[-1]).write_bytes(content)
    relative = os.path.relpath(tmp_path, clone.folder)
    said = clone.run(
        "dvc", "exp", "run", "-n", "knob", "-S", f"data.dir={relative}",
        "-S", "train.model=logistic", "-S", "models.logistic.C=1e-5",
    )  # fmt: skip
    assert "Ran experiment" in said
    trained = json.loads((clone.folder / "data/model/details.json").read_text())
    scored = json.loads((clone.folder / "data/evaluation/details.json").read_text())
    assert trained["family"] == "logistic"
    assert trained["families"]["logistic"]["knobs"]["C"] == 1e-5
    assert "best_reachable_roc_auc" not in scored
    table = clone.run("dvc", "metrics", "diff", "--md")
    assert re.search(r"evaluate\.json.*roc_auc", table)
    clone.run("git", "checkout", "-q", ".")
    clone.run("dvc", "checkout", "-q")
    assert clone.run("git", "status", "--porcelain") == ""


def test_metrics_diff_needs_no_cache(clone, tmp_path):
    clone.run("git", "clone", "-q", ".", str(tmp_path / "bare"))
    bare = type(clone)(tmp_path / "bare")
    metrics = bare.folder / "metrics/evaluate.json"
    metrics.write_text(re.sub(r'"roc_auc": [0-9.]+', '"roc_auc": 0.5', metrics.read_text()))
    bare.run("git", "commit", "-qam", "other")
    assert re.search(r"roc_auc +\S+ +0\.5 ", bare.run("dvc", "metrics", "diff", "HEAD~1", "HEAD"))


def test_what_was_there_comes_back_after_a_users_mistake(tmp_path, clone):
    before = clone.files(*OUTS)
    params = clone.folder / "params.yaml"
    text = params.read_text()
    params.write_text(text.replace("dir: data/sample", f"dir: {tmp_path}"))
    said = clone.run("dvc", "repro", fails=True)
    assert "has no file market_file; valid names: market_file.csv" in said
    assert "Traceback" not in said
    params.write_text(text)
    clone.run("git", "checkout", "-q", "metrics", "plots", "dvc.lock")
    clone.run("dvc", "checkout", "-q")
    assert clone.files(*OUTS) == before


def test_grade_f_contacts_nobody_and_says_why(clone):
    metrics = clone.folder / "data/evaluation/details.json"
    graded = re.sub(r'"grade": "."', '"grade": "F"', metrics.read_text())
    metrics.write_text(graded)
    said = clone.run("python", "stages/segment.py")
    assert "the model's grade is F, so nobody is contacted" in said
    listed = (clone.folder / "data/campaign/list.csv").read_text(encoding="utf-8-sig")
    assert listed.splitlines() == [
        "customer_id;segment;offer;channel;text;arm;expected_gain;cost;assumed_effect;reasons;valid_until"
    ]
    excluded = pd.read_parquet(clone.folder / "data/campaign/excluded.parquet")
    found = json.loads((clone.folder / "data/segments/details.json").read_text())
    assert set(excluded["gate"]) == {"model_grade_f"}
    assert len(excluded) == found["audience"] == found["excluded"]["model_grade_f"]
    clone.run("git", "checkout", "-q", "metrics", "plots")
    clone.run("dvc", "checkout", "-q", "--force")
