import datetime
import shutil

import pytest
import yaml
from dvc.utils.serialize import modify_yaml

from dictionary import COLUMNS
from helpers import ABSENT, project_params, write_changed
from project import FIXTURES
from retention.core.errors import InputError, clipped
from retention.core.params import load_params
from retention.models.estimators import FAMILIES


def changed(tmp_path, key, value):
    return write_changed(tmp_path / "params.yaml", project_params(), {key: value})


def line(path):
    with pytest.raises(InputError) as mistake:
        load_params(path, columns=COLUMNS)
    return str(mistake.value)


def test_whole_params_are_valid_and_typed():
    content, params = project_params(), load_params(FIXTURES / "params.yaml", columns=COLUMNS)
    assert params.train.folds == content["train"]["folds"]
    assert params.data.as_of == datetime.date.fromisoformat(content["data"]["as_of"])
    assert params.prepare.misspellings == content["prepare"]["misspellings"]
    assert set(type(params.models).model_fields) == set(content["models"])


def test_unknown_key_is_named_with_the_valid_ones(tmp_path):
    valid = ", ".join(project_params()["train"])
    path = changed(tmp_path, "train.fold", 5)
    assert line(path) == f"{path}: unknown key train.fold; valid keys here: {valid}"


def test_unknown_section_is_named_with_the_valid_ones(tmp_path):
    valid = ", ".join(project_params())
    path = changed(tmp_path, "extra", {"a": 1})
    assert line(path) == f"{path}: unknown key extra; valid keys here: {valid}"


def test_unknown_knob_is_named_with_the_valid_ones(tmp_path):
    path = changed(tmp_path, "models.logistic.c", 1)
    assert line(path) == f"{path}: unknown key models.logistic.c; valid keys here: C, l1_ratio"


def test_missing_key_is_named(tmp_path):
    path = changed(tmp_path, "models.svc.gamma", ABSENT)
    assert line(path) == f"{path}: key models.svc.gamma is missing"


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("train.folds", "many", "'many'; input should be a valid integer, unable to parse string"),
        ("train.folds", 2.5, "2.5; input should be a valid integer, got a number with a fraction"),
        ("train.folds", 1, "1; input should be greater than or equal to 2"),
        ("train.folds", 21, "21; input should be less than or equal to 20"),
        ("train.seed", -1, "-1; input should be greater than or equal to 0"),
        ("train.families", [], "[]; list should have at least 1 item"),
        ("features.test_share", 0.7, "0.7; input should be less than or equal to 0.5"),
        ("features.use_profit", "perhaps", "'perhaps'; input should be a valid boolean"),
        ("simulate.customers", 59, "59; input should be greater than or equal to 60"),
        ("evaluate.level", 1, "1; input should be less than 1"),
        ("campaign.control_share", 1, "1; input should be less than 1"),
        ("campaign.date", "2026-02-30", "'2026-02-30'; input should be a valid date"),
        ("campaign.budget", -1, "-1; input should be greater than or equal to 0"),
        ("campaign.contact_cap", -1, "-1; input should be greater than or equal to 0"),
        ("campaign.suppression", "", "''; string should have at least 1 character"),
        ("campaign.most_drift", 1.5, "1.5; input should be less than or equal to 1"),
        ("features.least_drift", -0.1, "-0.1; input should be greater than or equal to 0"),
        ("campaign.share_lost", 1.1, "1.1; input should be less than or equal to 1"),
        ("models.logistic.C", [1, 0], "0; input should be greater than 0"),
        ("models.logistic.C", "x", "'x'; input should be a valid number"),
        ("models.logistic.C", [], "[]; value should have at least 1 item"),
        ("models.logistic.C", [1, float("inf")], "inf; input should be a finite number"),
        ("models.logistic.l1_ratio", 2, "2; input should be less than or equal to 1"),
        ("models.knn.weights", "near", "'near'; input should be 'uniform' or 'distance'"),
        ("models.boosting.max_leaf_nodes", 1, "1; input should be greater than or equal to 2"),
        ("models.forest.max_features", 0, "0; input should be greater than 0"),
        ("segment.rules", {}, "{}; dictionary should have at least 1 item"),
        ("segment.rules.bad", 3, "3; input should be a valid string"),
        (
            "segment.grid.risk",
            [0.6, 0.3],
            "[0.6, 0.3]; input should be quantiles or a list of two numbers, the smaller first",
        ),
        (
            "segment.grid.profit",
            [1],
            "[1]; input should be quantiles or a list of two numbers, the smaller first",
        ),
        (
            "segment.grid.profit",
            "terciles",
            "'terciles'; input should be quantiles or a list of two numbers, the smaller first",
        ),
        (
            "segment.grid.profit",
            [0, True],
            "[0, True]; input should be quantiles or a list of two numbers, the smaller first",
        ),
        (
            "segment.grid.risk",
            [0.1, float("inf")],
            "[0.1, inf]; input should be quantiles or a list of two numbers, the smaller first",
        ),
        ("segment.least", 1, "1; input should be greater than or equal to 2"),
        ("segment.discover.comparisons", 4, "4; input should be less than or equal to 3"),
    ],
)
def test_wrong_value_is_named_with_key_found_and_valid(tmp_path, key, value, sentence):
    path = changed(tmp_path, key, value)
    told = line(path)
    assert told.startswith(f"{path}: {key} is {sentence}")
    assert "\n" not in told


