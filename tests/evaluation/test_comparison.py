import numpy as np
import pandas as pd
import pytest

from retention.core.errors import InputError
from retention.evaluation.comparison import (
    LEAST_SHARED,
    NOISE_MARGIN,
    UNDECIDED,
    checked,
    in_common,
    sentence,
    verdict,
)
from retention.stats.metrics import log_loss, plain, resamples, roc_auc, spread
from retention.stats.paired import Difference, log_loss_difference, roc_auc_difference

NAMES = ("old", "new")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def a_pair(rng, rows, *, old=1.0, new=1.0):
    """Two versions that see the same truth through noise of their own, of spread 1 / push."""
    label = (rng.random(rows) < 0.4).astype(int)
    shared = label * 1.5 + rng.normal(size=rows)
    return label, *(sigmoid(shared * push + rng.normal(size=rows)) for push in (old, new))


def pair_by_pair(label, risk):
    """How often each drop (row) outranks each other customer (column), a tie being half."""
    drops, others = risk[label == 1][:, None], risk[label == 0][None]
    return (drops > others) + (drops == others) / 2


def table(customers, drop=None, risk=0.5):
    drop = np.arange(len(customers)) % 2 if drop is None else drop
    return pd.DataFrame({"customer_id": customers, "split": "train", "drop": drop, "risk": risk})


def apart(old, new, error):
    """A difference whose interval is as wide as that of a normal one."""
    return Difference(old, new, error, new - old - 1.96 * error, new - old + 1.96 * error)


def ids(first, last):
    return [f"{number:012x}" for number in range(first, last)]


def test_error_is_delongs_from_all_pairs_with_ties():
    label, old, new = a_pair(np.random.default_rng(1), 150, new=2)
    old, new = old.round(1), new.round(1)
    wins = pair_by_pair(label, new) - pair_by_pair(label, old)
    of_drops, of_others = wins.mean(axis=1), wins.mean(axis=0)
    variance = np.var(of_drops, ddof=1) / len(of_drops) + np.var(of_others, ddof=1) / len(of_others)
    found = roc_auc_difference(label, old, new)
    assert found.error == pytest.approx(np.sqrt(variance), rel=1e-9)
    assert found.value == pytest.approx(wins.mean(), abs=1e-12)
    assert found.old == pytest.approx(pair_by_pair(label, old).mean(), abs=1e-12)


def test_errors_are_those_of_the_bootstrap_of_pairs():
    label, old, new = a_pair(np.random.default_rng(2), 500, new=1.5)
    drawn = resamples(np.arange(500), count=2000, seed=1)
    for score, difference in ((roc_auc, roc_auc_difference), (log_loss, log_loss_difference)):
        both = [spread(score, label, risk, drawn) for risk in (old, new)]
        found = difference(label, old, new)
        assert found.error == pytest.approx((both[1] - both[0]).std(), rel=0.08)
        # Unpaired, the error would be another one.
        assert np.hypot(both[0].std(), both[1].std()) > 1.2 * found.error


def test_log_loss_by_hand_and_as_the_scores_module_has_it():
    label = np.array([1, 0, 1, 0])
    old, new = np.full(4, 0.5), np.array([0.8, 0.2, 0.5, 1.0])
    each = np.log(0.5) - np.log([0.8, 0.8, 0.5, 1e-6])
    found = log_loss_difference(label, old, new)
    assert found.value == pytest.approx(each.mean())
    assert found.error == pytest.approx(each.std(ddof=1) / 2)
    assert found.new == plain(log_loss, label, new)


def test_exchanging_the_versions_turns_the_sign_only():
    label, old, new = a_pair(np.random.default_rng(3), 300, new=2)
    for difference in (roc_auc_difference, log_loss_difference):
        there, back = difference(label, old, new), difference(label, new, old)
        assert there.value == pytest.approx(-back.value)
        assert there.error == pytest.approx(back.error)
        assert (there.low, there.high) == pytest.approx((-back.high, -back.low))


