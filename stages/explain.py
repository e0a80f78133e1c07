"""Explain: why, overall and for each customer?

Reads data/model/, data/features/ and metrics/evaluate.json; writes data/explained/ (reasons and
what_if.parquet), metrics/explain.json and plots/explain/. Contributions are in log-odds, before a
bent calibration.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from retention.core.files import read_json, read_parquet, write_csv, write_json, write_parquet
from retention.core.params import load_params
from retention.core.running import stage
from retention.core.vocabulary import IDENTITY, LABEL
from retention.explanation.advice import advise, drops_that_look_loyal
from retention.explanation.explainer import explainer, sample_of
from retention.explanation.hypotheses import answer_questions, as_metrics
from retention.explanation.importance import (
    directions,
    mean_contributions,
    permutation_importances,
    strongest_pairs,
)
from retention.explanation.noise_floor import noise_threshold
from retention.explanation.plots import draw_beeswarm, draw_dependence, draw_importance
from retention.explanation.reasons import (
    find_reasons,
    first_reasons,
    typical_of_comparable,
    typical_values,
)
from retention.explanation.sentences import sentences
from retention.explanation.shap_values import FAITHFUL
from retention.explanation.what_if import rows_to_ask, summary, what_if
from retention.models.persistence import load_model

FEATURES = Path("data/features/features.parquet")
DICTIONARY = Path("data/features/dictionary.json")
MODEL = Path("data/model/model.skops")
CARD = Path("data/model/model.json")
OUT_OF_FOLD = Path("data/model/out_of_fold.parquet")
EVALUATED = Path("metrics/evaluate.json")
EXPLAINED = Path("data/explained")
METRICS = Path("metrics/explain.json")
PLOTS = Path("plots/explain")


@stage
def main() -> None:
    """Attribute every customer's risk to the features; answer the shop's questions."""
    options = load_params().explain
    table, dictionary, card = (
        read_parquet(FEATURES),
        read_json(DICTIONARY),
        read_json(CARD, needs=("features", "sha256")),
    )
    model = load_model(MODEL, sha256=card["sha256"])
    features = table[list(card["features"])]
    groups = {feature["name"]: feature["group"] for feature in dictionary}
    key, everyone = table["twin_key"].to_numpy(), np.arange(len(table))
    train = np.flatnonzero((table["split"] == "train") & table["scored"])
    fitted = sample_of(table, train, most=options.sample, seed=options.seed)
    label = table[LABEL].iloc[fitted].to_numpy("int64")
    explained = explainer(table, options)
    found = explained(model, features, everyone)
    if len(found.values) < len(table):
        print(f"explain: no faithful stand-in for this model (fidelity {found.fidelity:.3f}), so "
              f"only the {len(found.values)} riskiest have reasons", file=sys.stderr)  # fmt: skip
    looked = sample_of(table, everyone, most=options.sample, seed=options.seed)
    threshold = noise_threshold(
        model, features, label, fitted, key, seed=options.seed,
        # As the model itself was explained: by its stand-in, or not.
        explained=lambda refitted, wide: explained(
            refitted, wide, looked, faithful=-np.inf if found.method == "surrogate" else FAITHFUL
        ),
    )  # fmt: skip

    loyal = features.iloc[train][(table[LABEL].iloc[train] == 0).to_numpy()]
    own = features.loc[found.values.index]
    named = find_reasons(found.values, own, typical_of_comparable(own, loyal), threshold=threshold)
    named = named.reindex(table.index)
    said = {f"sentence_{language}": sentences(named, language) for language in ("ru", "en")}
    write_parquet(
        pd.concat([table[[IDENTITY]], named, pd.DataFrame(said, table.index)], axis=1),
        EXPLAINED / "reasons.parquet",
    )
    unseen = (table["split"] != "train").to_numpy()
    risk = model.risk(features)
    asked = rows_to_ask(risk, key, unseen, threshold=card["threshold"], most=options.sample,
                        seed=options.seed)  # fmt: skip
    changes = what_if(model, features.iloc[asked], typical_values(loyal))
    ids = table[[IDENTITY]].iloc[asked]
    write_parquet(pd.concat([ids, changes], axis=1), EXPLAINED / "what_if.parquet")

    known = sample_of(table, np.flatnonzero(table[LABEL].notna()), most=options.answered,
                      seed=options.seed)  # fmt: skip
    known = known[table.index[known].isin(found.values.index)]
    questions = answer_questions(
        table.iloc[known].astype({LABEL: "int64"}), found.values.loc[table.index[known]], groups,
        level=options.level, resamples=options.bootstrap, seed=options.seed,
    )  # fmt: skip
    how = {"count": options.bootstrap, "level": options.level, "seed": options.seed}
    importance, by_group = mean_contributions(found.values, groups, **how)
    shuffled = permutation_importances(
        model.pipeline, features.iloc[fitted], label, key[fitted], folds=5, seed=options.seed
    )
    importance = importance.join(shuffled)
    importance.insert(0, "direction", directions(found.values, own))
    past = read_parquet(OUT_OF_FOLD).merge(table[[IDENTITY, LABEL]], on=IDENTITY)
    evidence = {
        "roc_auc": read_json(EVALUATED, needs=("roc_auc",))["roc_auc"],
        "drops_that_look_loyal": drops_that_look_loyal(
            past[LABEL].to_numpy("int64"), past["risk"].to_numpy()
        ),
        "share_without_consent": float((table["consent"] == "no").mean()),
    }
    gap = np.abs(found.base + found.values.sum(axis=1) - found.explained).max()
    write_json(
        {
            "space": model.space,
            "method": found.method,
            "fidelity": found.fidelity,
            "base": found.base,
            "additivity_gap": gap,
            "customers": len(table),
            "explained_customers": len(found.values),
            "noise_threshold": threshold,
            "with_reasons": float(named["reason_1"].notna().mean()),
            "first_reason_by_group": first_reasons(named, groups),
            "mean_abs": importance["mean_abs"].to_dict(),
            "group_mean_abs": by_group["mean_abs"].to_dict(),
            "importance": importance.to_dict("index"),
            "groups": by_group.to_dict("index"),
            "interactions": strongest_pairs(found.interactions),
            "questions": as_metrics(questions),
            "what_if": summary(changes, risk[asked], threshold=card["threshold"]),
            "advice": {
                one.pop("key"): one
                for one in advise(importance["mean_abs"].to_dict(), groups, questions, evidence)
            },
        },
        METRICS,
    )
    bars = importance.rename_axis("feature").reset_index()
    write_csv(bars.drop(columns="direction"), PLOTS / "importance.csv")
    told = questions.dropna(subset=["figure"]).drop(columns="changes_in")
    write_csv(told, PLOTS / "questions.csv")
    draw_beeswarm(found.values, own, PLOTS / "beeswarm.png", unit=model.space, seed=options.seed)
    draw_importance(importance, groups, PLOTS / "importance.png", unit=model.space)
    draw_dependence(found.values, own, PLOTS / "dependence.png", unit=model.space)


if __name__ == "__main__":
    main()
