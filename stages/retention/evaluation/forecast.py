"""What to expect of a month before its outcomes are known, from the risks themselves.

If each risk is the customer's probability of a drop, the share of drops, the ROC-AUC and the Brier
score that will be found follow from the risks alone: the expected ROC-AUC is the model-based
concordance of van Klaveren, Gönen, Steyerberg & Vergouwe (2016, doi:10.1002/sim.6997), the expected
Brier score the mean of p (1 - p). The interval holds two things:

- luck: the outcomes are drawn by these probabilities. By each score's influence function (Hampel
  1974), which for the ROC-AUC leads to DeLong's variance (1988);
- doubt: the model knows its own calibration from the customers who taught it, and from no more. The
  shift and the slope of their out-of-fold risks are uncertain (`stats.clustered`), and so is what
  follows from them (delta method).

A model that is true on the whole need not be true at every risk; then it ranks better, or worse,
than its own risks promise. So much shows on the rows that taught it: what was found there out of
fold, beside what the model promises of the same rows, corrects ROC-AUC and Brier score
(`corrections`), and the doubt of these two is that of what was found.

A fact of which the treated are left out holds a third: the lot. Controls stand for the customers
who were treated, and other controls would have been of other risk (`by_lot`).

A shop that changes is in none of them: a fact outside the interval is how it shows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from scipy.special import expit, logit

from retention.core.row_weights import effective_size
from retention.stats.clustered import area_error, mean_error
from retention.stats.estimates import LEAST_OF_CLASS, NOTHING
from retention.stats.metrics import LOSS_CLIP, Drawn, brier, roc_auc

FORESEEN = ("drop_share", "roc_auc", "brier")
"""The scores that are foretold."""
_STEP = 1e-3
"""Of shift and slope, to see how the scores follow them."""


@dataclass(frozen=True)
class Expected:
    """A score that is expected, and how far off it may be.

    Attributes
    ----------
    value : float
        The score.
    luck, doubt : float
        Standard deviations of its log-odds (of the logarithm for a Brier score): of the outcomes
        by chance, and of what the model does not know of itself. NaN where they cannot be told.
    bounded : bool
        Whether the scale is that of log-odds.
    """

    value: float
    luck: float
    doubt: float
    bounded: bool = True

    def interval(self, level: float, *, rows: float = 1.0, lot: float = 0.0) -> tuple[float, float]:
        """Return the interval with coverage `level`; NaN where it cannot be told.

        Parameters
        ----------
        level : float
            Coverage.
        rows : float
            How many customers were foretold for each that a fact is of: of fewer, luck is larger.
        lot : float
            Standard deviation by the lot that chose the customers of a fact, as :func:`by_lot`
            gives it.
        """
        error = np.sqrt(self.luck**2 * rows + self.doubt**2 + lot**2)
        reach = NormalDist().inv_cdf((1 + level) / 2) * error
        low, high = (self._back(self._there(self.value) + end) for end in (-reach, reach))
        return low, high

    def contradicts(
        self, fact: float, *, level: float, rows: float = 1.0, lot: float = 0.0
    ) -> bool:
        """Tell whether a fact lies outside the interval with coverage `level`.

        Parameters
        ----------
        fact : float
            The score that came.
        level, rows, lot
            As :meth:`interval` takes them.
        """
        low, high = self.interval(level, rows=rows, lot=lot)
        return fact < low - NOTHING or fact > high + NOTHING

    def told(
        self, name: str, *, level: float, rows: float = 1.0, lot: float = 0.0
    ) -> dict[str, float]:
        """Return ``name``, ``name_low`` and ``name_high``, as :meth:`interval` tells them."""
        low, high = self.interval(level, rows=rows, lot=lot)
        return {name: self.value, f"{name}_low": low, f"{name}_high": high}

    def distance(self, value: float) -> float:
        """Return how far another value of the score is, in log-odds (or the logarithm)."""
        return self._there(value) - self._there(self.value)

    def moved(self, by: "Correction") -> "Expected":
        """Return the score as a correction moves it, with the doubt of what was found."""
        there = self._back(self._there(self.value) + by.gap)
        return replace(self, value=there, doubt=by.error)

    def _there(self, value: float) -> float:
        value = min(max(value, NOTHING), 1 - NOTHING)
        return float(logit(value) if self.bounded else np.log(value))

    def _back(self, value: float) -> float:
        return float(expit(value) if self.bounded else min(np.exp(value), 1.0))


@dataclass(frozen=True)
class Correction:
    """What a score was found to be on the rows that taught a model, beside what it promises there.

    Attributes
    ----------
    gap : float
        Found less promised, in log-odds (of a Brier score: in its logarithm).
    error : float
        Standard error of what was found, in the same unit.
    """

    gap: float
    error: float


def corrections(
    label: np.ndarray,
    unseen: np.ndarray,
    own: np.ndarray,
    groups: np.ndarray,
    weight: np.ndarray,
) -> dict[str, Correction]:
    """Return what corrects the ROC-AUC and the Brier score; empty where it cannot be told.

    Parameters
    ----------
    label : ndarray of 0 and 1, shape (n_rows,)
        Outcomes of the rows that taught the model.
    unseen, own : ndarray of float, shape (n_rows,)
        Their risks by models that have not seen the row, and by the model itself: the one finds,
        the other promises.
    groups : ndarray, shape (n_rows,)
        Rows of equal value belong together.
    weight : ndarray of float, shape (n_rows,)
    """
    found, promised = came(label, unseen, weight), foresee(own, weight, np.zeros((2, 2)))
    errors = {
        "roc_auc": area_error(label, unseen, groups, weight),
        "brier": mean_error((unseen - label) ** 2, groups, weight) / found["brier"],
    }
    told = {
        name: Correction(promised[name].distance(found[name]), error)
        for name, error in errors.items()
    }
    known = [part for one in told.values() for part in (one.gap, one.error)]
    return told if np.isfinite(known).all() else {}


def foresee(
    risk: np.ndarray,
    weight: np.ndarray,
    doubt: np.ndarray,
    corrected: Mapping[str, Correction] | None = None,
) -> dict[str, Expected]:
    """Return what is expected of customers, by the names of :data:`FORESEEN`.

    Parameters
    ----------
    risk : ndarray of float, shape (n_customers,)
        Their probability of a drop, as the model tells it.
    weight : ndarray of float, shape (n_customers,)
        What each counts.
    doubt : ndarray, shape (2, 2)
        Covariance of the shift and slope of the model's calibration, as ``clustered.line_doubt``
        gives it.
    corrected : mapping of Correction, optional
        By score, as :func:`corrections` gives it.
    """
    score = logit(np.clip(risk, LOSS_CLIP, 1 - LOSS_CLIP))
    mean = float(weight @ risk / weight.sum()) if len(risk) else float("nan")
    # With so few of a class a fact would tell nothing.
    known = effective_size(weight) * min(mean, 1 - mean) >= LEAST_OF_CLASS
    values, spreads = _scores(risk, risk, weight) if known else [np.full(3, np.nan)] * 2
    if not known:
        values[0] = mean
    scales = _scales(values)
    moved = []
    for shift, slope in ((_STEP, 0.0), (0.0, _STEP)):
        ends = [
            _scores(risk, expit(sign * shift + (1 + sign * slope) * score), weight)[0]
            for sign in (1, -1)
        ]
        moved.append((ends[0] - ends[1]) / (2 * _STEP) * scales if known else values * np.nan)
    ways = np.array(moved)
    doubts = np.sqrt(np.einsum("ik,ij,jk->k", ways, doubt, ways))
    expected = {
        name: Expected(
            float(values[place]),
            float(spreads[place] * scales[place]),
            float(doubts[place]),
            name != "brier",
        )
        for place, name in enumerate(FORESEEN)
    }
    for name, one in (corrected or {}).items():
        expected[name] = expected[name].moved(one)
    return expected


def by_lot(risk: np.ndarray, weight: np.ndarray) -> dict[str, float]:
    """Return how far each score may be off because other controls could have been drawn.

    Whoever counts for ``w`` customers was one of ``w`` that could have been left untouched: the
    variance of a sum over independent draws of unequal chance (Horvitz & Thompson 1952,
    doi:10.1080/01621459.1952.10483446), of each score's influence function. Customers of weight 1
    were no draw.

    Parameters
    ----------
    risk, weight : ndarray of float, shape (n_customers,)
        Probability of a drop, and what each customer counts.

    Returns
    -------
    dict
        Standard deviations of log-odds (of the Brier score: of its logarithm), by the names of
        :data:`FORESEEN`; NaN where they cannot be told.
    """
    if (weight == 1).all():
        return dict.fromkeys(FORESEEN, 0.0)
    total, loss = weight.sum(), risk * (1 - risk)
    if not (0 < weight @ risk < total):
        return dict.fromkeys(FORESEEN, float("nan"))
    share, mean_loss = weight @ risk / total, weight @ loss / total
    below, above = _around(risk, risk, weight)
    drops, others = weight @ risk, weight @ (1 - risk)
    area = weight * risk @ below / (drops * others)
    pairs = risk * below + (1 - risk) * above
    moves = (pairs - area * (risk * others + (1 - risk) * drops)) / (drops * others)
    parts = np.array([(risk - share) / total, moves, (loss - mean_loss) / total])
    spreads = np.sqrt(parts**2 @ (weight * (weight - 1)))
    found = spreads * _scales(np.array([share, area, mean_loss]))
    return dict(zip(FORESEEN, found.tolist(), strict=True))


def came(label: np.ndarray, risk: np.ndarray, weight: np.ndarray) -> dict[str, float]:
    """Return what came, by the names of :data:`FORESEEN`; NaN where a class is empty.

    Parameters
    ----------
    label : ndarray of 0 and 1, shape (n_customers,)
    risk, weight : ndarray of float, shape (n_customers,)
    """
    if not len(label):
        return dict.fromkeys(FORESEEN, float("nan"))
    of = Drawn(label, risk, weight[None, :])
    return {
        "drop_share": float(weight @ label / weight.sum()),
        "roc_auc": float(roc_auc(of)[0]),
        "brier": float(brier(of)[0]),
    }


def _scales(values: np.ndarray) -> np.ndarray:
    """Return how much log-odds (of the last: the logarithm) move when a score moves by one."""
    share, area, loss = values
    return np.array([1 / (share * (1 - share)), 1 / (area * (1 - area)), 1 / loss])


def _scores(
    risk: np.ndarray, chance: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the three scores expected where `chance` is true, and their deviations by luck."""
    total = weight.sum()
    varies = weight**2 * chance * (1 - chance)
    share = weight @ chance / total
    loss = weight @ (risk**2 - 2 * risk * chance + chance) / total
    area, moves = _area(risk, chance, weight)
    parts = (1 / total, moves, (1 - 2 * risk) / total)
    return (
        np.array([share, area, loss]),
        np.array([np.sqrt(varies @ np.square(np.broadcast_to(part, len(risk)))) for part in parts]),
    )


def _area(risk: np.ndarray, chance: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the expected ROC-AUC, and how it moves by a customer's outcome (a unit of weight)."""
    below, above = _around(risk, chance, weight)
    drops, others = weight @ chance, weight @ (1 - chance)
    # Nobody is a pair with himself.
    own = weight**2 * chance * (1 - chance)
    pairs = drops * others - own.sum()
    area = (weight * chance @ below - own.sum() / 2) / pairs
    moves = below - above - area * (others - drops)
    return float(area), moves / pairs


def _around(
    risk: np.ndarray, chance: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the weight of others below each customer, and of drops above; ties by half."""
    _, place = np.unique(risk, return_inverse=True)
    drops, others = (np.bincount(place, weight * part) for part in (chance, 1 - chance))
    below, above = np.cumsum(others) - others / 2, drops.sum() - np.cumsum(drops) + drops / 2
    return below[place], above[place]