def test_interval_covers_the_known_difference_and_finds_it():
    """Two normal scores of known separation: ROC-AUC is Phi(separation / spread / sqrt 2)."""
    rng = np.random.default_rng(4)
    phi = {1.2: 0.8019, 0.9: 0.7377}  # Phi(1.2 / sqrt 2), Phi(0.9 / sqrt 2)
    found = []
    for _ in range(600):
        label = np.repeat([1, 0], [80, 120])
        noise = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 200).T
        old, new = sigmoid(noise + np.outer([0.9, 1.2], label))
        found.append(roc_auc_difference(label, old, new))
    truth = phi[1.2] - phi[0.9]
    assert np.mean([one.value for one in found]) == pytest.approx(truth, abs=0.004)
    covered = np.mean([one.low <= truth <= one.high for one in found])
    assert 0.925 <= covered <= 0.975
    assert np.mean([one.error for one in found]) == pytest.approx(
        np.std([one.value for one in found]), rel=0.1
    )


def test_smallest_difference_is_found_in_80_of_100():
    rng = np.random.default_rng(5)
    one = apart(0.8, 0.8, 0.01)
    assert one.smallest == pytest.approx(0.02802, abs=1e-5)
    drawn = rng.normal(one.smallest, one.error, 20_000)
    called = [verdict(apart(0.8, 0.8 + value, one.error)) == "better" for value in drawn]
    assert np.mean(called) == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize(
    ("value", "error", "said"),
    [
        (0.0200, 0.0100, "better"),
        (-0.0200, 0.0100, "worse"),
        (0.0190, 0.0100, UNDECIDED),  # the interval includes 0
        (-0.0190, 0.0100, UNDECIDED),
        (0.0101, 0.0001, "better"),
        (0.0099, 0.0001, UNDECIDED),  # certain and too small to matter
        (-0.0099, 0.0001, UNDECIDED),
        (-0.0101, 0.0001, "worse"),
        (0.0, 0.0, UNDECIDED),
    ],
)
def test_verdict_needs_the_interval_and_the_margin(value, error, said):
    found = apart(0.9, 0.9 + value, error)
    assert verdict(found) == said
    assert said in sentence(found, NAMES)


def test_sentence_gives_figures_and_reason():
    assert NOISE_MARGIN == 0.01
    assert sentence(apart(0.90, 0.93, 0.01), NAMES) == (
        "new is better than old: ROC-AUC +0.0300 (+0.0104 to +0.0496), beyond the 0.01 that "
        "counts as noise."
    )
    reasons = {
        (0.01, 0.01): "includes 0",
        (0.004, 0.001): "is within the 0.01 that counts as noise",
        (0, 0): "both rank these customers alike",
    }
    for (value, error), reason in reasons.items():
        assert reason in sentence(apart(0.5, 0.5 + value, error), NAMES)


def test_risk_on_another_scale_is_the_same_ranking():
    label, old, _ = a_pair(np.random.default_rng(6), 300)
    found = roc_auc_difference(label, old, old**2)
    assert found.alike
    assert not log_loss_difference(label, old, old**2).alike


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"customer_id": ["a", "a", "b"]}, "row 2: customer_id is empty or there already"),
        ({"customer_id": ["a", "", "b"]}, "row 2: customer_id is empty or there already"),
        ({"customer_id": ["a", "b", None]}, "row 3: customer_id is empty or there already"),
        ({"drop": [0, 2, 1]}, "row 2: drop is 2; valid: 0 or 1"),
        ({"drop": ["0", "1", "yes"]}, "row 3: drop is yes; valid: 0 or 1"),
        ({"drop": [0, 1, None]}, "row 3: drop is nan"),
        ({"risk": [0.5, 1.01, 0]}, "row 2: risk is 1.01; valid: a number from 0 to 1"),
        ({"risk": [float("nan"), 0.1, 0]}, "row 1: risk is nan"),
    ],
)
def test_malformed_table_is_refused_without_naming_a_customer(change, said):
    right = {"customer_id": ["a", "b", "c"], "drop": [0, 1, 0], "risk": [0.25, 1e-6, 1]}
    found = checked(pd.DataFrame(right), "file")
    assert found.to_dict("list") == right
    with pytest.raises(InputError) as refused:
        checked(pd.DataFrame(right | change), "file")
    assert said in str(refused.value)


