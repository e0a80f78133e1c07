"""Explain: why, overall and for each customer?

Reads data/model/ and data/features/; writes data/explained/reasons.parquet, metrics/explain.json
and plots/explain/.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from retention.attributions import Attributions, attribute
from retention.charts import picture
from retention.errors import stage
from retention.files import read_json, read_parquet, write_csv, write_json, write_parquet
from retention.model_file import load_model
from retention.params import load_params
from retention.splitting import uniform
from retention.vocabulary import IDENTITY, LABEL

FEATURES = Path("data/features/features.parquet")
DICTIONARY = Path("data/features/dictionary.json")
MODEL = Path("data/model/model.skops")
CARD = Path("data/model/model.json")
REASONS = Path("data/explained/reasons.parquet")
METRICS = Path("metrics/explain.json")
IMPORTANCE = Path("plots/explain/importance.csv")
BEESWARM = Path("plots/explain/beeswarm.png")

NEVER = ("consent", "profit")
"""Features that are never given as a reason: they are no behaviour that an offer can answer."""
RAISING = 3


def typical_values(features: pd.DataFrame) -> dict[str, object]:
    """Return the median of each number and the most frequent word of each category."""
    numbers = features.select_dtypes("number")
    words = features.drop(columns=list(numbers))
    return numbers.median().to_dict() | {name: words[name].mode().iloc[0] for name in words}


def reasons(
    found: Attributions, features: pd.DataFrame, typical: dict[str, object]
) -> pd.DataFrame:
    """Return each customer's strongest contributions, in log-odds.

    Returns
    -------
    DataFrame
        For ``reason_1`` to ``reason_3`` (raise the risk) and ``lowers``: the feature's name, and
        with the endings ``_value``, ``_typical``, ``_contribution`` the customer's own value,
        the loyal customers' typical one, and the contribution; missing where there is none.
    """
    usable = found.values.drop(columns=[name for name in NEVER if name in found.values])
    array, names = usable.to_numpy(), usable.columns.to_numpy()
    order = np.argsort(-array, axis=1, kind="stable")
    texts = features[list(names)].astype("str").to_numpy()
    row = np.arange(len(array))
    table = {}
    for label, place in [*((f"reason_{k + 1}", k) for k in range(RAISING)), ("lowers", -1)]:
        which = order[:, place]
        contribution = array[row, which]
        holds = contribution < 0 if label == "lowers" else contribution > 0
        table[label] = np.where(holds, names[which], None)
        table[f"{label}_value"] = np.where(holds, texts[row, which], None)
        chosen = [str(typical[names[column]]) for column in which]
        table[f"{label}_typical"] = np.where(holds, chosen, None)
        table[f"{label}_contribution"] = np.where(holds, contribution.round(6), np.nan)
    return pd.DataFrame(table, features.index)


def draw_beeswarm(found: Attributions, features: pd.DataFrame, path: Path, *, seed: int) -> None:
    """Draw every customer's contribution of each feature, coloured by the feature's value."""
    import shap

    codes = features.apply(
        lambda column: column if column.dtype.kind == "f" else column.astype("category").cat.codes
    )
    names = list(features)
    np.random.seed(seed)
    explanation = shap.Explanation(found.values.to_numpy(), data=codes.to_numpy("float64"),
                                   feature_names=names)  # fmt: skip
    with picture(path, width=9, height=6.5) as axis:
        shap.plots.beeswarm(
            explanation, max_display=len(names), show=False, plot_size=None, ax=axis,
            color_bar_label="value of the feature",
        )  # fmt: skip
        axis.set_xlabel("contribution to the log-odds of a drop (right: raises the risk)")


@stage
def main() -> None:
    """Attribute every customer's risk to the features."""
    options = load_params().explain
    table, dictionary, card = read_parquet(FEATURES), read_json(DICTIONARY), read_json(CARD)
    model = load_model(MODEL, sha256=card["sha256"])
    features = table[list(card["features"])]
    train = table[(table["split"] == "train") & table["scored"]]
    draw = uniform(train["twin_key"].to_numpy(), seed=options.seed, purpose="background")
    background = features.loc[train.index[np.argsort(draw)[: options.background]]]
    found = attribute(
        model, features, background, max_evaluations=options.max_evaluations, seed=options.seed
    )
    gap = np.abs(found.base + found.values.sum(axis=1) - model.line(features)).max()
    loyal = features.loc[train.index[train[LABEL] == 0]]
    named = reasons(found, features, typical_values(loyal))
    write_parquet(pd.concat([table[[IDENTITY]], named], axis=1), REASONS)
    strength = found.values.abs().mean().sort_values(ascending=False)
    group = {feature["name"]: feature["group"] for feature in dictionary}
    by_group = found.values.T.groupby(group).sum().T.abs().mean().sort_values(ascending=False)
    content = {
        "space": "log-odds" if model.steps is None else "log-odds before isotonic calibration",
        "method": found.method,
        "base": found.base,
        "additivity_gap": gap,
        "mean_abs": strength.to_dict(),
        "group_mean_abs": by_group.to_dict(),
    }
    write_json(content, METRICS)
    bars = pd.DataFrame({"feature": strength.index, "mean_abs": strength.to_numpy()})
    write_csv(bars, IMPORTANCE)
    draw_beeswarm(found, features, BEESWARM, seed=options.seed)


if __name__ == "__main__":
    main()
