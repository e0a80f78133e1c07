"""Models that are kept: laid aside, found again, refused where they do not fit the customers."""

import shutil
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from retention.core.errors import InputError, clipped, one_of, shown
from retention.core.files import made, read_json, read_parquet, write_parquet
from retention.core.kept_campaigns import FOLDER_NAME
from retention.core.months import in_months
from retention.core.params import Label
from retention.core.paths import MODELS, TRAINED, ModelFolder
from retention.core.vocabulary import IDENTITY
from retention.models.estimators import RiskModel
from retention.models.persistence import load_model
from retention.models.scoring import predict_risk

_NEEDS = ("features", "threshold", "sha256")


@dataclass(frozen=True)
class InUse:
    """The model that params ``score.model`` names.

    Attributes
    ----------
    folder : ModelFolder
    card : dict
        What ``description.model_card`` tells of it.
    model : RiskModel
    out_of_fold : DataFrame
        The risk of each row that taught it, by models that have not seen the row.
    """

    folder: ModelFolder
    card: dict[str, Any]
    model: RiskModel
    out_of_fold: pd.DataFrame

    @property
    def kept(self) -> bool:
        """Whether it is one that was kept, and not the one that train has just made."""
        return self.folder != TRAINED


def read_in_use(folder: ModelFolder) -> InUse:
    """Return the model in a folder.

    Raises
    ------
    InputError
        If there is none, or a file of it is damaged.
    """
    pointer = Path(f"{folder}.dvc")
    if folder != TRAINED and not (folder.card.is_file() or pointer.is_file()):
        there = sorted(str(path.parent) for path in MODELS.glob("*/model.json"))
        raise InputError(
            f"params score.model: there is no model in {folder}; valid: {one_of([TRAINED, *there])}"
        )
    if folder != TRAINED and not folder.folder.is_dir():
        raise InputError(
            f"{folder} (params score.model) is not here; `dvc pull {pointer}` brings it"
        )
    card = read_json(folder.card, needs=_NEEDS)
    model = load_model(folder.model, sha256=card["sha256"])
    return InUse(folder, card, model, read_parquet(folder.out_of_fold))


def risk_by_name(
    short: str,
    rows: pd.DataFrame,
    *,
    whole: Callable[[pd.DataFrame], pd.DataFrame] = lambda rows: rows,
) -> np.ndarray | None:
    """Return what a model tells of customers itself, of those who taught it too, shape (n_rows,).

    None if the model that train made has other first digits of its sha256 and none that was kept
    has these, or it does not fit the customers' columns.

    Parameters
    ----------
    short : str
        First hex digits of the model's sha256.
    rows : DataFrame
        The customers.
    whole : callable, optional
        Returns rows with the features, where these lack them.
    """
    if rows.empty:
        return None
    made = [TRAINED.card] if TRAINED.card.exists() else []
    for card in [*sorted(MODELS.glob("*/model.json")), *made]:
        if not read_json(card, needs=_NEEDS)["sha256"].startswith(short):
            continue
        used = read_in_use(ModelFolder(card.parent))
        rows = whole(rows)
        try:
            refuse_misfit(used, rows)
        except InputError:  # of columns that there were then: what it would tell is not known
            return None
        return predict_risk(used.model, rows, jobs=1)
    return None


def refuse_misfit(used: InUse, table: pd.DataFrame) -> None:
    """Raise an InputError if a model cannot be asked about the customers of a table.

    As :func:`refuse_columns` and :func:`refuse_words` do, of all its rows.
    """
    refuse_columns(used, table)
    refuse_words(used, words_met(table, list(known_words(used))))


def refuse_columns(used: InUse, table: pd.DataFrame) -> None:
    """Raise an InputError if a model needs columns that a table does not have, or of other kinds.

    Parameters
    ----------
    used : InUse
    table : DataFrame
        The customers; rows are not looked at.
    """
    place = used.folder.card
    for name, kind in used.card["features"].items():
        if name not in table:
            raise InputError(
                f"{place}: the model needs the column {clipped(name)}, which the customers do not "
                f"have; valid: columns.yaml as it was, or a model of these columns (params "
                f"score.model {TRAINED})"
            )
        found = "number" if pd.api.types.is_numeric_dtype(table[name]) else "word"
        if found != kind:
            raise InputError(
                f"{place}: to the model the column {clipped(name)} is a {kind}, to columns.yaml a "
                f"{found}; valid: a {kind}, or a model of these columns (params score.model "
                f"{TRAINED})"
            )


