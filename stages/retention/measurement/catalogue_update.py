"""From measured effects to the offer catalogue: what the next campaign should run on."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from ruamel.yaml.nodes import SequenceNode

from retention.core.errors import InputError
from retention.core.vocabulary import IDENTITY, LABEL
from retention.core.yaml_files import compose_yaml
from retention.measurement.ab_test import MIN_POOLED, arms_reach
from retention.measurement.pooling import MIN_CELL, Compared, compare, pooled_share, ratio_of
from retention.stats.shrinkage import shrink

OWN, TOGETHER, ALL = "its own customers and the others", "small offers together", "all other offers"
"""Whose outcomes moved an offer's effect."""
MARK = "# measured:"
_COLUMNS = (LABEL, "treated", "risk")


def effects_to_use(
    tables: Sequence[pd.DataFrame], assumed: Mapping[str, float]
) -> dict[str, dict[str, Any]]:
    """Return each offer's effect for the next campaign, shrunk.

    An offer with :data:`MIN_CELL` customers an arm in a campaign is a group of its own, of all the
    campaigns in which it has them; the others are one together. What groups show beyond the assumed
    effects of their offers moves the effect of every offer, most that of the group's own
    (:func:`retention.stats.shrinkage.shrink`).

    Parameters
    ----------
    tables : sequence of DataFrame
        One a campaign: ``offer``, ``treated`` (bool), ``drop`` (0 or 1, never missing), ``risk``
        and, of several, ``customer_id``. Campaigns with fewer than :data:`MIN_POOLED`
        customers an arm count for nothing.
    assumed : mapping
        Effect of each offer before anything was measured; customers of an offer that it lacks count
        for nothing.

    Returns
    -------
    dict
        By offer: ``assumed``, ``use``, ``low``, ``high`` (95 %; as shares of drops prevented;
        ``use`` from 0 to 1) and ``rests_on``. Empty where no campaign counts, or nobody drops.
    """
    of_known = [table[table["offer"].isin(list(assumed))] for table in tables]
    of_known = [one for one in of_known if arms_reach(one["treated"].to_numpy(), MIN_POOLED)]
    codes = sorted({code for table in of_known for code in table["offer"].unique()})
    rows = [_Rows(table, codes) for table in of_known]
    together = [one.compared(np.full(len(one.place), True)) for one in rows]
    if not together or max(cell.means.control.mean for cell in together) <= 0:
        return {}
    ratio = ratio_of(together)
    own: dict[int, list[Compared]] = {}
    for one in rows:
        for j in range(len(codes)):
            if arms_reach(one.treated[one.place == j], MIN_CELL):
                own.setdefault(j, []).append(one.compared(one.place == j))
    measured = {
        codes[j]: (found.mean, found.error**2, np.eye(len(codes))[j])
        for j, cells in sorted(own.items())
        if (found := pooled_share(cells, ratio))
    }
    rests = [(one, ~np.isin(one.place, list(own))) for one in rows]
    rests = [(one, rest) for one, rest in rests if arms_reach(one.treated[rest], MIN_POOLED)]
    found = pooled_share([one.compared(rest) for one, rest in rests], ratio) if rests else None
    if found:
        parts = np.mean([one.parts(rest, len(codes)) for one, rest in rests], axis=0)
        measured[TOGETHER] = (found.mean, found.error**2, parts)
    if not measured:
        return {}
    expected = np.array([assumed[code] for code in codes])
    shares, variances, parts = (np.array(part) for part in zip(*measured.values(), strict=True))
    every = np.concatenate([one.place for one in rows])
    shrunk = shrink(shares, variances, parts, expected, scale=float(expected[every].mean()))
    return {
        code: {
            "assumed": float(assumed[code]),
            "use": min(max(float(shrunk.shares[j]), 0.0), 1.0),
            "low": float(shrunk.low[j]),
            "high": float(shrunk.high[j]),
            "rests_on": OWN if code in measured else TOGETHER if parts[:, j].any() else ALL,
        }
        for j, code in enumerate(codes)
    }


