"""Train: which model ranks and calibrates best?

Reads data/features/; writes data/model/ (model.skops, model.json, out_of_fold.parquet and
details.json), metrics/train.json and plots/train/.
"""

import pandas as pd

from retention.core import paths
from retention.core.files import read_json, write_csv, write_json, write_parquet
from retention.core.months import in_months
from retention.core.params import load_params
from retention.core.running import stage
from retention.core.vocabulary import IDENTITY, LABEL, MONTH
from retention.evaluation.curves import reliability
from retention.models.description import model_card, training_details
from retention.models.learning_curve import learning_curve
from retention.models.persistence import save_model
from retention.models.selection import row_weights, train_model
from retention.models.training_rows import read_training_rows

_PLOTS = paths.PLOTS / "train"
_HEADLINE = (
    "family",
    "out_of_fold_roc_auc",
    "out_of_fold_brier",
    "out_of_fold_log_loss",
    "threshold",
)


@stage
def main() -> None:
    """Search the families, calibrate the best out-of-fold, fit it on the training rows."""
    params = load_params()
    train = params.train
    found = read_training_rows(paths.FEATURES, paths.LEFT_OUT, train=train)
    rows, dictionary = found.rows, read_json(paths.DICTIONARY)
    names = [feature["name"] for feature in dictionary]
    words = [feature["name"] for feature in dictionary if feature["categorical"]]
    X, y, key = rows[names], rows[LABEL].to_numpy("int64"), rows["twin_key"].to_numpy()
    weight, monthly = row_weights(rows), in_months(rows)
    rule = read_json(paths.FEATURES_DETAILS)["months"]["label"] if monthly else None
    how = {"train": train, "models": params.models, "words": words, "weight": weight}
    trained = train_model(X, y, key, customers=found.customers, repeated=monthly, **how)
    digest = save_model(trained.model, paths.TRAINED.model)
    of_rows = {"names": names, "words": words, "weight": weight, "rule": rule}
    write_json(model_card(trained, rows, sha256=digest, **of_rows), paths.TRAINED.card)
    whose = [IDENTITY, *([MONTH, "behaviour_key"] if monthly else [])]
    write_parquet(rows[whose].assign(risk=trained.risk), paths.TRAINED.out_of_fold)
    curve = learning_curve(trained.best.pipeline, X, y, key, seed=train.seed, jobs=train.jobs)
    details = training_details(trained, y, weight) | {"learning": curve.gain}
    write_json(details, paths.TRAINED.details)
    write_json({name: details[name] for name in _HEADLINE}, paths.METRICS / "train.json")
    results = [candidate.result for candidate in trained.candidates]
    bars = [(result.family, result.mean, result.se) for result in results]
    write_csv(
        pd.DataFrame(bars, columns=["family", "roc_auc", "standard_error"]), _PLOTS / "search.csv"
    )
    write_csv(reliability(y, trained.risk), _PLOTS / "calibration.csv")
    write_csv(curve.points, _PLOTS / "learning.csv")


if __name__ == "__main__":
    main()