def test_unknown_model_is_answered_with_every_valid_name(tmp_path):
    *most, last = [repr(name) for name in ("auto", *FAMILIES, "blend")]
    path = changed(tmp_path, "train.model", "lightgbm")
    valid = f"{', '.join(most)} or {last}"
    assert line(path) == f"{path}: train.model is 'lightgbm'; input should be {valid}"


def test_unknown_family_is_answered_with_every_valid_name(tmp_path):
    *most, last = [repr(name) for name in (*FAMILIES, "blend")]
    path = changed(tmp_path, "train.families", ["tree", "catboost"])
    valid = f"{', '.join(most)} or {last}"
    assert line(path) == f"{path}: train.families is 'catboost'; input should be {valid}"


@pytest.mark.parametrize("key", ["train.seed", "prepare.max_quarantined", "models.tree.max_depth"])
def test_yes_is_no_number(tmp_path, key):
    path = changed(tmp_path, key, True)
    assert line(path).startswith(f"{path}: {key} is True; ")


def test_several_faults_are_told_as_one_line_with_their_count(tmp_path):
    path = changed(tmp_path, "models.svc", {"C": -1, "gamma": 0, "kernel": "rbf"})
    told = f"{path}: models.svc.C is -1; input should be greater than 0 (and 2 more)"
    assert line(path) == told


@pytest.mark.parametrize("written", ["1e-05", "1e-5", "1E-5"])
def test_power_of_ten_as_dvc_writes_it_is_the_number_it_is(tmp_path, written):
    path = changed(tmp_path, "models.logistic.C", "HERE")
    path.write_text(path.read_text(encoding="utf-8").replace("HERE", written), encoding="utf-8")
    assert load_params(path, columns=COLUMNS).models.logistic.C == [0.00001]


def test_what_dvc_writes_is_read_as_it_was_meant(tmp_path):
    """``dvc exp run -S`` changes params.yaml so."""
    path = tmp_path / "params.yaml"
    shutil.copy(FIXTURES / "params.yaml", path)
    rule = "risk >= 0.6 and (service == standard or favourite_category == 'Товары для # дома')"
    with modify_yaml(path) as content:
        content["models"]["logistic"]["C"] = 1e-5
        content["campaign"]["date"] = "2027-01-31"
        content["campaign"]["profit_unit"] = "yes"
        content["segment"]["rules"]["mine"] = rule
    assert "C: 1e-05" in path.read_text(encoding="utf-8")
    params = load_params(path, columns=COLUMNS)
    assert params.models.logistic.C == [0.00001]
    assert params.campaign.date == datetime.date(2027, 1, 31)
    assert params.campaign.profit_unit == "yes"
    assert params.segment.rules["mine"] == rule


def test_scalar_knob_becomes_a_list_of_one(tmp_path):
    params = load_params(changed(tmp_path, "models.logistic.C", 0.5))
    assert params.models.logistic.C == [0.5]


def test_list_of_knobs_stays_in_its_order(tmp_path):
    params = load_params(changed(tmp_path, "models.tree.max_depth", [9, 2, "4"]))
    assert params.models.tree.max_depth == [9, 2, 4]


def test_params_cannot_be_changed_after_loading():
    params = load_params(FIXTURES / "params.yaml")
    with pytest.raises(ValueError, match="frozen"):
        params.train.folds = 3
    assert params.train.folds == project_params()["train"]["folds"]