def test_missing_column_is_named():
    with pytest.raises(InputError, match="file has no column drop; found: customer, risk"):
        checked(pd.DataFrame({"customer": ["a"], "risk": [0.5]}), "file", key="customer")


def test_customers_are_paired_by_id_whatever_their_order():
    old = table(ids(0, 150), risk=np.arange(150) / 1000)
    new = table(ids(20, 180), risk=np.arange(20, 180) / 500)
    both = in_common(old, new.sample(frac=1, random_state=1), NAMES)
    assert both["customer_id"].tolist() == ids(20, 150)
    assert both["risk_new"].tolist() == pytest.approx(2 * both["risk_old"])
    assert both["drop"].tolist() == [0, 1] * 65


def test_exactly_a_hundred_in_common_will_do():
    assert LEAST_SHARED == 100
    assert len(in_common(table(ids(0, 150)), table(ids(50, 200)), NAMES)) == 100
    with pytest.raises(InputError) as refused:
        in_common(table(ids(0, 150)), table(ids(51, 201), np.arange(1, 151) % 2), NAMES)
    said = "old has 150 customers, new has 150, and they share 99; 100 are needed"
    assert said in str(refused.value)


def test_labels_that_disagree_are_counted():
    drop = np.arange(150) % 2
    drop[[7, 90]] = 1 - drop[[7, 90]]
    with pytest.raises(InputError) as refused:
        in_common(table(ids(0, 150)), table(ids(0, 150), drop), NAMES)
    assert "disagree on the drop of 2 of 150 customers: they saw" in str(refused.value)


@pytest.mark.parametrize("drops", [0, 9, 141])
def test_one_class_cannot_be_compared(drops):
    one = table(ids(0, 150), (np.arange(150) < drops).astype(int))
    with pytest.raises(InputError, match=f"{drops} dropped; 10 of each class"):
        in_common(one, one, NAMES)


def in_months(customers, months, **how):
    return pd.concat([table(customers, **how).assign(month=month) for month in months])


def test_of_a_customers_months_the_last_that_both_have_is_compared():
    drop = np.arange(150) % 2
    old = in_months(ids(0, 150), ["2026-04", "2026-05"], drop=drop, risk=0.25)
    new = pd.concat(
        [
            in_months(ids(0, 150), ["2026-04"], drop=drop, risk=0.5),
            in_months(ids(0, 60), ["2026-05"], drop=drop[:60], risk=0.75),
            in_months(ids(0, 150), ["2026-06"], drop=1 - drop, risk=0.9),
        ]
    )
    both = in_common(*(checked(one.reset_index(drop=True), "file") for one in (old, new)), NAMES)
    assert both["customer_id"].tolist() == ids(0, 150)
    assert both["risk_new"].tolist() == [0.75] * 60 + [0.5] * 90
    assert both["drop"].tolist() == drop.tolist()


def test_a_customer_may_stand_once_in_each_month():
    right = in_months(["a", "b"], ["2026-04", "2026-05"], drop=[0, 1]).reset_index(drop=True)
    assert len(checked(right, "file")) == 4
    with pytest.raises(InputError, match="row 3: customer_id is empty or there already"):
        checked(right.assign(month="2026-04"), "file")


def test_months_are_not_compared_with_a_snapshot():
    monthly, snapshot = in_months(ids(0, 150), ["2026-04"]), table(ids(0, 150))
    said = "new is of a shop's months, old of one snapshot: they saw different data"
    with pytest.raises(InputError, match=said):
        in_common(snapshot, monthly, NAMES)
    with pytest.raises(InputError, match="old is of a shop's months, new of one snapshot"):
        in_common(monthly, snapshot, NAMES)
