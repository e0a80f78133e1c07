"""Promote: keep the model that train made, with how it was judged, under a name.

Copies data/model/ to models/NAME, beside it the evaluation (evaluation.json, reliability.parquet)
and the explanation (explanation.json) that are of this model, and prints how to go on. Run by hand.
"""

import argparse
from pathlib import Path

from retention.core import paths
from retention.core.errors import InputError
from retention.core.files import read_json, read_parquet
from retention.core.params import load_params
from retention.core.running import stage
from retention.core.staleness import refuse_stale
from retention.core.vocabulary import IDENTITY
from retention.models.keeping import keep_model

BESIDE = {
    "evaluation.json": paths.EVALUATION_DETAILS,
    "reliability.parquet": paths.RELIABILITY,
    "explanation.json": paths.EXPLANATION_DETAILS,
}
"""What is kept of other stages, by its name in the folder."""


@stage
def main() -> None:
    """Copy the model, if all that is told of it belongs to it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", help="what to call it, such as the last month that it knows")
    name = parser.parse_args().name
    asked = paths.ModelFolder(Path(load_params().score.model))
    if asked != paths.TRAINED:
        raise InputError(
            f"params score.model is {asked}: what evaluate and explain wrote is of that model; set "
            f"it to {paths.TRAINED} and run `dvc repro explain` first"
        )
    refuse_stale(("train", "score", "evaluate", "explain"))
    kept = keep_model(name, BESIDE, read_parquet(paths.FEATURES, [IDENTITY, "twin_key"]))
    card, grade = read_json(kept.card), read_json(kept.folder / "evaluation.json")["grade"]
    months = card.get("months")
    taught = f", taught by {months[0]} to {months[-1]}" if months else ""
    print(
        f"{kept}: {card['family']}, {card['training_customers']:,} customers{taught}, grade {grade}"
    )
    print(f"dvc add {kept}\ngit add {kept}.dvc {paths.MODELS}/.gitignore")
    print(f"params.yaml: score: model: {kept}\ndvc repro report")


if __name__ == "__main__":
    main()