def test_broken_yaml_is_told_with_its_line(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("data:\n  dir: data/sample\n  as_of: [2026\ntrain: 1\n")
    told = f"{path}, line 4: not valid YAML (expected ',' or ']', but got ':')"
    assert line(path) == told


def test_tab_is_told_with_its_line(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("data:\n\tdir: data/sample\n")
    told = f"{path}, line 2: not valid YAML (found character '\\t' that cannot start any token)"
    assert line(path) == told


def test_day_that_no_month_has_is_told_in_one_line(tmp_path):
    path = changed(tmp_path, "campaign.date", "HERE")
    path.write_text(path.read_text(encoding="utf-8").replace("HERE", "2026-02-30"))
    told = line(path)
    assert told.startswith(str(path))
    assert "\n" not in told


def test_missing_file_is_told_with_where_to_run(tmp_path):
    path = tmp_path / "params.yaml"
    assert line(path) == f"{path} is missing; run from the project's folder"


def test_text_that_is_not_utf_8_is_told(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_bytes("данные: 1".encode("cp1251"))
    assert line(path) == f"{path} is not UTF-8 text; save it as UTF-8"


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "only words"])
def test_file_without_sections_is_told_in_one_line(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    told = line(path)
    assert told.startswith(f"{path}: the file is {yaml.safe_load(text)!r}; ")
    assert "\n" not in told


@pytest.mark.parametrize(
    ("key", "written", "sentence"),
    [
        ("campaign.horizon_months", "1:30", "'1:30'; input should be a valid number"),
        ("campaign.budget", "0,5", "'0,5'; input should be a valid number"),
        ("train.folds", "yes", "'yes'; input should be a valid integer"),
        (
            "campaign.profit_unit",
            "true",
            "True; input should not be a switch (true, false); quote it if",
        ),
        ("campaign.profit_unit", "2026-12-01", "2026-12-01; input should be a valid string; quote"),
        ("campaign.profit_unit", "0100", "100; input should be a valid string; quote it if it"),
    ],
)
def test_what_yaml_takes_for_something_else_is_told(tmp_path, key, written, sentence):
    path = changed(tmp_path, key, "HERE")
    path.write_text(path.read_text(encoding="utf-8").replace("HERE", written), encoding="utf-8")
    assert line(path).startswith(f"{path}: {key} is {sentence}")


def test_word_that_was_a_switch_is_text_where_text_is_due(tmp_path):
    path = changed(tmp_path, "campaign.profit_unit", "HERE")
    path.write_text(path.read_text(encoding="utf-8").replace("HERE", "no"), encoding="utf-8")
    assert load_params(path, columns=COLUMNS).campaign.profit_unit == "no"


def test_leading_zero_is_no_octal_number(tmp_path):
    path = changed(tmp_path, "campaign.budget", "HERE")
    path.write_text(path.read_text(encoding="utf-8").replace("HERE", "0100"), encoding="utf-8")
    assert load_params(path, columns=COLUMNS).campaign.budget == 100


def test_message_clips_and_escapes_what_it_quotes(tmp_path):
    told = line(changed(tmp_path, "train.model", "\x1b[31m\u202e" + "x" * 10_000))
    assert "train.model is '\\x1b[31m\\u202exxx" in told
    assert told.isprintable()
    told = line(changed(tmp_path, "segment.rules", {"x" * 10_000: 3}))
    assert len(told) < 400


@pytest.mark.parametrize(
    "name",
    [
        "two words",
        "a,b",
        "a;b",
        "a/b",
        "a|b",
        "a:b",
        "a\tb",
        "",
        " ",
        "1st",
        "-a",
        "=1+1",
        "x" * 61,
        "\u202eab",
        "rest",
        "Rest",
        "risk",
        "profit_rank",
        "service",
        "drop",
        "customer_id",
        "nan",
        "None",
        "NA",
    ],
)
def test_name_that_no_segment_can_have_is_refused(tmp_path, name):
    told = line(changed(tmp_path, "segment.rules", {name: "risk >= 0.5"}))
    assert told.startswith(f"{tmp_path / 'params.yaml'}: segment.rules.{clipped(name)} is ")
    assert told.isprintable()


@pytest.mark.parametrize("name", ["vip", "at-risk", "молодые_семьи", "B2", "restless"])
def test_plain_name_of_a_segment_is_taken(tmp_path, name):
    params = load_params(changed(tmp_path, "segment.rules", {name: "risk >= 0.5"}), columns=COLUMNS)
    assert params.segment.rules == {name: "risk >= 0.5"}


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("service == стандарт", "service can never be стандарт; valid: standard, premium; did you"),
        ("risk >= 60", "risk can never be 60; valid: numbers from 0 to 1; did you mean 0.6?"),
        ("drop == 1", "unknown column drop; valid: "),
    ],
)
def test_rule_that_cannot_hold_is_refused_on_load(tmp_path, rule, sentence):
    path = changed(tmp_path, "segment.rules.mine", rule)
    assert line(path).startswith(f"{path}: segment.rules.mine: {rule!r}: {sentence}")


