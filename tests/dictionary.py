"""The tests' own data dictionary."""

from pathlib import Path

from retention.core.columns import load_columns

FIXTURE = Path(__file__).parent / "fixtures/columns.yaml"
COLUMNS = load_columns(FIXTURE)
BEHAVIOUR = COLUMNS.behaviour
FEATURES = tuple(column.name for column in COLUMNS.features(use_profit=False))
GROUPS = {column.name: column.group for column in COLUMNS.all}
RULED = ", ".join(sorted((*BEHAVIOUR, "profit", "risk", "profit_rank")))
"""What a rule may speak of, as messages list it."""
TABLES = tuple(COLUMNS.tables)
