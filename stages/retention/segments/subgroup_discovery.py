"""Segments nobody named: short rules found on half of the customers, judged by the other half.

The half that finds a rule makes it look good; the half that judges it has not been looked at, so
that the size, the share of drops and the lift it reports are honest, and the p-value (exact, by
Fisher's test) is adjusted for no more than the few rules that were judged.
"""

import keyword
import unicodedata
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from retention.core.hashing import folds, uniform
from retention.core.months import in_months
from retention.core.row_weights import one_each, represented
from retention.core.rules import matches
from retention.core.vocabulary import IDENTITY, LABEL, PROFIT
from retention.stats.effects import holm

_NOT_IN_RULES = (IDENTITY, LABEL, PROFIT, "risk", "profit_rank", "consent", "position")
"""Columns that no discovered rule speaks of: they are no behaviour."""
ASKED_OF_TAUGHT = ("split", "scored", "twin_key", "behaviour_key", "weight")
"""Columns, beside the outcome, by which :func:`halves` chooses among what taught the model."""
BEAM = 60
"""Rules of two comparisons that are tried with a third."""
TRIED = 2000
"""Rules looked at, the best first, until enough different ones are found."""
OVERLAP = 0.5
"""Two rules that share this part of their customers (Jaccard) are one segment."""
WORTH = 1.05
"""A longer rule has to be worth this many times what each of its parts is, see :func:`search`."""
_COLUMNS = (
    "rule",
    "customers",
    "drop_share",
    "base_share",
    "lift",
    "lift_low",
    "lift_high",
    "p_value",
    "q_value",
    "passes",
)