def test_category_that_may_be_new_in_the_data_is_left_to_the_data(tmp_path):
    path = changed(tmp_path, "segment.rules.mine", "favourite_category == garden")
    assert (
        load_params(path, columns=COLUMNS).segment.rules["mine"] == "favourite_category == garden"
    )


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("data.as_of", 0, '0; input should be a day as "YYYY-MM-DD"'),
        ("data.as_of", 20261101, '20261101; input should be a day as "YYYY-MM-DD"'),
        ("data.as_of", "1764547200", "'1764547200'; input should be a day as"),
        ("data.as_of", "01.11.2026", "'01.11.2026'; input should be a day as"),
        (
            "data.as_of",
            datetime.datetime(2026, 11, 1, 10),
            "2026-11-01 10:00:00; input should be a",
        ),
        ("campaign.date", "1026-12-01", "'1026-12-01'; input should be a day from 2000 to 2099"),
        ("campaign.valid_days", 10**9, "1000000000; input should be less than or equal to 3650"),
        ("campaign.budget", 1e300, "1e+300; numbers reach from -1e+12 to 1e+12"),
        ("campaign.budget", "9" * 400, f"'{'9' * 60}…'; "),
        ("train.candidates", 10**30, f"{10**30}; numbers reach from -1e+12 to 1e+12"),
        ("models.logistic.C", [1, 1e13], "[1, 10000000000000.0]; numbers reach from"),
        ("segment.grid.risk", [30, 60], "[30, 60]; the risk is cut at two numbers from 0 to 1"),
        ("segment.grid.profit", [1, 1e13], "[1, 10000000000000.0]; numbers reach from"),
        ("campaign.suppression", "a\0b", "'a\\x00b'; input should not hold the character U+0000"),
        ("campaign.profit_unit", "\x1b[31m", "'\\x1b[31m'; input should not hold the character U+"),
        ("data.dir", "\u202etac", "'\\u202etac'; input should not hold the character U+202E"),
        (
            "prepare.misspellings",
            {"consent": {"Нет ": "да"}},
            "{'consent': {'Нет ': 'да'}}; consent: Нет  has a meaning of its own and cannot be a "
            "misspelling of да",
        ),
        (
            "prepare.misspellings",
            {"drop": {"0": "Снизилась"}},
            "{'drop': {'0': 'Снизилась'}}; drop: 0 has a meaning of its own and cannot be a "
            "misspelling of Снизилась",
        ),
        (
            "prepare.misspellings",
            {"consent": {"": "да"}},
            "{'consent': {'': 'да'}}; consent: nothing has a meaning of its own and cannot be a "
            "misspelling of да",
        ),
        ("prepare.misspellings", {"servic": {"a": "b"}}, "{'servic': {'a': 'b'}}; unknown column "),
        (
            "prepare.misspellings",
            {"service": {"стд": "standard"}},
            "{'service': {'стд': 'standard'}}; service can never be standard; valid: стандарт, ",
        ),
    ],
)
def test_value_that_nobody_can_mean_is_refused(tmp_path, key, value, sentence):
    path = changed(tmp_path, key, value)
    assert line(path).startswith(f"{path}: {key} is {sentence}")


@pytest.mark.parametrize("day", ["2026-11-01", datetime.date(2026, 11, 1)])
def test_day_is_read_quoted_or_not(tmp_path, day):
    path = changed(tmp_path, "data.as_of", day)
    assert load_params(path, columns=COLUMNS).data.as_of == datetime.date(2026, 11, 1)


def test_misspelling_towards_a_new_category_is_taken(tmp_path):
    mended = {"favourite_category": {"Сад": "Сад и огород"}, "period": {"тек": "текущий_месяц"}}
    path = changed(tmp_path, "prepare.misspellings", mended)
    assert load_params(path, columns=COLUMNS).prepare.misspellings == mended
