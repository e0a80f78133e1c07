"""The rule of outcomes by itself: what it divides by, whom it cannot tell, how it is compared."""

import numpy as np
import pandas as pd
import pytest

from retention.core.params import Label
from retention.data.ledger import Ledger
from retention.data.ripening import (
    agreement,
    outcomes_after,
    relative_season,
    season_index,
    told_by_both,
)
from retention.stats.intervals import exact_share

MONTHS = ["2026-10", "2026-11", "2026-12", "2027-01", "2027-02", "2027-03"]
RULE = Label(horizon_months=3, base_months=3, drop_below=0.8, absent="zero")


def ledger_of(amounts: np.ndarray) -> Ledger:
    """Return a ledger in which a missing amount has no row."""
    ids = pd.Index([f"K{place}" for place in range(len(amounts))])
    table = pd.DataFrame(amounts, ids, MONTHS)
    return Ledger(table, table.notna())


def told(ledger: Ledger, rule: Label = RULE):
    ids = pd.Series(ledger.amounts.index)
    return outcomes_after(
        ledger, season_index(ledger.amounts), ids, "2026-12", rule=rule, last=MONTHS[-1]
    )


@pytest.fixture
def ledger() -> Ledger:
    rng = np.random.default_rng(3)
    level = rng.lognormal(8, 1, (400, 1))
    return ledger_of(level * rng.lognormal(0, 0.3, (400, 6)))


@pytest.mark.parametrize("month", MONTHS)
@pytest.mark.parametrize("factor", [1e-4, 0.37, 3, 7e5])
def test_what_happens_to_everyone_in_a_month_changes_no_outcome(ledger, month, factor):
    before = told(ledger)
    assert 60 < before.drop.sum() < 200
    scaled = ledger.amounts.copy()
    scaled[month] *= factor
    after = told(Ledger(scaled, ledger.has_row))
    assert after.drop.tolist() == before.drop.tolist()


def test_a_few_entry_errors_and_leavers_move_no_other_outcome(ledger):
    before = told(ledger).drop
    amounts = ledger.amounts.copy()
    amounts.iloc[:4, 3:] *= 1000
    amounts.iloc[4:8, 3:] = 0.0
    after = told(Ledger(amounts, ledger.has_row)).drop
    assert after[:4].tolist() == [0] * 4
    assert after[4:8].tolist() == [1] * 4
    assert (after[8:] != before[8:]).mean() < 0.02


def test_the_cut_itself_is_no_drop():
    amounts = np.full((7, 6), 1000.0)
    amounts[0, 3:] = 800.0
    amounts[1, 3:] = 799.9
    assert told(ledger_of(amounts)).drop.tolist() == [0, 1, 0, 0, 0, 0, 0]


def test_why_an_outcome_is_unknown():
    amounts = np.full((9, 6), 1000.0)
    amounts[0, :3] = 0.0  # nothing to fall from
    amounts[1, 0] = np.nan  # an unknown base
    amounts[2, 4] = np.nan  # absent later
    amounts[3, 4] = np.nan  # an empty cell later
    ledger = ledger_of(amounts)
    ledger.has_row.iloc[3, 4] = True
    found = told(ledger)
    assert found.unknown.tolist() == ["no_base", "no_base", "", "unclear", *[""] * 5]
    assert found.absent.tolist() == [False, False, True, *[False] * 6]
    assert found.drop[2] == 1
    assert np.isnan(found.drop[[0, 1, 3]]).all()
    strict = told(ledger, RULE.model_copy(update={"absent": "unknown"}))
    assert strict.unknown.tolist() == ["no_base", "no_base", "absent", "unclear", *[""] * 5]
    assert np.isnan(strict.drop[2])


def test_whom_no_export_has_is_told_by_zero_or_not_at_all(ledger):
    ids = pd.Series(["stranger"])
    found = outcomes_after(
        ledger, season_index(ledger.amounts), ids, "2026-12", rule=RULE, last=MONTHS[-1]
    )
    assert found.unknown.tolist() == ["no_base"]


def test_months_that_are_not_there_are_ahead(ledger):
    ids = pd.Series(ledger.amounts.index)
    found = outcomes_after(
        ledger, season_index(ledger.amounts), ids, "2026-12", rule=RULE, last="2027-02"
    )
    assert set(found.unknown) == {"ahead"}
    assert np.isnan(found.drop).all()


def test_the_season_is_told_beside_the_mean_month():
    amounts = np.tile([1000.0, 1000, 1000, 1000, 1000, 3000], (5, 1))
    amounts[0] *= 1e6
    season = relative_season(season_index(ledger_of(amounts).amounts))
    assert season["2026-10"] == pytest.approx(0.75)
    assert season["2027-03"] == pytest.approx(2.25)


def test_agreement_beyond_chance():
    nan = np.nan
    counts = told_by_both(np.array([1, 1, 0, 0, nan, 1]), np.array([1, 0, 0, 0, 1, nan]))
    assert counts.tolist() == [[2, 0], [1, 1]]
    found = agreement(counts)
    assert (found["both"], found["agree"], found["share"]) == (4, 3, 0.75)
    assert found["kappa"] == pytest.approx(0.5)
    assert agreement(told_by_both(np.array([1.0, nan]), np.array([nan, 1.0]))) is None
    assert agreement(told_by_both(np.ones(3), np.ones(3)))["kappa"] is None


@pytest.mark.parametrize(
    ("successes", "size", "low", "high"),
    [(0, 10, 0, 0.3085), (10, 10, 0.6915, 1), (9, 10, 0.5550, 0.9975), (50, 100, 0.3983, 0.6017)],
)
def test_the_exact_interval_of_a_share(successes, size, low, high):
    assert exact_share(successes, size) == pytest.approx((low, high), abs=5e-5)
