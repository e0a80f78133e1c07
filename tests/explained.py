"""What explain tells of a table in memory, and the reasons that it writes beside it."""

from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

from dictionary import BEHAVIOUR, COLUMNS
from retention.core.files import read_parquet
from retention.core.parted_rows import rows_in_memory
from retention.explanation.explaining import explain_customers


def explain_table(table, model, *, grade="B", **how):
    with TemporaryDirectory() as folder:
        reasons = Path(folder, "reasons.parquet")
        found = explain_customers(
            rows_in_memory(table),
            model,
            list(BEHAVIOUR),
            reasons=reasons,
            columns=COLUMNS,
            threshold=0.5,
            roc_auc=0.9,
            grade=grade,
            **how,
        )
        told = vars(found) | {"headline": found.headline, "reasons": read_parquet(reasons)}
    return SimpleNamespace(**told)