def words_met(table: pd.DataFrame, names: Sequence[str]) -> dict[str, Counter[str]]:
    """Return how many rows have each word, by column of words."""
    return {name: Counter(table[name].value_counts().to_dict()) for name in names}


def refuse_words(used: InUse, met: Mapping[str, Counter[str]]) -> None:
    """Raise an InputError if the words that customers have are not those that a model knows.

    A word that the model has never met stands for none that it knows and is told on stderr. But
    where the model knows words that no customer has any more and customers have words that it
    does not know, words were renamed: all these customers would be scored as if the column were
    empty.

    Parameters
    ----------
    used : InUse
    met : mapping of Counter
        What :func:`words_met` returns of all customers.
    """
    place = used.folder.card
    for name, known in known_words(used).items():
        here = set(met[name])
        strange, gone = sorted(here - known), sorted(known - here)
        if strange and (gone or not here & known):
            raise InputError(
                f"{place}: the model does not know the words {_named(strange)} of {clipped(name)}, "
                f"and no customer has {_named(gone)}; valid: the words of columns.yaml as they "
                f"were, or a model of these (params score.model {TRAINED})"
            )
        if strange and used.kept:
            count = sum(met[name][word] for word in strange)
            print(
                f"score: {count:,} rows have words of {clipped(name)} that the model has never "
                f"met ({_named(strange)})",
                file=sys.stderr,
            )


def refuse_other_outcomes(used: InUse, rule: Label) -> None:
    """Raise an InputError if a model learnt from outcomes of another rule than that of params.

    Its risk would be that of another outcome, and no fact could be held against it. A model of the
    shop's own labels is of their horizon; one of a snapshot names none.

    Parameters
    ----------
    used : InUse
    rule : Label
        The params section.
    """
    horizon = {key: used.card[key] for key in ("horizon_months",) if key in used.card}
    now = rule.model_dump()
    for key, then in used.card.get("label", horizon).items():
        if now[key] != then:
            raise InputError(
                f"{used.folder.card}: the model learnt from outcomes by label.{key} {shown(then)}, "
                f"params.yaml has {shown(now[key])}; valid: {shown(then)}, or a model of these "
                f"outcomes (params score.model {TRAINED})"
            )


def known_words(used: InUse) -> dict[str, set[str]]:
    """Return the words that the model knows of each categorical feature."""
    prepare = used.model.pipeline.named_steps["prepare"]
    names = next(columns for part, _, columns in prepare.transformers_ if part == "words")
    if not len(names):
        return {}
    known = prepare.named_transformers_["words"].categories_
    return {
        name: {w for w in words if isinstance(w, str)}
        for name, words in zip(names, known, strict=True)
    }


def _named(words: list[str]) -> str:
    return one_of(clipped(word, 30) for word in words[:3]) + ("…" if len(words) > 3 else "")


def keep_model(name: str, beside: Mapping[str, Path], table: pd.DataFrame) -> ModelFolder:
    """Copy the model that train made to ``models/NAME``, whole or not at all.

    Parameters
    ----------
    name : str
        What to call it.
    beside : mapping of str to Path
        Files of other stages that tell how it was judged, by what they are called there.
    table : DataFrame
        The customers: each row that taught the model is kept with the key of its behaviour, so
        that it is recognised in other tables.

    Raises
    ------
    InputError
        If the name is none for a folder or is taken, or a file is missing.
    """
    if not FOLDER_NAME.fullmatch(name):
        raise InputError(f"{shown(name)} is no name of a folder; valid: letters, digits, - and _")
    folder = MODELS / name
    if folder.exists() or folder.with_name(f"{name}.dvc").exists():
        raise InputError(f"{folder} is there already: a model that was kept stays as it is")
    used = read_in_use(TRAINED)  # a model that cannot be read is not worth keeping
    scratch = MODELS / f".{name}.partial"
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        shutil.copytree(TRAINED.folder, scratch)
        for called, path in beside.items():
            shutil.copyfile(made(path), scratch / called)
        taught_by = used.out_of_fold
        if not in_months(taught_by):
            keys = table[[IDENTITY, "twin_key"]].rename(columns={"twin_key": "behaviour_key"})
            taught_by = taught_by.merge(keys, on=IDENTITY, validate="one_to_one")
        write_parquet(taught_by, ModelFolder(scratch).out_of_fold)
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return ModelFolder(folder)
