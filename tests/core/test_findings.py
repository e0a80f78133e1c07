import pandas as pd

from retention.core.findings import Finding, Level, as_table


def test_counts_stay_numbers_below_a_table_without_findings():
    some = as_table([Finding(Level.ADVICE, "", "", "twins", 3)])
    both = pd.concat([as_table([]), some], ignore_index=True)
    assert both["count"].tolist() == [3]
    assert both.dtypes["count"] == both.dtypes["line"] == "int64"
