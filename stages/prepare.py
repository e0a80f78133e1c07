"""Prepare: what arrived, and can it be trusted?

Reads the folder ``data.dir``; writes data/prepared/ (customers.parquet, quarantine.csv) and
metrics/prepare.json.
"""

from pathlib import Path

import pandas as pd

from retention.assembling import join, set_aside
from retention.cleaning import clean_table
from retention.errors import InputError, stage
from retention.files import write_csv, write_json, write_parquet
from retention.params import load_params
from retention.readers import find_export, read_export
from retention.vocabulary import IDENTITY, LABEL, TABLES

CUSTOMERS = Path("data/prepared/customers.parquet")
QUARANTINED = Path("data/prepared/quarantine.csv")
METRICS = Path("metrics/prepare.json")


def counts(customers: pd.DataFrame) -> dict[str, int]:
    """Return how many customers of each label there are."""
    return {
        "drop": int((customers[LABEL] == 1).sum()),
        "loyal": int((customers[LABEL] == 0).sum()),
        "score": int(customers[LABEL].isna().sum()),
    }


def first_fault(faults: pd.DataFrame) -> str:
    """Return the first fault as a sentence: file, line, column, what was found, what is valid."""
    first = faults.iloc[0]
    return (
        f"{first['file']} line {first['line']}, {first['column']} is {first['value']!r}, "
        f"{first['rule']}"
    )


@stage
def main() -> None:
    """Read, clean, join and filter the four exports."""
    params = load_params()
    folder = Path(params.data.dir)
    tables, quarantined, repairs, rows = {}, [], {}, {}
    for table in TABLES:
        raw = read_export(find_export(folder, table))
        good, bad, mended = clean_table(raw, table, misspellings=params.prepare.misspellings)
        tables[table], rows[table] = good, len(raw.cells)
        quarantined.append(bad)
        repairs |= {f"{table}.{column}": count for column, count in mended.items()}
    faults = pd.concat(quarantined, ignore_index=True)
    write_csv(faults, QUARANTINED)
    everyone = join(tables)
    broken, allowed = faults["customer_id"].nunique(), params.prepare.max_quarantined
    if broken > allowed * max(1, len(everyone)):
        raise InputError(
            f"{folder}: rows of {broken} customers break a rule, more than params "
            f"prepare.max_quarantined ({allowed:.0%}) of {len(everyone)}; the first: "
            f"{first_fault(faults)}; {QUARANTINED} lists them all"
        )
    reasons = set_aside(
        everyone,
        regular_only=params.prepare.regular_only,
        distance=params.prepare.entry_error_distance,
    )
    kept = everyone[reasons.isna()].sort_values(IDENTITY, ignore_index=True)
    if kept.empty:
        raise InputError(f"{folder}: no customer is left; {QUARANTINED} says what was set aside")
    write_parquet(kept, CUSTOMERS)
    write_json(
        {
            "as_of": params.data.as_of.isoformat(),
            "rows": rows,
            "customers_in": len(everyone),
            "customers_kept": len(kept),
            "set_aside": reasons.value_counts().sort_index().to_dict(),
            "quarantined_rows": len(faults),
            "misspellings_mended": repairs,
            "kept": counts(kept),
        },
        METRICS,
    )


if __name__ == "__main__":
    main()
