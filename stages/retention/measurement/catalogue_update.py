"""From measured effects to the offer catalogue: what the next campaign should run on."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from ruamel.yaml.nodes import SequenceNode

from retention.core.errors import InputError
from retention.core.vocabulary import LABEL
from retention.core.yaml_files import compose_yaml
from retention.measurement.ab_test import (
    MIN_GROUP,
    MIN_POOLED,
    Prevented,
    arms_reach,
    drop_means,
    prevented,
)
from retention.stats.shrinkage import shrink

OWN, TOGETHER, ALL = "its own customers", "all small offers together", "all other offers"
"""Whose outcomes moved an offer's effect."""
MARK = "# measured:"


def effects_to_use(table: pd.DataFrame, assumed: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    """Return each offer's effect for the next campaign, shrunk.

    An offer with :data:`MIN_GROUP` customers an arm stands for itself, the others stand together;
    what a group shows beyond its assumed effect is shrunk towards what all groups show
    (:func:`retention.stats.shrinkage.shrink`) and moves the assumed effect of each of its offers.

    Parameters
    ----------
    table : DataFrame
        ``offer``, ``treated`` (bool), ``drop`` (0 or 1, none missing) and ``risk``.
    assumed : mapping
        Effect of each offer in the catalogue; customers of an offer that it lacks count for
        nothing.

    Returns
    -------
    dict
        By offer: ``assumed``, ``use``, ``low``, ``high`` (95 %; as shares of drops prevented;
        ``use`` from 0 to 1) and ``rests_on``. Empty where fewer than :data:`MIN_POOLED` customers
        an arm have an outcome.
    """
    table = table[table["offer"].isin(list(assumed))].reset_index(drop=True)
    offers = sorted(table["offer"].unique())
    treated = table["treated"].to_numpy()
    if not arms_reach(treated, MIN_POOLED):
        return {}
    is_of = {code: (table["offer"] == code).to_numpy() for code in offers}
    own = [code for code in offers if arms_reach(treated[is_of[code]], MIN_GROUP)]
    groups = {code: is_of[code] for code in own}
    rest = ~np.any([*groups.values(), np.zeros(len(table), dtype=bool)], axis=0)
    if arms_reach(treated[rest], MIN_POOLED):
        groups[TOGETHER] = rest
    measured = {name: found for name, rows in groups.items() if (found := _of(table[rows]))}
    if not measured:
        return {}
    expected = table["offer"].map(assumed)
    shrunk = shrink(
        np.array([found.share for found in measured.values()]),
        np.array([found.variance for found in measured.values()]),
        np.array([expected[groups[name]].mean() for name in measured]),
        scale=float(expected.mean()),
    )
    moved = {
        name: (float(share - expected[groups[name]].mean()), float(error))
        for name, share, error in zip(measured, shrunk.shares, shrunk.errors, strict=True)
    }
    result = {}
    for code in offers:
        name = code if code in moved else TOGETHER
        shift, error = moved.get(name, (shrunk.shift, shrunk.shift_error))
        share = assumed[code] + shift
        result[code] = {
            "assumed": float(assumed[code]),
            "use": min(max(share, 0.0), 1.0),
            "low": share - 1.96 * error,
            "high": share + 1.96 * error,
            "rests_on": OWN if code in moved else TOGETHER if name in moved else ALL,
        }
    return result


def _of(table: pd.DataFrame) -> Prevented | None:
    columns = [table[name].to_numpy() for name in (LABEL, "treated", "risk")]
    return prevented(drop_means(*columns))


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
        text = f"{text[:start]}{found['use']:.4f}{after}"
    return text