class _Rows:
    """The customers of one campaign, in an order that does not depend on that of the rows."""

    def __init__(self, table: pd.DataFrame, codes: Sequence[str]):
        place = pd.Index(codes).get_indexer(table["offer"].to_numpy(dtype=object))
        columns = [table[name].to_numpy() for name in _COLUMNS]
        order = np.lexsort((*columns, place))  # sums are the same in the last digit too
        self.place = place[order]
        self.drop, self.treated, self.risk = (column[order] for column in columns)
        self.who = None
        if IDENTITY in table:
            self.who = pd.util.hash_array(table[IDENTITY].to_numpy(dtype=object))[order]

    def compared(self, rows: np.ndarray) -> Compared:
        """Compare the arms of the customers that `rows` marks."""
        who = None if self.who is None else self.who[rows]
        return compare(self.drop[rows], self.treated[rows], self.risk[rows], who, shares=True)

    def parts(self, rows: np.ndarray, offers: int) -> np.ndarray:
        """Return what part of the expected drops of some customers each offer has."""
        # A risk of 0 for a whole group cannot be told from a small one.
        weights = self.risk[rows] + 1e-9
        drops = np.bincount(self.place[rows], weights=weights, minlength=offers)
        return drops / drops.sum()


def changed_since(
    found: Mapping[str, Mapping[str, Any]],
    catalogue: Mapping[str, float],
    assumed: Sequence[Mapping[str, float]] = (),
) -> dict[str, float]:
    """Return the effects in the catalogue of today that no list assumed.

    Those that this very measurement proposed, and that were put in, are left out.

    Parameters
    ----------
    found : mapping
        By code, as :func:`effects_to_use` gives them.
    catalogue : mapping
        Effect of each offer today.
    assumed : sequence of mapping
        What further lists assumed, by code.
    """
    told = {
        code: {offer["assumed"], offer["use"], *(one[code] for one in assumed if code in one)}
        for code, offer in found.items()
    }
    return {
        code: catalogue[code]
        for code, effects in told.items()
        if code in catalogue and _written(catalogue[code]) not in map(_written, effects)
    }


def _written(effect: float) -> str:
    """Return an effect as it is put into the catalogue."""
    return f"{effect:.4f}"


def with_effects(text: str, effects: Mapping[str, Mapping[str, Any]], *, place: str) -> str:
    """Return the catalogue with the effects put in and all else, comments too, as it was.

    A comment with the interval and the earlier effect follows each number.

    Parameters
    ----------
    text : str
        Content of offers.yaml.
    effects : mapping
        By code, as :func:`effects_to_use` gives them.
    place : str
        Name of the file, for the message.

    Raises
    ------
    InputError
        If the text is no list of offers.
    """
    root = compose_yaml(text, place=place)
    if not isinstance(root, SequenceNode):
        raise InputError(f"{place} is no list of offers; each begins with '- code:'")
    edits = []
    for entry in root.value:
        nodes = {key.value: value for key, value in getattr(entry, "value", [])}
        if "effect" in nodes and (found := effects.get(nodes["code"].value)):
            edits.append((nodes["effect"], entry.flow_style, found))
    for node, in_braces, found in reversed(edits):
        if node.style in ("|", ">"):
            line = node.start_mark.line + 1
            raise InputError(f"{place}, line {line}: write the effect on the line of its key")
        start, end = node.start_mark.index, node.end_mark.index
        tail = text[end:].partition("\n")[0]
        note = (
            f"  {MARK} {found['low']:.3f} to {found['high']:.3f} ({found['rests_on']}); "
            f"was {found['assumed']:g}"
        )
        after = text[end + len(tail) :]
        if not in_braces and (not tail.strip() or re.match(rf"\s*{re.escape(MARK)}", tail)):
            after = note + after
        else:
            after = tail + after  # a comment of somebody's own stays
        text = f"{text[:start]}{_written(found['use'])}{after}"
    return text
