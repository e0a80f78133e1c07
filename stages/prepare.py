"""Prepare: what arrived, and can it be trusted?

Reads the folder ``data.dir`` and columns.yaml; writes data/prepared/ (customers.parquet,
set_aside.parquet, quarantine.csv, details.json, and readiness as .parquet and .csv) and
metrics/prepare.json.
"""

from pathlib import Path

from retention.core import paths
from retention.core.columns import load_columns
from retention.core.files import write_json, write_parquet
from retention.core.params import load_params
from retention.core.running import stage
from retention.core.spreadsheets import write_both, write_for_people
from retention.data.matching import Match
from retention.data.preparation import prepare_customers, read_exports


@stage
def main() -> None:
    """Read, clean, join and filter the four exports; say what was found."""
    columns = load_columns()
    params = load_params(columns=columns)
    folder, dialect = Path(params.data.dir), params.campaign.spreadsheet
    exports = read_exports(folder, params.prepare, columns=columns)
    # Before anything can stop the stage: its message sends people to this file.
    write_for_people(exports.quarantine, paths.QUARANTINE, dialect=dialect)
    found = prepare_customers(exports, params.prepare, folder=folder)
    write_parquet(found.customers, paths.PREPARED)
    write_parquet(found.set_aside, paths.SET_ASIDE)
    write_both(found.readiness, paths.READINESS, dialect=dialect)
    details = {"as_of": params.data.as_of.isoformat(), **found.details}
    write_json(details, paths.PREPARED_DETAILS)
    write_json(found.headline, paths.METRICS / "prepare.json")
    for one in found.details["matched"].values():
        print(f"prepare: {Match(**one)}")


if __name__ == "__main__":
    main()