def halves(
    table: pd.DataFrame, *, most: int, seed: int, largest: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of `table` that rules are found on and judged by, and their halves.

    Parameters
    ----------
    table : DataFrame
        ``drop`` and ``twin_key`` of what taught the model, one of each twin pair; in months
        ``month``, ``behaviour_key`` and ``weight`` too.
    most : int
        Rows at most; they and their halves follow from the behaviour alone.
    seed : int
    largest : float, optional
        As ``row_weights.represented`` takes it, where the table is a part of what taught.

    Returns
    -------
    rows : ndarray of int
        Of known outcome; in months one of each customer: the chance of so many drops is counted
        as if no outcome told another, and the months of a customer do.
    fold : ndarray of int
        0 finds, 1 judges.
    """
    rows = np.flatnonzero(table[LABEL].notna().to_numpy())
    if in_months(table):
        chosen = one_each(represented(table.iloc[rows], largest))
        rows = np.flatnonzero(table.index.isin(chosen.index))
    key = table["twin_key"].to_numpy()
    draw = uniform(key[rows], seed=seed, purpose="discover")
    rows = np.sort(rows[np.argsort(draw, kind="stable")[:most]])
    return rows, folds(key[rows], count=2, seed=seed)


def candidates(
    table: pd.DataFrame, *, most: int, seed: int, largest: float | None = None
) -> pd.DataFrame:
    """Return those rows of `table` that :func:`halves` may choose, so that others can be let go.

    Parameters
    ----------
    table, most, seed, largest
        As :func:`halves` takes them; rows by id.
    """
    rows, _ = halves(table, most=most, seed=seed, largest=largest)
    return table.iloc[rows]


def discover(
    customers: pd.DataFrame,
    label: np.ndarray,
    fold: np.ndarray,
    features: Sequence[str],
    words: Sequence[str],
    *,
    least: int = 30,
    comparisons: int = 2,
    rules: int = 6,
    level: float = 0.95,
    error_rate: float = 0.05,
) -> pd.DataFrame:
    """Find short rules with many drops on the even folds, and judge them by the odd ones.

    Parameters
    ----------
    customers : DataFrame
        Labelled training customers, one of each twin pair.
    label : ndarray, shape (n_customers,)
        1 for a drop, else 0.
    fold : ndarray of int, shape (n_customers,)
    features, words : sequence of str
        Columns that a rule may speak of, except ids, outcome, profit, risk and consent; `words`
        are those with words.
    least : int
        Customers that a rule needs among those who judge.
    comparisons : int
        Comparisons in a rule at most, 1 to 3.
    rules : int
        Rules judged at most.
    level : float
        Coverage of the interval of the lift.
    error_rate : float
        Chance that any rule passes where the label does not depend on the behaviour.

    Returns
    -------
    DataFrame
        The judged rules, the worthiest (where they were found) first: ``rule`` (as
        ``retention.core.rules`` reads it), and, among the customers who judge, ``customers``,
        ``drop_share``, ``base_share`` (of all who judge), ``lift`` (their ratio) with
        ``lift_low`` and ``lift_high``, ``p_value`` (one-sided), ``q_value`` (adjusted for all
        judged rules, Holm) and ``passes``: enough customers, the interval above 1, and the
        q-value at most `error_rate`. A rule with too few customers has no p-value.
    """
    y = pd.Series(np.asarray(label)).to_numpy("float64", na_value=np.nan)
    finds, known = np.asarray(fold) % 2 == 0, ~np.isnan(y)
    finding, judging = finds & known, ~finds & known
    names = [name for name in dict.fromkeys([*features, *words]) if name not in _NOT_IN_RULES]
    # A rule that is to keep `least` customers needs some to spare where it is found.
    enough = 1.3 * least * finding.sum() / max(1, judging.sum())
    found = search_rules(
        customers.loc[finding, names],
        y[finding],
        words,
        least=max(2, int(np.ceil(enough))),
        comparisons=comparisons,
        rules=rules,
    )
    judges, outcome = customers[judging], y[judging]
    rows = []
    for rule in found:
        inside = matches(rule, judges, place="discovered")
        rows.append({"rule": rule, **judge_rule(inside, outcome, least=least, level=level)})
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    table["q_value"] = holm(table["p_value"].to_numpy("float64"))
    table["passes"] = ((table["q_value"] <= error_rate) & (table["lift_low"] > 1)).astype(bool)
    return table


def judge_rule(
    inside: np.ndarray, label: np.ndarray, *, least: int, level: float
) -> dict[str, float | int]:
    """Return size, share of drops, lift with its interval, and p-value of a rule.

    The interval of the lift is that of its logarithm by the delta method, half a customer added
    to each count; rule and rest are drawn apart, as the base share holds both. The p-value is the
    chance of so many drops or more among so many customers (hypergeometric).
    """
    total, size = len(label), int(inside.sum())
    drops, hits = int(label.sum()), int(label[inside].sum())
    found: dict[str, float | int] = {"customers": size, "base_share": drops / max(1, total)}
    if not size or not drops:
        return found
    found |= {"drop_share": hits / size, "lift": hits / size / (drops / total)}
    if size < least:
        return found
    share, rest = (hits + 0.5) / (size + 1), (drops - hits + 0.5) / (total - size + 1)
    part = size / total
    base = part * share + (1 - part) * rest
    error = (1 / share - part / base) ** 2 * share * (1 - share) / size
    if total > size:
        error += ((1 - part) / base) ** 2 * rest * (1 - rest) / (total - size)
    reach = np.exp(stats.norm.ppf((1 + level) / 2) * np.sqrt(error))
    centre = share / base
    p_value = float(stats.hypergeom.sf(hits - 1, total, drops, size))
    return found | {"lift_low": centre / reach, "lift_high": centre * reach, "p_value": p_value}


def search_rules(
    customers: pd.DataFrame,
    label: np.ndarray,
    words: Sequence[str],
    *,
    least: int,
    comparisons: int,
    rules: int,
) -> list[str]:
    """Return at most `rules` rules with many drops among `customers`, the best first.

    A rule's worth is how far its share of drops exceeds everyone's, times the root of the share of
    customers it holds for (the binomial test quality of subgroup discovery, Kloesgen 1996): a
    small sure group and a large likely one count alike, whatever the size of the shop. A longer
    rule has to be worth :data:`WORTH` times what any of its parts is, and of rules with mostly the
    same customers only the best is given.
    """
    texts, columns, held = _comparisons(customers, words, least=least)
    if not texts or not label.any():
        return []
    marked = held * label[:, None].astype("float32")

    def worth(sizes: np.ndarray, hits: np.ndarray) -> np.ndarray:
        more = hits / np.maximum(sizes, 1) - label.mean()
        return np.where(sizes >= least, np.sqrt(sizes / len(label)) * np.maximum(more, 0), 0.0)

    single = worth(held.sum(axis=0), marked.sum(axis=0))
    found = [(np.arange(len(texts))[:, None], single)]
    if comparisons > 1:
        both = worth(held.T @ held, marked.T @ held)
        both[columns[:, None] == columns] = 0
        parts = np.maximum(single[:, None], single)
        one, other = np.nonzero(np.triu(both > WORTH * parts))
        found.append((np.column_stack([one, other]), both[one, other]))
    if comparisons > 2 and len(one):
        best = np.lexsort([other, one, -both[one, other].round(9)])[:BEAM]
        one, other = one[best], other[best]
        together = held[:, one] * held[:, other]
        three = worth(together.T @ held, together.T @ marked)
        three[(columns[one][:, None] == columns) | (columns[other][:, None] == columns)] = 0
        parts = np.maximum(np.maximum(both[one], both[other]), both[one, other][:, None])
        pair, third = np.nonzero(three > WORTH * parts)
        members = np.sort(np.column_stack([one[pair], other[pair], third]), axis=1)
        members, kept = np.unique(members, axis=0, return_index=True)
        found.append((members, three[pair, third][kept]))
    return [
        " and ".join(texts[member] for member in members)
        for members in _different(found, held, rules)
    ]


def _different(found: list, held: np.ndarray, rules: int) -> list[np.ndarray]:
    """Return the worthiest rules, each of mostly other customers than those before it."""
    values = np.concatenate([worth for _, worth in found])
    lengths = np.concatenate([np.full(len(worth), of.shape[1]) for of, worth in found])
    every = [members for of, _ in found for members in of]
    # Equal worth: the shorter rule, then the earlier comparison.
    order = np.lexsort([np.arange(len(values)), lengths, -values.round(9)])
    chosen: list[np.ndarray] = []
    sets: list[np.ndarray] = []
    for place in order[:TRIED]:
        if len(chosen) == rules or values[place] <= 0:
            break
        inside = held[:, every[place]].all(axis=1)
        overlaps = ((inside & one).sum() / (inside | one).sum() for one in sets)
        if all(overlap <= OVERLAP for overlap in overlaps):
            chosen.append(every[place])
            sets.append(inside)
    return chosen


def _comparisons(
    customers: pd.DataFrame, words: Sequence[str], *, least: int
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return every comparison with at least `least` customers, its column, and who fulfils it."""
    texts, columns, held = [], [], []
    for place, name in enumerate(customers):
        for text, inside in _of_column(customers[name], name in words):
            if least <= inside.sum() < len(inside):
                texts.append(f"{name} {text}")
                columns.append(place)
                held.append(inside)
    matrix = np.array(held, dtype="float32").reshape(len(held), len(customers)).T
    return texts, np.array(columns, dtype=int), np.ascontiguousarray(matrix)


def _of_column(column: pd.Series, is_word: bool) -> list[tuple[str, np.ndarray]]:
    if is_word:
        place, names = pd.factorize(column, sort=True)
        return [(f"== {_quoted(str(word))}", place == k) for k, word in enumerate(names)]
    values = column.to_numpy("float64", na_value=np.nan)
    found = []
    for cut in round_cuts(values):
        found += [(f">= {cut:.10g}", values >= cut), (f"< {cut:.10g}", values < cut)]
    return found


def round_cuts(values: np.ndarray) -> list[float]:
    """Return round numbers near the deciles of `values`: multiples of 1, 2 or 5 times a power.

    The grain is at most a twentieth of the distance between the first and the last decile; whole
    numbers are cut at whole ones.
    """
    known = values[~np.isnan(values)]
    if not len(known):
        return []
    deciles = np.quantile(known, np.arange(1, 10) / 10)
    spread = deciles[-1] - deciles[0] or known.max() - known.min()
    if not spread > 0:
        return []
    power = 10.0 ** np.floor(np.log10(spread / 20))
    grain = max(step * power for step in (1, 2, 5) if step * power <= spread / 20 * (1 + 1e-9))
    if (known == np.round(known)).all():
        grain = max(grain, 1.0)
    return sorted({float(f"{np.round(cut / grain) * grain:.10g}") for cut in deciles})


def _quoted(word: str) -> str:
    """Return a word as a rule may write it, quoted where it is no plain name."""
    plain = word.isidentifier() and not keyword.iskeyword(word)
    # Python reads a name in its normal form, which is another word of the data.
    return word if plain and unicodedata.is_normalized("NFKC", word) else repr(word)
