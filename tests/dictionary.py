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
AGE = """
  age:
    table: market_file
    header: Возраст
    kind: integer
    low: 14
    high: 110
    optional: true
    group: person
    unit: {ru: "лет", en: "years"}
    name: {ru: "возраст", en: "age"}
    meaning: {ru: "полных лет покупателю", en: "full years of life"}
    reason:
      ru: {low: "юный возраст", high: "зрелый возраст", plain: "возраст покупателя"}
      en: {low: "tender age", high: "mature age", plain: "age of the customer"}
"""
"""A column that a shop may add."""
