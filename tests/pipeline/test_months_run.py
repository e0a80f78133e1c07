"""One whole run of a shop of months: who taught, who judges, who is explained, who is listed."""

import datetime
import json
import shutil
import sys

import pandas as pd
import pytest
import yaml

from clones import Clone
from month_run import LAST, MONTHS, START, TAUGHT, TEST, change_params, lead
from retention.core.months import last_day, shifted
from retention.explanation.hypotheses import MODEL_QUESTION
from retention.measurement.inputs import read_customers, read_list

pytestmark = pytest.mark.slow
KEEP = """
import sys

sys.path.insert(0, "stages")
import promote
from retention.core import paths
from retention.core.files import read_parquet
from retention.models.keeping import keep_model

keep_model("spring", promote.BESIDE, read_parquet(paths.FEATURES))
"""


def strict(text):
    def refuse(word):
        raise AssertionError(f"{word} is no number")

    return json.loads(text, parse_constant=refuse)


def table(clone, name):
    return pd.read_parquet(clone.folder / "data" / f"{name}.parquet")


def details(clone, stage):
    return strict((clone.folder / "data" / stage / "details.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def features(months):
    return table(months, "features/features")


@pytest.fixture
def own(months, tmp_path):
    """A copy of the run, to alter."""
    return Clone(shutil.copytree(months.folder, tmp_path / "own", symlinks=True))


@pytest.fixture(scope="module")
def kept(months, tmp_path_factory):
    """A copy in which the run's model was kept and is used; the trained one is not there."""
    clone = Clone(
        shutil.copytree(months.folder, tmp_path_factory.mktemp("kept") / "own", symlinks=True)
    )
    clone.run(sys.executable, "-c", KEEP)
    shutil.rmtree(clone.folder / "data/model")
    change_params(clone, score={"model": "models/spring"})
    return clone


def test_every_declared_output_is_written_with_numbers_that_are_some(months):
    stages = yaml.safe_load((months.folder / "dvc.yaml").read_text())["stages"].values()
    files = [
        next(iter(entry))
        for stage in stages
        for kind in ("metrics", "plots")
        for entry in stage.get(kind, [])
    ]
    written = months.files("data", "metrics", "plots", "report")
    assert set(files) <= set(written)
    told = {
        name: strict(content.decode())
        for name, content in written.items()
        if name.endswith(".json")
    }
    assert len(told) > 15
    headline = [name for name, content in told.items() if "metrics/" in name for _ in content]
    assert 48 <= len(headline) <= 60


def test_a_month_teaches_only_what_was_known_when_the_test_month_ended(features):
    split = features.groupby("month")["split"].agg(lambda column: set(column) - {"treated"})
    assert split[TAUGHT].map(lambda found: found == {"train"}).all()
    assert split[TEST] == {"test"}
    assert split[LAST] == {"score"}
    assert set().union(*split[[MONTHS[3], MONTHS[4]]]) == {"between"}
    assert set().union(*split[MONTHS[6:8]]) == {"waiting"}
    assert features.loc[features["month"] > TEST, "drop"].isna().all()
    assert features.loc[features["month"] <= TEST, "drop"].notna().all()
    # No customer is in two groups, and a group has all months of its customers.
    assert (features.groupby("customer_id")["twin_key"].nunique() == 1).all()


def test_the_treated_are_left_out_and_controls_stand_for_them(months, features):
    sent = pd.read_parquet(months.folder / "campaigns/spring/list.parquet").set_index("customer_id")
    arm = features["customer_id"].map(sent["arm"])
    # Of three months, as are outcomes: over by the first of December.
    assert START == "2025-09-01"
    window = features["month"].between("2025-06", "2025-10")
    assert (features.loc[(arm == "treatment") & window, "split"] == "treated").all()
    outside = features["month"].isin([MONTHS[0], *MONTHS[6:]])
    assert not (features.loc[outside, "split"] == "treated").any()
    share = (sent["arm"] == "control").mean()
    weights = features.loc[(arm == "control") & window, "weight"]
    assert weights.to_numpy() == pytest.approx(1 / share)
    listed = arm.notna() & window
    assert (features.loc[~listed, "weight"] == 1).all()
    assert (arm[features["split"] == "treated"] == "treatment").all()


def test_everyone_has_a_risk_by_models_that_have_not_seen_the_row(months, features):
    risks = table(months, "scores/risk")
    keys = ["customer_id", "month"]
    pd.testing.assert_frame_equal(risks[keys], features[keys])
    taught = risks["out_of_fold"]
    assert set(risks.loc[taught, "month"]) == set(TAUGHT)
    assert (features["split"][taught] == "train").all()
    card = strict((months.folder / "data/model/model.json").read_text())
    assert card["months"] == TAUGHT
    assert card["horizon_months"] == 3


def test_reasons_segments_and_campaign_are_of_the_last_month(months, features):
    today = features[features["month"] == LAST]
    ids = sorted(today["customer_id"])
    for name in ("explained/reasons", "segments/customers"):
        found = table(months, name)
        assert sorted(found["customer_id"]) == ids, name
        assert "month" not in found
    told = details(months, "explained")
    assert told["months"]["explained"] == LAST
    assert told["months"]["answered"] == TEST
    assert 0.2 < told["with_reasons"] < 1
    assert any(row["answer"] == "yes" for row in told["questions"].values())
    risks = table(months, "scores/risk")
    newest = risks[risks["month"] == LAST].set_index("customer_id")["risk"]
    segments = table(months, "segments/customers").set_index("customer_id")["risk"]
    assert segments.to_dict() == newest.to_dict()


def test_the_list_may_be_sent_to_whom_it_names(months, features):
    listed, excluded = table(months, "campaign/list"), table(months, "campaign/excluded")
    today = features[features["month"] == LAST].set_index("customer_id")
    assert len(listed) > 20
    assert sorted([*listed["customer_id"], *excluded["customer_id"]]) == sorted(today.index)
    messages = today.loc[listed.loc[listed["channel"] == "message", "customer_id"]]
    assert (messages["consent"] == "yes").all()
    assert (messages["contacts_now"] < 5).all()
    params = yaml.safe_load((months.folder / "params.yaml").read_text())["campaign"]
    starts = last_day(LAST) + datetime.timedelta(days=1)
    assert details(months, "segments")["date"] == str(starts)
    until = starts + datetime.timedelta(days=params["valid_days"])
    assert set(listed["valid_until"]) == {until}
    # What measures the campaign later reads both.
    assert len(read_list(months.folder / "data/campaign/list.parquet")) == len(listed)
    known = read_customers(months.folder / "data/segments/customers.parquet")
    assert set(listed["customer_id"]) <= set(known["customer_id"])


def test_no_row_of_an_older_month_changes_the_list(own):
    before = own.files("data/campaign")
    path = own.folder / "data/features/features.parquet"
    rows = pd.read_parquet(path)
    older = rows["month"] != LAST
    rows.loc[older, "consent"] = "yes"
    rows.loc[older, "contacts_now"] = 0
    rows.loc[older, "profit"] = 1e6
    rows.to_parquet(path)
    lead(own, ["segment"])
    assert own.files("data/campaign") == before
    rows[older].to_parquet(path)
    risk = own.folder / "data/scores/risk.parquet"
    pd.read_parquet(risk)[older.to_numpy()].to_parquet(risk)
    said = lead(own, ["segment"], fails=True).splitlines()[-1]
    assert said.startswith(f"error: of {LAST}, the last month, no customer is left")


def test_a_kept_model_says_the_same_without_being_trained(months, kept):
    lead(kept, ["score", "evaluate", "explain", "segment", "report"])
    assert not (kept.folder / "data/model").exists()
    for name in ("scores/risk", "explained/reasons", "campaign/list"):
        found, usual = table(kept, name), table(months, name)
        pd.testing.assert_frame_equal(found[list(usual)], usual)
    assert details(kept, "explained") == details(months, "explained") | {"when_kept": True}
    pages = kept.files("report")
    assert len(pages["report/ru.html"]) > 50_000


def test_where_all_that_taught_has_gone_everything_ends_and_claims_less(kept, tmp_path):
    """Three months are there, none of which has an outcome yet, and a model of older ones."""
    clone = Clone(shutil.copytree(kept.folder, tmp_path / "own", symlinks=True))
    for month in MONTHS[:6]:
        shutil.rmtree(clone.folder / "data/sample" / month)
    shutil.rmtree(clone.folder / "campaigns/spring")
    stages = ["prepare", "featurize", "score", "evaluate", "explain", "segment", "report"]
    lead(clone, stages)
    told, then = details(clone, "explained"), details(kept, "explained")
    assert told["months"] == {"explained": LAST, "answered": None, "taught": 0}
    assert told["noise_threshold"] == then["noise_threshold"]
    assert 0 < told["with_reasons"] <= 1
    assert told["importance"] == then["importance"]
    asked = {key: row["answer"] for key, row in told["questions"].items()}
    assert {key for key, answer in asked.items() if answer != "cannot_tell"} <= {MODEL_QUESTION}
    assert set(table(clone, "campaign/list")["customer_id"]) <= set(
        table(clone, "segments/customers")["customer_id"]
    )
    evaluation = details(clone, "evaluation")
    assert evaluation["judged"] == "when it was kept"
    assert evaluation["grade"] == details(kept, "evaluation")["grade"]
    lines = lead(clone, ["train"], fails=True).splitlines()
    assert lines[-1].startswith("error: ")
    assert "score.model" in lines[-1]


def test_the_months_before_are_as_they_would_have_been_without_the_last(months, tmp_path):
    """What was known of a month does not change when another comes, but for its outcome."""
    clone = Clone(shutil.copytree(months.folder, tmp_path / "own", symlinks=True))
    shutil.rmtree(clone.folder / "data/sample" / LAST)
    lead(clone, ["prepare", "featurize"])
    earlier, now = table(clone, "features/features"), table(months, "features/features")
    keys = ["month", "customer_id"]
    both = earlier.merge(now, on=keys, suffixes=("", "_now"), validate="one_to_one")
    assert len(both) == len(earlier) == (now["month"] != LAST).sum()
    columns = ["revenue_m0", "minutes_m1", "consent", "favourite_category", "behaviour_key"]
    for name in columns:
        assert (both[name] == both[f"{name}_now"]).all() or both[name].isna().any(), name
    ripened = both["drop"].isna() & both["drop_now"].notna()
    assert set(both.loc[ripened, "month"]) == {TEST}
    assert set(earlier.loc[earlier["split"] == "score", "month"]) == {shifted(LAST, -1)}
