"""The customers that benchmarks look at: of a folder of exports, or simulated."""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "stages"))

from retention.core.columns import Columns, load_columns
from retention.core.errors import InputError
from retention.core.files import read_parquet
from retention.core.params import Params, load_params
from retention.core.scratch import scratch_folder
from retention.core.vocabulary import LABEL
from retention.data.customer_table import make_table
from retention.data.preparation import clean_exports, prepare_customers
from simulation.export import EXPORT_DIALECTS, as_export, write_export
from simulation.shop import simulate_customers

CUSTOMERS = "customers.parquet"


@dataclass(frozen=True)
class CustomersOf:
    """The customers of a shop.

    Attributes
    ----------
    table : DataFrame
        As ``customer_table.make_table`` gives it.
    features, words : list of str
        Names of all features, and of the categorical ones.
    """

    table: pd.DataFrame
    features: list[str]
    words: list[str]


def of_project() -> tuple[Columns, Params]:
    """Return the project's data dictionary and params."""
    columns = load_columns(ROOT / "columns.yaml")
    return columns, load_params(ROOT / "params.yaml", columns=columns)


def customers_of(customers: pd.DataFrame) -> CustomersOf:
    """Return prepared or simulated customers as the stages after featurize see them."""
    columns, params = of_project()
    made = make_table(customers, params.features, columns=columns)
    words = [name for name in made.features if columns.by_name[name].is_category]
    return CustomersOf(made.table, list(made.features), words)


def simulated(count: int, *, unlabelled: float, seed: int) -> CustomersOf:
    """Return customers of a simulated shop, faults of its exports included."""
    return customers_of(simulate_customers(count, unlabelled=unlabelled, seed=seed).customers)


def labelled(folder: Path) -> CustomersOf:
    """Return the labelled customers of the exports in `folder`, one of each twin pair.

    Raises
    ------
    InputError
        If the folder is not there, or as ``preparation.prepare_customers`` does.
    """
    if not folder.is_dir():
        raise InputError(f"folder {folder} is not there")
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        prepare_folder(folder, place, jobs=1)
        found = customers_of(read_parquet(place / CUSTOMERS))
    kept = found.table[found.table["scored"] & found.table[LABEL].notna()]
    return CustomersOf(kept.reset_index(drop=True), found.features, found.words)


def prepare_folder(folder: Path, place: Path, *, jobs: int, part_rows: int | None = None) -> None:
    """Prepare the exports in `folder`: write who is kept and who is set aside into `place`."""
    columns, params = of_project()
    options = params.prepare.model_copy(update={"part_rows": part_rows} if part_rows else {})
    with scratch_folder(place / ".parts") as scratch:
        how = {"columns": columns, "scratch": scratch, "jobs": jobs}
        exports = clean_exports(folder, options, **how)
        tables = {"customers": place / CUSTOMERS, "set_aside": place / "set_aside.parquet"}
        prepare_customers(exports, options, folder=folder, **tables, jobs=jobs)


def write_shop(folder: Path, *, count: int, unlabelled: float, seed: int) -> None:
    """Write the exports of a simulated shop into `folder`."""
    columns, _ = of_project()
    shop = simulate_customers(count, unlabelled=unlabelled, seed=seed)
    for name, table in as_export(shop, columns=columns, seed=seed).items():
        write_export(table, folder / f"{name}.csv", **EXPORT_DIALECTS.get(name, {}))
