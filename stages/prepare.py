"""Prepare: what arrived, and can it be trusted?

Reads the folder ``data.dir`` (one of the four exports, or a folder of such for each month) and
columns.yaml; writes data/prepared/ (customers.parquet, set_aside.parquet, quarantine.csv,
details.json, and readiness as .parquet and .csv) and metrics/prepare.json.
"""

from pathlib import Path

from retention.core import paths
from retention.core.columns import load_columns
from retention.core.files import write_json
from retention.core.params import load_params
from retention.core.running import stage
from retention.core.scratch import scratch_folder
from retention.core.spreadsheets import write_both, write_for_people
from retention.data.month_folders import day_of_exports, month_folders
from retention.data.month_preparation import prepare_months
from retention.data.month_reading import quarantine_of_months, read_months
from retention.data.preparation import clean_exports, prepare_customers


@stage
def main() -> None:
    """Read, clean, join and filter the exports; say what was found."""
    columns = load_columns()
    params = load_params(columns=columns)
    folder, dialect = Path(params.data.dir), params.campaign.spreadsheet
    months = month_folders(folder, tables=columns.tables)
    tables = {"customers": paths.PREPARED, "set_aside": paths.SET_ASIDE}
    how = {"jobs": params.train.jobs}
    # The quarantine is written before anything can stop the stage: its message sends people there.
    with scratch_folder(paths.PREPARED_SCRATCH) as scratch:
        if months is None:
            exports = clean_exports(folder, params.prepare, columns=columns, scratch=scratch, **how)
            write_for_people(exports.quarantine.pieces(), paths.QUARANTINE, dialect=dialect)
            as_of = day_of_exports(params.data.as_of, None)
            found = prepare_customers(exports, params.prepare, folder=folder, **tables, **how)
        else:
            how |= {"columns": columns, "scratch": scratch}
            read = read_months(months, params.prepare, **how)
            write_for_people(quarantine_of_months(read), paths.QUARANTINE, dialect=dialect)
            as_of = day_of_exports(params.data.as_of, months)
            how |= {"as_of": as_of, **tables}
            found = prepare_months(read, params.prepare, params.label, **how)
    write_both(found.readiness, paths.READINESS, dialect=dialect)
    write_json({"as_of": as_of.isoformat(), **found.details}, paths.PREPARED_DETAILS)
    write_json(found.headline, paths.METRICS / "prepare.json")
    for line in found.said:
        print(f"prepare: {line}")


if __name__ == "__main__":
    main()
