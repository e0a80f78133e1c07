"""What the parts of a table of months must know of each other."""

import pandas as pd

from retention.core.files import write_parquet
from retention.core.month_tables import last_month
from retention.core.part_names import part_paths

MONTHS = (["2026-01"], ["2026-03", "2026-01"], [])


def test_the_last_month_is_that_of_any_part(tmp_path):
    table = tmp_path / "features.parquet"
    for path, months in zip(part_paths(table, 3), MONTHS, strict=True):
        rows = pd.DataFrame({"customer_id": "a", "month": pd.Series(months, dtype="str")})
        write_parquet(rows, path)
    assert last_month(table) == "2026-03"
    snapshot = tmp_path / "snapshot.parquet"
    write_parquet(pd.DataFrame({"customer_id": ["a"]}), snapshot)
    assert last_month(snapshot) is None
