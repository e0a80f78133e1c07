"""What all parts of a table of months must know of each other."""

from pathlib import Path

from retention.core.files import parquet_columns, read_parquet
from retention.core.months import in_months
from retention.core.part_names import part_files
from retention.core.vocabulary import MONTH


def last_month(table: Path) -> str | None:
    """Return the last month of a table, of which a part may have no rows; None of a snapshot."""
    parts = part_files(table)
    if not in_months(parquet_columns(parts[0])):
        return None
    months = (read_parquet(part, [MONTH])[MONTH] for part in parts)
    return max(str(one.max()) for one in months if len(one))
