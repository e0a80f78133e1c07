"""Featurize: what do we know of each customer before the event?

Reads data/prepared/; writes data/features/ (features.parquet, dictionary.json),
metrics/featurize.json and plots/featurize/.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from retention.charts import BLUE, GREY, ORANGE, picture
from retention.errors import stage
from retention.features import BY_NAME, build_features, dictionary
from retention.files import read_parquet, write_json, write_parquet
from retention.params import load_params
from retention.splitting import behaviour_key, one_of_each_twin, uniform
from retention.vocabulary import BEHAVIOUR, IDENTITY, LABEL, PROFIT

CUSTOMERS = Path("data/prepared/customers.parquet")
FEATURES = Path("data/features/features.parquet")
DICTIONARY = Path("data/features/dictionary.json")
METRICS = Path("metrics/featurize.json")
DISTRIBUTIONS = Path("plots/featurize/distributions.png")
CORRELATIONS = Path("plots/featurize/correlations.png")


def split_sides(customers: pd.DataFrame, *, test_share: float, seed: int) -> pd.DataFrame:
    """Return ``split`` (train, test, score), ``twin_key`` and ``scored`` for each customer.

    A customer's side follows from the behaviour alone, so that it stays when others come and
    twins share it; ``scored`` marks one row of each twin pair.
    """
    key = behaviour_key(customers, BEHAVIOUR)
    test = uniform(key, seed=seed, purpose="split") < test_share
    split = np.where(customers[LABEL].isna(), "score", np.where(test, "test", "train"))
    scored = one_of_each_twin(key, customers[LABEL])
    return pd.DataFrame({"split": split, "twin_key": key, "scored": scored}, customers.index)


def correlations(table: pd.DataFrame) -> pd.DataFrame:
    """Return phik between all columns: 0 independent, 1 determined, numbers and words alike.

    Source: Baak et al. 2020, doi:10.1016/j.csda.2020.107043.
    """
    import phik

    numbers = list(table.select_dtypes("number"))
    return phik.phik_matrix(table, interval_cols=numbers, verbose=False)


def draw_distributions(features: pd.DataFrame, label: pd.Series, path: Path) -> None:
    """Draw each feature's distribution for customers who dropped and who stayed."""
    columns = 4
    rows = -(-features.shape[1] // columns)
    with picture(path, width=13, height=2.5 * rows, nrows=rows, ncols=columns) as axes:
        for axis in axes.flat[features.shape[1] :]:
            axis.set_visible(False)
        for axis, name in zip(axes.flat, features, strict=False):
            draw_one(axis, features[name], label)
            axis.set_title(name)
        axes.flat[0].legend(frameon=False, fontsize=8)


def draw_one(axis: object, values: pd.Series, label: pd.Series) -> None:
    """Draw one feature: shares of a category, or a histogram, in per cent of each class."""
    classes = ((0, "stayed", BLUE), (1, "dropped", ORANGE))
    if BY_NAME[values.name].categorical:
        order = values.value_counts().index[:8]
        for offset, (which, name, colour) in zip((-0.2, 0.2), classes, strict=True):
            shares = values[label == which].value_counts(normalize=True).reindex(order).fillna(0)
            places = np.arange(len(order)) + offset
            axis.barh(places, 100 * shares.to_numpy(), height=0.4, label=name, color=colour)
        axis.set_yticks(range(len(order)), order, fontsize=8)
        axis.set_xlabel("% of class")
    else:
        known = values.dropna()
        edges = bin_edges(known)
        for which, name, colour in classes:
            part = values[label == which].dropna()
            weight = np.full(len(part), 100 / max(1, len(part)))
            axis.hist(part, edges, weights=weight, alpha=0.55, label=name, color=colour)
        axis.set_ylabel("% of class")
        axis.set_xlabel(BY_NAME[values.name].unit)


def bin_edges(values: pd.Series) -> np.ndarray:
    """Return the edges of a histogram: one bin a whole number where there are few of them."""
    low, high = values.min(), values.quantile(0.999)
    if high - low <= 30 and (values == values.round()).all():
        return np.arange(low - 0.5, high + 1)
    return np.linspace(low, high + 1e-9, 21)


def draw_correlations(matrix: pd.DataFrame, path: Path) -> None:
    """Draw the phik matrix as a heat map with its values."""
    with picture(path, width=10, height=8.5) as axis:
        drawn = axis.imshow(matrix.to_numpy(), cmap="cividis", vmin=0, vmax=1)
        axis.set_xticks(range(len(matrix)), matrix.columns, rotation=60, ha="right")
        axis.set_yticks(range(len(matrix)), matrix.columns)
        for row, column in np.ndindex(matrix.shape):
            value = matrix.iat[row, column]
            colour = "white" if value < 0.5 else "black"
            axis.text(column, row, f"{value:.1f}", ha="center", va="center", size=7, color=colour)
        axis.set_title("How much one column tells of another (phik, 0 to 1)")
        axis.figure.colorbar(drawn, ax=axis, shrink=0.7).outline.set_edgecolor(GREY)


@stage
def main() -> None:
    """Build the features, choose the sides, draw what the columns say."""
    params = load_params().features
    customers = read_parquet(CUSTOMERS)
    features = build_features(customers, use_profit=params.use_profit)
    sides = split_sides(customers, test_share=params.test_share, seed=params.seed)
    named = customers[[IDENTITY, LABEL, PROFIT]].drop(columns=list(features), errors="ignore")
    table = pd.concat([named, sides, features], axis=1)
    write_parquet(table.sort_values(IDENTITY), FEATURES)
    write_json(dictionary(features), DICTIONARY)
    # Pictures and correlations look at training customers only: the test is for evaluate.
    seen = table[(table["split"] == "train") & table["scored"]]
    shown = seen[list(features)].assign(drop=seen[LABEL].astype("int64").astype("str"))
    matrix = correlations(shown)
    sizes = table[table["scored"]].groupby("split").size()
    write_json(
        {
            "features": features.shape[1],
            "customers": sizes.to_dict(),
            "twins": int((~table["scored"]).sum()),
            "drop_share": seen[LABEL].mean(),
            "phik_with_drop": matrix["drop"].drop("drop").sort_index().to_dict(),
        },
        METRICS,
    )
    draw_distributions(seen[list(features)], seen[LABEL], DISTRIBUTIONS)
    draw_correlations(matrix, CORRELATIONS)


if __name__ == "__main__":
    main()
