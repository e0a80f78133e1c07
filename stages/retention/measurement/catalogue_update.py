"""From measured effects to the offer catalogue: what the next campaign should run on."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from ruamel.yaml.nodes import SequenceNode

from retention.core.errors import InputError
from retention.core.vocabulary import LABEL
from retention.core.yaml_files import compose_yaml
from retention.measurement.ab_test import (
    MIN_POOLED,
    arms_reach,
    drop_means,
    prevented,
    steady_variance,
)
from retention.stats.shrinkage import shrink

OWN, TOGETHER, ALL = "its own customers and the others", "small offers together", "all other offers"
"""Whose outcomes moved an offer's effect."""
MIN_OWN = 15
"""Customers with an outcome that either arm of an offer needs to be a group of its own: how much
less than others it says, its variance tells; fewer tell no variance."""
MARK = "# measured:"
_COLUMNS = (LABEL, "treated", "risk")


def effects_to_use(table: pd.DataFrame, assumed: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    """Return each offer's effect for the next campaign, shrunk.

    An offer with :data:`MIN_OWN` customers an arm is a group of its own, the others are one
    together. What groups show beyond the assumed effects of their offers moves the effect of every
    offer, most that of the group's own (:func:`retention.stats.shrinkage.shrink`).

    Parameters
    ----------
    table : DataFrame
        ``offer``, ``treated`` (bool), ``drop`` (0 or 1, none missing) and ``risk``.
    assumed : mapping
        Effect of each offer when the list was sent; customers of an offer that it lacks count for
        nothing.

    Returns
    -------
    dict
        By offer: ``assumed``, ``use``, ``low``, ``high`` (95 %; as shares of drops prevented;
        ``use`` from 0 to 1) and ``rests_on``. Empty where fewer than :data:`MIN_POOLED` customers
        an arm have an outcome, or nobody drops.
    """
    table = table[table["offer"].isin(list(assumed))]
    place, codes = pd.factorize(table["offer"].to_numpy(dtype=object), sort=True)
    columns = [table[name].to_numpy() for name in _COLUMNS]
    order = np.lexsort((*columns, place))  # sums are the same in the last digit too
    place, columns = place[order], [column[order] for column in columns]
    treated, risk = columns[1], columns[2]
    if not arms_reach(treated, MIN_POOLED):
        return {}
    together = drop_means(*columns)
    if together.control.mean <= 0:
        return {}
    ratio = max(together.treatment.mean / together.control.mean, 0.0)
    own = [j for j in range(len(codes)) if arms_reach(treated[place == j], MIN_OWN)]
    groups = {codes[j]: place == j for j in own}
    rest = ~np.isin(place, own)
    if arms_reach(treated[rest], MIN_POOLED):
        groups[TOGETHER] = rest
    measured = {
        name: found
        for name, rows in groups.items()
        if (found := _of([column[rows] for column in columns], ratio))
    }
    if not measured:
        return {}
    expected = np.array([assumed[code] for code in codes])
    # An offer counts in its group as the drops do that it could prevent.
    parts = np.array([_parts(place, risk, groups[name], len(codes)) for name in measured])
    found = shrink(
        np.array([share for share, _ in measured.values()]),
        np.array([variance for _, variance in measured.values()]),
        parts,
        expected,
        scale=float(expected[place].mean()),
    )
    return {
        code: {
            "assumed": float(assumed[code]),
            "use": min(max(float(found.shares[j]), 0.0), 1.0),
            "low": float(found.low[j]),
            "high": float(found.high[j]),
            "rests_on": OWN if code in measured else TOGETHER if parts[:, j].any() else ALL,
        }
        for j, code in enumerate(codes)
    }


def _of(columns: Sequence[np.ndarray], ratio: float) -> tuple[float, float] | None:
    """Return a group's share of drops prevented and its variance, None where none can be told."""
    means = drop_means(*columns)
    share, variance = prevented(means), steady_variance(means, ratio)
    return None if share is None or variance is None else (share.share, variance)


def _parts(place: np.ndarray, risk: np.ndarray, rows: np.ndarray, offers: int) -> np.ndarray:
    """Return what part of a group's expected drops each offer has."""
    # A risk of 0 for a whole group cannot be told from a small one.
    drops = np.bincount(place[rows], weights=risk[rows] + 1e-9, minlength=offers)
    return drops / drops.sum()


def changed_since(
    found: Mapping[str, Mapping[str, Any]], catalogue: Mapping[str, float]
) -> dict[str, float]:
    """Return the effects in the catalogue of today that the list did not assume.

    Those that this very measurement proposed, and that were put in, are left out.

    Parameters
    ----------
    found : mapping
        By code, as :func:`effects_to_use` gives them.
    catalogue : mapping
        Effect of each offer today.
    """
    return {
        code: catalogue[code]
        for code, offer in found.items()
        if code in catalogue
        and _written(catalogue[code]) not in (_written(offer["assumed"]), _written(offer["use"]))
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
