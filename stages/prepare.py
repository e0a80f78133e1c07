"""Prepare: what arrived, and can it be trusted?

Reads the folder ``data.dir``; writes data/prepared/ (customers.parquet, set_aside.parquet,
quarantine.csv, and readiness as .parquet and .csv) and metrics/prepare.json, which names no
customer: it lives in Git.
"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from retention.core.errors import InputError, shown
from retention.core.files import write_json, write_parquet
from retention.core.findings import Finding, Level, as_table
from retention.core.hashing import behaviour_key
from retention.core.params import Prepare, load_params
from retention.core.running import stage
from retention.core.spreadsheets import write_both, write_for_people
from retention.core.vocabulary import BEHAVIOUR, IDENTITY, LABEL, MINUTES, TABLES, headers
from retention.data.cleaning import Cleaned, clean_table
from retention.data.joining import REASONS, check_ids, join, set_aside, zero_in_minutes
from retention.data.matching import Match
from retention.data.quality import coverage, drift, sizes, twins
from retention.data.reader import find_export, read_export

CUSTOMERS = Path("data/prepared/customers.parquet")
SET_ASIDE = Path("data/prepared/set_aside.parquet")
QUARANTINED = Path("data/prepared/quarantine.csv")
READINESS = Path("data/prepared/readiness")
METRICS = Path("metrics/prepare.json")
COUNTED = ["level", "file", "column", "what", "count"]
"""What metrics tell of a finding; an example may be a customer's id."""


def read(folder: Path, table: str, options: Prepare) -> tuple[str, int, Cleaned]:
    """Return one export's file name and number of rows, and the export cleaned."""
    raw = read_export(find_export(folder, table), headers(table))
    return raw.file, raw.rows, clean_table(raw, table, misspellings=options.misspellings)


def business(everyone: pd.DataFrame, reasons: np.ndarray, idle: np.ndarray) -> list[Finding]:
    """Return what the rules of the business set aside, and the months of no minute."""
    findings = []
    for reason in ("not_regular", "entry_error"):
        example = everyone.loc[reasons == reason, IDENTITY]
        if len(example):
            findings.append(Finding(Level.ADVICE, "", "", reason, len(example), example.iloc[0]))
    if idle.any():
        example = everyone.loc[idle, IDENTITY].iloc[0]
        findings.append(Finding(Level.ADVICE, "", "", "no_minutes", int(idle.sum()), example))
    return findings


def check_share(
    quarantine: pd.DataFrame, reasons: np.ndarray, rows: dict[str, int], options: Prepare
) -> None:
    """Raise an InputError if more customers, or rows of a file, break a rule than params allow."""
    shares = [("customers", int((reasons == "quarantined").sum()), len(reasons))]
    for file, part in quarantine.groupby("file"):
        shares.append((f"rows of {file}", part["line"].nunique(), rows[file]))
    for what, broken, total in shares:
        if broken <= options.max_quarantined * total:
            continue
        first = quarantine.iloc[0]
        where = f"{first['file']} line {first['line']}, {first['column'] or 'row'}"
        raise InputError(
            f"{broken} of {total} {what} break a rule, more than params "
            f"prepare.max_quarantined ({options.max_quarantined:.0%}); the first: {where}: "
            f"{shown(first['value'])} {first['rule']}; {QUARANTINED} lists them all"
        )


def counts(customers: pd.DataFrame) -> dict[str, int]:
    """Return how many customers of each label there are."""
    return {
        "drop": int((customers[LABEL] == 1).sum()),
        "loyal": int((customers[LABEL] == 0).sum()),
        "score": int(customers[LABEL].isna().sum()),
    }


@stage
def main() -> None:
    """Read, clean, join and filter the four exports; say what was found."""
    params = load_params()
    options, folder = params.prepare, Path(params.data.dir)
    with ThreadPoolExecutor() as pool:  # reading leaves Python's lock free most of the time
        parts = list(pool.map(lambda table: read(folder, table, options), TABLES))
    files, rows, cleaned = (
        dict(zip(TABLES, part, strict=True)) for part in zip(*parts, strict=True)
    )
    quarantine = pd.concat([part.quarantine for part in cleaned.values()], ignore_index=True)
    dialect = params.campaign.spreadsheet
    write_for_people(quarantine, QUARANTINED, dialect=dialect)
    matched = check_ids(cleaned, quarantine, files, least=options.least_matched)
    ids = quarantine["customer_id"]
    everyone = join(cleaned, ids)
    sane = ~everyone[IDENTITY].isin(ids).to_numpy()
    lacking = coverage(everyone, files, sane)
    idle = zero_in_minutes(everyone)
    if options.zero_minutes == "missing":
        everyone[list(MINUTES)] = everyone[list(MINUTES)].replace(0, float("nan"))
    reasons = set_aside(
        everyone,
        ids,
        regular_only=options.regular_only,
        distance=options.entry_error_distance,
        zero_minutes=options.zero_minutes,
        incomplete=options.incomplete,
    )
    findings = [finding for part in cleaned.values() for finding in part.findings]
    findings += [*lacking, *business(everyone, reasons, idle)]
    check_share(quarantine, reasons, {files[table]: rows[table] for table in TABLES}, options)
    kept = everyone[reasons == ""].drop(columns=[f"in_{table}" for table in TABLES])
    if kept.empty:
        raise InputError(
            f"{folder}: no customer is left; set aside: {dict(Counter(reasons.tolist()))}"
        )
    key = behaviour_key(kept, BEHAVIOUR)
    findings += [*sizes(kept, place=str(folder)), *twins(kept, key), *drift(kept, key)]
    table = as_table(findings)
    write_parquet(kept, CUSTOMERS)
    aside = everyone[[IDENTITY]].assign(reason=reasons)[reasons != ""]
    write_parquet(aside, SET_ASIDE)
    write_both(table, READINESS, dialect=dialect)
    content = {
        "as_of": params.data.as_of.isoformat(),
        "rows": rows,
        "matched": matched,
        "customers_in": len(everyone),
        "customers_kept": len(kept),
        "set_aside": {reason: int((reasons == reason).sum()) for reason in REASONS},
        "quarantined_rows": len(quarantine),
        "kept": counts(kept),
        "findings": {str(level): int((table["level"] == level).sum()) for level in Level},
        "report": table[COUNTED].to_dict("records"),
    }
    write_json(content, METRICS)
    for one in matched.values():
        print(f"prepare: {Match(**one)}")


if __name__ == "__main__":
    main()
