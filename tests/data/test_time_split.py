"""Sides of a table of months: nothing that teaches was known later than what judges."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dictionary import COLUMNS
from helpers import project_params
from month_tables import FIRST, month_table
from retention.core.errors import InputError
from retention.core.files import settled, write_parquet
from retention.core.hashing import folds
from retention.core.months import last_day, shifted, split_in_time
from retention.core.params import Features
from retention.core.part_names import part_paths
from retention.data.column_study import associate, study_columns
from retention.data.customer_table import make_table
from retention.data.study_rows import rows_to_study
from retention.data.time_split import linked, same_codes
from retention.data.treated import (
    SentCampaign,
    Treatment,
    find_treated,
    matched_lines,
    read_campaigns,
)

PARAMS = Features(**project_params()["features"])
HORIZON = 3


def featurized(customers, campaigns=()):
    return make_table(customers, PARAMS, columns=COLUMNS, horizon=HORIZON, campaigns=campaigns)


def studied(made):
    position = pd.Series(np.arange(float(len(made.table))))
    rows = rows_to_study(made, position, PARAMS)
    return study_columns(rows, PARAMS, associations=associate(rows, PARAMS))


def sides(table):
    """Which sides the rows of each month are on."""
    return {month: set(part) for month, part in table.groupby("month")["split"]}


@pytest.fixture(scope="module")
def shop():
    return month_table(10, 120)


def test_the_last_month_with_known_outcomes_is_the_test_and_what_it_knew_teaches(shop):
    made = featurized(shop)
    names = [shifted(FIRST, number) for number in range(10)]
    expected = ["train"] * 4 + ["between"] * 2 + ["test"] + ["waiting"] * 2 + ["score"]
    assert sides(made.table) == {name: {one} for name, one in zip(names, expected, strict=True)}
    assert made.months == {
        "split": "time",
        "horizon_months": 3,
        "test_month": names[6],
        "teaching": names[:4],
        "last": names[9],
        "treated": {},
        "controls": {},
        "gaps": [],
    }
    assert split_in_time(made.table)


def test_of_seven_months_one_teaches_and_of_six_customers_are_split():
    seven = featurized(month_table(7, 150))
    assert seven.months["teaching"] == [FIRST]
    assert seven.months["test_month"] == shifted(FIRST, 3)
    six = featurized(month_table(6, 400))
    assert six.months["split"] == "customers"
    assert six.months["test_month"] is None
    assert six.months["teaching"] == [shifted(FIRST, number) for number in range(3)]
    assert not split_in_time(six.table)
    known = six.table[six.table["drop"].notna()]
    assert set(known["split"]) == {"train", "test"}
    # A customer's months are on one side, and about a quarter (features.test_share) is the test.
    assert (known.groupby("twin_key")["split"].nunique() == 1).all()
    assert (known["split"] == "test").mean() == pytest.approx(PARAMS.test_share, abs=0.08)


def test_without_a_known_outcome_nobody_teaches_and_the_columns_are_told_all_the_same():
    made = featurized(month_table(3, 150))
    assert made.months["split"] == "none"
    assert made.months["teaching"] == []
    assert sides(made.table) == {
        FIRST: {"waiting"},
        shifted(FIRST, 1): {"waiting"},
        shifted(FIRST, 2): {"score"},
    }
    assert not split_in_time(made.table)
    study = studied(made)
    assert study.details["drop_share"] is None
    assert study.details["phik_with_drop"] == {}
    assert study.details["leaks"] == {}
    assert study.details["months"]["last"] == shifted(FIRST, 2)
    assert study.details["sample"] == 150  # the newest


def test_months_that_teach_one_outcome_only_have_their_columns_told_too():
    customers = month_table(8, 150)
    known = customers["drop"].notna()
    early = customers["month"] <= shifted(FIRST, 1)
    customers["drop"] = customers["drop"].mask(known & early, 0)
    made = featurized(customers)
    assert made.months["teaching"] == [FIRST, shifted(FIRST, 1)]
    study = studied(made)
    assert study.details["drop_share"] == 0
    assert study.details["phik_with_drop"] == {}


def test_a_few_early_answers_make_no_test_month(shop):
    early = shop["month"].eq(shifted(FIRST, 8)) & (shop.groupby("month").cumcount() < 20)
    told = shop.assign(drop=shop["drop"].mask(early, 1))
    made = featurized(told)
    assert made.months["test_month"] == shifted(FIRST, 6)
    later = made.table[made.table["month"] == shifted(FIRST, 8)]
    assert later["split"].value_counts().to_dict() == {"waiting": 100, "between": 20}


@given(
    months=st.integers(3, 12),
    horizon=st.integers(1, 4),
    unknown=st.sets(st.integers(0, 11), max_size=5),
)
@settings(max_examples=40, deadline=None)
def test_no_outcome_that_teaches_falls_after_the_test_month(months, horizon, unknown):
    table = month_table(months, 12, horizon=horizon)
    lost = table["month"].isin([shifted(FIRST, number) for number in unknown])
    table["drop"] = table["drop"].mask(lost)
    made = make_table(table, PARAMS, columns=COLUMNS, horizon=horizon)
    train = made.table[made.table["split"] == "train"]
    if made.months["split"] != "time":
        assert not split_in_time(made.table)
        return
    end = last_day(made.months["test_month"])
    for month in train["month"].unique():
        assert last_day(shifted(month, horizon)) <= end
    # And no month that might have taught was left out.
    known = made.table[made.table["drop"].notna()]
    early = known[known["month"] <= shifted(made.months["test_month"], -horizon)]
    assert set(early["split"]) == {"train"}


@given(seed=st.integers(0, 1000), pairs=st.integers(0, 8))
@settings(max_examples=30, deadline=None)
def test_no_customer_and_no_twin_is_in_two_folds(seed, pairs):
    table = month_table(5, 30, seed=seed % 7)
    rng = np.random.default_rng(seed)
    behaviour = list(COLUMNS.held_by(table.columns).behaviour)
    for _ in range(pairs):  # some behave exactly as another of the same month does
        month = rng.choice(table["month"].unique())
        one, other = rng.choice(np.flatnonzero(table["month"] == month), 2, replace=False)
        table.loc[other, behaviour] = table.loc[one, behaviour].to_numpy()
    rows = featurized(table).table
    fold = folds(rows["twin_key"].to_numpy(), count=5, seed=seed)
    assert (pd.Series(fold).groupby(rows["customer_id"]).nunique() == 1).all()
    alike = rows["month"] + rows["behaviour_key"].astype(str)
    assert (pd.Series(fold).groupby(alike).nunique() == 1).all()
    assert rows["twin_key"].nunique() >= rows["customer_id"].nunique() - pairs


def test_who_is_linked_over_others_is_together_and_nobody_else():
    ids = np.array(["a", "a", "b", "b", "c", "d"])
    month = np.array(["2025-05", "2025-06", "2025-06", "2025-07", "2025-07", "2025-06"])
    # a and b are alike in June, b and c in July; d behaves in June as c does in July.
    alike = np.array([9, 5, 5, 7, 7, 8], dtype="uint64")
    assert linked(ids, month, alike).tolist() == [9, 9, 9, 9, 9, 8]
    alike[5] = 7
    assert linked(ids, month, alike).tolist() == [9, 9, 9, 9, 9, 7]


@given(st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_the_order_of_rows_and_months_changes_nothing(random):
    table = month_table(8, 25)
    twin = table.index[table["month"] == FIRST][:2]
    behaviour = list(COLUMNS.held_by(table.columns).behaviour)
    table.loc[twin[1], behaviour] = table.loc[twin[0], behaviour].to_numpy()
    order = list(range(len(table)))
    random.shuffle(order)
    keys = ["month", "customer_id"]
    whole = settled(featurized(table).table).sort_values(keys, ignore_index=True)
    mixed = settled(featurized(table.iloc[order].reset_index(drop=True)).table)
    mixed = mixed.sort_values(keys, ignore_index=True)
    # Which of two twins is scored is the first; how many are, does not change.
    pd.testing.assert_frame_equal(
        whole.drop(columns="scored"), mixed.drop(columns="scored"), check_dtype=False
    )
    assert whole["scored"].sum() == mixed["scored"].sum()


def test_a_new_month_moves_nobody(shop):
    """Months that were there keep their folds when another arrives."""
    before = shop[shop["month"] < shop["month"].max()]
    old = featurized(before.reset_index(drop=True)).table
    new = featurized(shop).table
    both = old.merge(new, on=["customer_id", "month"], suffixes=("", "_then"))
    assert len(both) == len(before)
    assert (both["twin_key"] == both["twin_key_then"]).all()


def test_twins_are_of_one_month_and_one_of_them_is_scored(shop):
    behaviour = list(COLUMNS.held_by(shop.columns).behaviour)
    table = shop.copy()
    first, second = table.index[table["month"] == FIRST][:2]
    later = table.index[table["month"] == shifted(FIRST, 1)][5]
    for place in (second, later):
        table.loc[place, behaviour] = table.loc[first, behaviour].to_numpy()
    table.loc[[first, second, later], "drop"] = 1
    rows = featurized(table).table
    assert rows.loc[[first, second, later], "scored"].tolist() == [True, False, True]
    assert rows["scored"].sum() == len(rows) - 1


# Campaigns


def sent(name, ids, arms, *, start="2025-08-01", end="2025-11-01"):
    listed = pd.DataFrame(
        {
            "treatment": [arm == "treatment" for arm in arms],
            "start": pd.Timestamp(start),
            "end": pd.Timestamp(end),
        },
        index=pd.Index(ids, name="customer_id"),
    )
    return SentCampaign(name, listed)


def rows_of(ids, months):
    return pd.DataFrame(
        [(one, month) for one in ids for month in months], columns=["customer_id", "month"]
    )


def test_a_row_is_treated_where_offer_and_outcome_window_overlap():
    months = [shifted("2025-03", number) for number in range(10)]
    found = find_treated(
        rows_of(["a"], months), [sent("autumn", ["a", "b"], ["treatment", "control"])], horizon=3
    )
    # The offer works from 1 August to 31 October: May's outcome falls in June to August, and
    # October's begins on 1 November.
    treated = [month for month, is_so in zip(months, found.treated, strict=True) if is_so]
    assert treated == ["2025-05", "2025-06", "2025-07", "2025-08", "2025-09"]
    assert found.weight.tolist() == [0.0 if month in treated else 1.0 for month in months]
    assert not found.control.any()


def test_an_offer_of_one_day_before_the_window_treats_nobody():
    one = [sent("x", ["a", "b"], ["treatment", "control"], start="2025-08-31", end="2025-09-30")]
    months = ["2025-04", "2025-05", "2025-08", "2025-09"]
    found = find_treated(rows_of(["a"], months), one, horizon=3)
    # It ends on 29 September: September's window begins on 1 October, April's ends on 31 July.
    assert found.treated.tolist() == [False, True, True, False]


def test_controls_weigh_by_the_product_of_all_their_lots():
    ids = list("abcdefgh")
    one = sent("one", ids, ["control"] * 2 + ["treatment"] * 6)
    two = sent("two", ["a", "c", "x", "y"], ["control", "control", "treatment", "treatment"])
    found = find_treated(rows_of([*ids, "z"], ["2025-08"]), [one, two], horizon=3)
    # a: 8/2 and 4/2; b: 8/2; c: treated by the first though a control of the second; z: unlisted.
    assert found.weight.tolist() == [8.0, 4.0, 0, 0, 0, 0, 0, 0, 1.0]
    assert found.treated.tolist() == [False, False, *[True] * 6, False]
    assert found.control.tolist() == [True, True, *[False] * 7]
    assert found.gaps == []


def test_one_lot_that_is_drawn_twice_counts_once():
    """Two campaigns of one seed leave the same customers untreated."""
    ids = [f"c{number}" for number in range(40)]
    arms = ["control" if number % 2 else "treatment" for number in range(40)]
    one, again = sent("one", ids, arms), sent("again", ids[:30], arms[:30])
    found = find_treated(rows_of([*ids, "z"], ["2025-08"]), [one, again], horizon=3)
    assert found.weight.tolist() == [2.0 if number % 2 else 0.0 for number in range(40)] + [1.0]
    other = [*arms[:29], "treatment" if arms[29] == "control" else "control"]
    two = sent("two", ids[:30], other)
    weight = find_treated(rows_of(ids, ["2025-08"]), [one, two], horizon=3).weight
    assert weight[1] == 2.0 * two.control_weight


def test_a_campaign_without_control_leaves_a_gap_that_is_named():
    one = sent("sale", ["a", "b"], ["treatment", "treatment"])
    found = find_treated(rows_of(["a", "b", "c"], ["2025-08", "2025-01"]), [one], horizon=3)
    assert found.gaps == ["sale"]
    assert found.weight.tolist() == [0, 1, 0, 1, 1, 1]
    early = find_treated(rows_of(["a"], ["2025-01"]), [one], horizon=3)
    assert early.gaps == []


def test_the_treated_are_on_no_side_and_twins_do_not_hide_their_controls(shop):
    table = shop.copy()
    behaviour = list(COLUMNS.held_by(shop.columns).behaviour)
    first, second = table.index[table["month"] == "2025-07"][:2]
    table.loc[second, behaviour] = table.loc[first, behaviour].to_numpy()
    table.loc[[first, second], "drop"] = 1
    ids = table.loc[[first, second], "customer_id"].tolist()
    made = featurized(table, [sent("autumn", ids, ["treatment", "control"])])
    assert made.table.loc[[first, second], "split"].tolist() == ["treated", "train"]
    assert made.table.loc[[first, second], "scored"].tolist() == [True, True]
    assert made.table.loc[[first, second], "weight"].tolist() == [0.0, 2.0]
    assert made.months["treated"]["2025-07"] == 1
    assert made.months["controls"]["2025-07"] == 1
    # Two equal rows of which only one stands for others are one customer each.
    rest = made.table.drop(index=[first, second])
    assert rest["scored"].all()


def test_treated_rows_of_the_last_month_are_no_score_rows(shop):
    last = shop["month"].max()
    ids = shop.loc[shop["month"] == last, "customer_id"].tolist()[:10]
    start = pd.Timestamp(last_day(last)) + pd.Timedelta(days=1)
    new = sent("new", ids, ["treatment"] * 8 + ["control"] * 2, start=start, end="2027-01-01")
    rows = featurized(shop, [new]).table
    rows = rows[rows["month"] == last].set_index("customer_id")
    assert (rows.loc[ids[:8], "split"] == "treated").all()
    assert (rows.loc[ids[8:], "split"] == "score").all()
    assert (rows.loc[ids[8:], "weight"] == 5).all()


@pytest.mark.parametrize("seed", range(3))
def test_controls_tell_the_share_that_dropping_customers_have_if_nothing_is_done(seed):
    """Who is contacted drops more often: leaving the treated out alone tells too few drops."""
    rng = np.random.default_rng(seed)
    count = 60_000
    ids = np.arange(count).astype(str)
    risk = rng.beta(1.2, 1.8, count)
    drop = rng.random(count) < risk
    listed = np.flatnonzero(risk > 0.5)
    arms = np.where(rng.random(len(listed)) < 0.2, "control", "treatment")
    campaign = sent("autumn", ids[listed], arms)
    found = find_treated(rows_of(ids, ["2025-08"]), [campaign], horizon=3)
    left = ~found.treated
    error = 2.6 * np.sqrt(0.25 * np.mean(found.weight**2) / count)  # 99 %
    assert np.average(drop, weights=found.weight) == pytest.approx(drop.mean(), abs=error)
    assert drop.mean() - drop[left].mean() > 5 * error


# Lists


def write_list(folder, name="autumn", **changes):
    rows = pd.DataFrame(
        {
            "customer_id": ["1", "2", "3"],
            "arm": ["treatment", "control", "treatment"],
            "offer": "gift",
            "risk": [0.5, 0.6, 0.7],
            "date": "2025-08-01",
            "horizon": 3,
        }
    ).assign(**changes)
    (folder / name).mkdir(parents=True, exist_ok=True)
    rows.to_parquet(folder / name / "list.parquet", index=False)
    return rows


KNOWN = pd.Series(["1", "2", "3", "4"])


def test_lists_are_read_by_name_with_ids_and_days_in_any_form(tmp_path):
    write_list(
        tmp_path, "b", customer_id=["1.0", " 2", "3"], arm=["Treatment", "control", "CONTROL"]
    )
    write_list(tmp_path, "a", date=pd.Timestamp("2025-01-31").date(), horizon=1.0)
    (tmp_path / ".gitignore").touch()
    (tmp_path / "a.dvc").touch()
    one, two = read_campaigns(tmp_path, KNOWN)
    assert (one.name, two.name) == ("a", "b")
    assert two.listed.index.tolist() == ["1", "2", "3"]
    assert two.listed["treatment"].tolist() == [True, False, False]
    assert two.control_weight == 1.5
    assert one.listed["start"].tolist() == [pd.Timestamp("2025-01-31")] * 3
    assert one.listed["end"].tolist() == [pd.Timestamp("2025-02-28")] * 3
    assert read_campaigns(tmp_path / "none", KNOWN) == []


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"arm": ["treatment", "both", "control"]}, "row 2: arm 'both'; valid: treatment, control"),
        ({"date": ["2025-08-01", "soon", "2025-08-01"]}, "row 2: date 'soon'; valid: the day"),
        ({"date": None}, "row 1: date"),
        ({"horizon": [3, 3, 0]}, "row 3: horizon 0; valid: whole months from 1"),
        ({"horizon": [3, 2.5, 3]}, "row 2: horizon 2.5; valid: whole months"),
        ({"customer_id": ["1", "2", "1"]}, "row 3: customer_id; valid: each customer once"),
        ({"customer_id": ["1", None, "3"]}, "row 2: customer_id; valid: an id in every row"),
        ({"customer_id": ["x", "y", "z"]}, "lists 3 customers, none of them in the exports"),
        (
            {"customer_id": ["1", "x", "y"]},
            "lists 3 customers, 1 of them in the exports; valid: 50%",
        ),
        ({"customer_id": ["01", "2", "3"]}, "has the id '01', the export has '1': they differ by"),
    ],
)
def test_a_malformed_list_ends_in_one_line(tmp_path, changes, line):
    write_list(tmp_path, **changes)
    with pytest.raises(InputError) as told:
        read_campaigns(tmp_path, KNOWN)
    assert line in str(told.value)
    assert "autumn/list.parquet" in str(told.value)


def test_a_list_in_parts_is_read_whole_or_refused(tmp_path):
    rows = write_list(tmp_path)
    whole = read_campaigns(tmp_path, KNOWN)[0]
    place = tmp_path / "autumn/list.parquet"
    place.unlink()
    files = part_paths(place, 3)
    for path, part in zip(files, (rows[:1], rows[1:], rows[:0]), strict=True):
        write_parquet(part, path)
    (found,) = read_campaigns(tmp_path, KNOWN)
    assert found.name == "autumn"
    pd.testing.assert_frame_equal(found.listed, whole.listed)
    assert len(found.listed) == 3
    files[1].unlink()
    with pytest.raises(InputError, match=r"autumn/list.parquet has 2 of the parts.*not all of 3"):
        read_campaigns(tmp_path, KNOWN)


def test_a_list_without_a_column_and_one_that_is_not_here(tmp_path):
    rows = write_list(tmp_path)
    rows.drop(columns="horizon").to_parquet(tmp_path / "autumn/list.parquet")
    with pytest.raises(InputError, match="lacks the column horizon; valid: customer_id, arm"):
        read_campaigns(tmp_path, KNOWN)
    rows.head(0).to_parquet(tmp_path / "autumn/list.parquet")
    with pytest.raises(InputError, match="lists nobody"):
        read_campaigns(tmp_path, KNOWN)
    write_list(tmp_path)
    (tmp_path / "winter.dvc").touch()
    with pytest.raises(InputError, match=r"winter is not here.*`dvc pull .*winter\.dvc` brings it"):
        read_campaigns(tmp_path, KNOWN)
    assert isinstance(find_treated(rows_of(["1"], [FIRST]), [], horizon=3), Treatment)


@pytest.mark.parametrize("name", ["list.xlsx", "list.csv", "List.parquet", ""])
@pytest.mark.parametrize("pointer", [False, True])
def test_a_campaign_whose_list_has_another_name(tmp_path, name, pointer):
    """Nobody who was treated is taken for untreated in silence."""
    write_list(tmp_path, "spring")
    (tmp_path / "autumn").mkdir()
    if name:
        (tmp_path / "autumn" / name).touch()
    if pointer:
        (tmp_path / "autumn.dvc").touch()
    line = f"autumn has no list.parquet.* cannot be known; found: {name or 'nothing'}; remove"
    if pointer and not name:
        line = r"autumn is not here.*`dvc pull .*autumn\.dvc` brings it"
    with pytest.raises(InputError, match=line):
        read_campaigns(tmp_path, KNOWN)


def test_a_list_that_is_in_no_folder(tmp_path):
    write_list(tmp_path, "spring")
    (tmp_path / "spring/list.parquet").rename(tmp_path / "autumn.parquet")
    (tmp_path / "spring").rmdir()
    with pytest.raises(InputError, match=r"autumn\.parquet is a file; .*autumn/list\.parquet"):
        read_campaigns(tmp_path, KNOWN)


def test_how_many_of_a_list_the_exports_know_is_said(tmp_path):
    write_list(tmp_path, customer_id=["1", "2", "5"])
    assert matched_lines(read_campaigns(tmp_path, KNOWN), KNOWN) == [
        "campaign autumn: the exports know 2 of 3 customers"
    ]


def test_an_id_of_a_form_that_the_exports_do_not_have_is_no_customer_who_left(tmp_path):
    write_list(tmp_path, customer_id=["1", "2", "4x"])
    with pytest.raises(InputError, match=r"list\.parquet has the id '4x', a form that no id of"):
        read_campaigns(tmp_path, KNOWN)


def test_one_month_is_split_as_a_snapshot_is():
    month = month_table(1, 300, horizon=0)
    snapshot = make_table(month.drop(columns=["month", "label_source"]), PARAMS, columns=COLUMNS)
    made = featurized(month)
    assert made.months["split"] == "customers"
    same = list(snapshot.table)
    pd.testing.assert_frame_equal(made.table[same], snapshot.table)
    assert set(snapshot.table["split"]) == {"train", "test"}
    assert snapshot.months == {}


def test_rows_that_are_equal_in_all_columns_share_a_number():
    month = np.array(["b", "a", "b", "a", "b"], dtype=object)
    weight = np.array([1.0, 1.0, 1.0, np.nan, 2.0])
    found = same_codes(month, np.array([7, 7, 7, 7, 7], dtype="uint64"), weight)
    assert found[0] == found[2]
    assert len(set(found)) == 4
