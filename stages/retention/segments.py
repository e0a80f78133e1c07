"""Who is in a segment: an honest risk for everyone, and a segment's portrait."""

from pathlib import Path

import numpy as np
import pandas as pd

from retention.charts import BLUE, GREY, ORANGE, picture
from retention.vocabulary import IDENTITY, LABEL, PROFIT


def honest_risk(table: pd.DataFrame, told: np.ndarray, out_of_fold: pd.DataFrame) -> np.ndarray:
    """Return each customer's risk by a model that has not seen the customer's label.

    Training customers take the out-of-fold risk, twins that of the row which trained for them.
    """
    known = table[[IDENTITY, "twin_key", LABEL]].merge(out_of_fold, on=IDENTITY)
    by_key = known.drop_duplicates(["twin_key", LABEL]).set_index(["twin_key", LABEL])["risk"]
    places = pd.MultiIndex.from_frame(table[["twin_key", LABEL]])
    unseen = by_key.reindex(places).to_numpy(dtype="float64")
    # Training customers beyond params train.max_rows were not trained on: the model is honest.
    seen = (table["split"] == "train") & ~np.isnan(unseen)
    return np.where(seen, unseen, told).round(6)


def portrait(inside: pd.DataFrame, everyone: pd.DataFrame) -> dict[str, float]:
    """Return size, mean risk and mean profit of a segment beside those of everyone."""
    if inside.empty:
        return {"customers": 0}
    return {
        "customers": len(inside),
        "share": len(inside) / len(everyone),
        "mean_risk": inside["risk"].mean(),
        **({"mean_profit": inside[PROFIT].mean()} if inside[PROFIT].notna().any() else {}),
    }


def draw_map(customers: pd.DataFrame, path: Path) -> None:
    """Draw every customer's risk and profit, the listed ones marked."""
    with picture(path, width=8, height=5) as axis:
        for listed, colour, name in ((False, GREY, "no offer"), (True, ORANGE, "on the list")):
            part = customers[customers["listed"] == listed].head(5000)
            axis.scatter(part[PROFIT], part["risk"], s=10, alpha=0.6, color=colour, label=name)
        axis.axvline(customers[PROFIT].median(), color=BLUE, linewidth=0.8, label="median profit")
        axis.set(xlabel="profit a month (unit of the export)", ylabel="risk of a drop, 0 to 1")
        axis.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
