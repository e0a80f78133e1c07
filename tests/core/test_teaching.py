"""Which rows taught the model in use, and which judge it."""

import pandas as pd

from retention.core.teaching import judging, months_given, taught


def table(**columns):
    rows = pd.DataFrame(
        {
            "split": ["train", "train", "train", "test", "test", "score"],
            "scored": [True, True, False, True, False, True],
            "out_of_fold": [True, False, True, False, False, False],
        }
    ).assign(**columns)
    # What a stage reads from parquet cannot be written to.
    for name in rows:
        rows[name].to_numpy().flags.writeable = False
    return rows


def test_of_a_snapshot_the_training_customers_taught_also_beyond_what_was_given():
    rows = table()
    assert taught(rows).tolist() == [True, True, False, False, False, False]
    assert judging(rows).tolist() == [False, False, False, True, False, False]


def test_months_that_were_not_given_did_not_teach():
    """A model of earlier months is in use; what train would take by now is another matter."""
    months = ["2025-05", "2025-06", "2025-05", "2025-09", "2025-09", "2025-12"]
    assert taught(table(month=months)).tolist() == [True, False, False, False, False, False]
    months[1] = "2025-05"
    assert taught(table(month=months)).tolist() == [True, True, False, False, False, False]


def test_of_a_part_the_months_that_were_given_are_those_of_all_parts():
    months = ["2025-05", "2025-06", "2025-05", "2025-09", "2025-09", "2025-12"]
    rows = table(month=months)
    assert months_given(rows).tolist() == ["2025-05"]
    part = rows.iloc[[1, 3]]  # here nobody taught, elsewhere others of June did
    assert taught(part).tolist() == [False, False]
    assert taught(part, ["2025-05", "2025-06"]).tolist() == [True, False]


def test_a_kept_model_names_its_rows_and_is_judged_by_none_that_it_may_know():
    rows = table(
        out_of_fold=[True, False, False, True, False, False],
        taught=[True, False, False, False, False, False],
    )
    assert taught(rows).tolist() == [True, False, False, False, False, False]
    assert not judging(rows).any()
    rows["taught"] = [False, False, False, True, False, False]
    assert taught(rows).tolist() == [False, False, False, True, False, False]
