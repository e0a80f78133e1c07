import numpy as np
import pandas as pd
import pytest

from retention.explanation.reasons import (
    RANKS,
    as_text,
    find_reasons,
    first_reasons,
    typical_among,
    typical_values,
)

NAMES = ["service", "consent", "pages_per_visit", "promo_share", "unpaid_items", "minutes_m0"]


def table(*rows):
    return pd.DataFrame(rows, columns=NAMES)


FEATURES = table(
    ["premium", "no", 3.0, 0.91, 7, 10.5],
    ["standard", "yes", 9.0, 0.2, np.nan, 20.0],
)
TYPICAL = table(
    ["standard", "yes", 8.0, 0.25, 2.0, 14.0],
    ["standard", "yes", 8.0, 0.25, 2.0, 14.0],
)


def reasons(first, second, *, threshold=0.1):
    values = table(first, second).astype("float64")
    return find_reasons(values, FEATURES, TYPICAL, threshold=threshold)


def test_strongest_come_first_with_value_typical_and_contribution():
    found = reasons([0.2, 0.9, 0.8, 0.3, 0.11, -0.5], [0.0] * 6).iloc[0]
    assert found[["reason_1", "reason_2", "reason_3"]].tolist() == [
        "pages_per_visit", "promo_share", "service"]  # fmt: skip
    assert found["reason_1_value"] == "3"
    assert found["reason_1_typical"] == "8"
    assert found["reason_2_value"] == "0.91"
    assert found["reason_1_contribution"] == 0.8
    assert (found["lowers"], found["lowers_contribution"]) == ("minutes_m0", -0.5)


def test_a_column_that_holds_nothing_has_no_typical_value():
    features = pd.DataFrame(
        {"service": [None, None], "unpaid_items": [np.nan, np.nan], "minutes_m0": [2.0, 4.0]}
    ).astype({"service": "str"})
    found = typical_values(features)
    assert found["service"] is None
    assert np.isnan(found["unpaid_items"])
    assert found["minutes_m0"] == 3
    assert as_text(found["service"]) == as_text(found["unpaid_items"]) == "missing"


def test_consent_is_never_a_reason_however_strong():
    found = reasons([0.0, 5.0, 0.0, 0.0, 0.0, 0.0], [0.0, -5.0, 0.0, 0.0, 0.0, 0.0])
    assert found[list(RANKS)].isna().all(axis=None)


def test_contribution_that_noise_could_make_is_no_reason():
    found = reasons([0.0, 0.0, 0.1, 0.101, 0.0, -0.1], [0.0] * 6).iloc[0]
    assert found["reason_1"] == "promo_share"
    assert found[["reason_2", "reason_3", "lowers"]].isna().all()
    assert np.isnan(found["reason_2_contribution"])
    assert found["reason_2_value"] is None


def test_missing_value_is_said_to_be_missing():
    found = reasons([0.0] * 6, [0.0, 0.0, 0.0, 0.0, 0.7, 0.0]).iloc[1]
    assert (found["reason_1"], found["reason_1_value"]) == ("unpaid_items", "missing")


def test_fewer_features_than_places_leave_the_rest_empty():
    values = pd.DataFrame({"promo_share": [0.5]})
    found = find_reasons(values, FEATURES.head(1), TYPICAL.head(1), threshold=0.1).iloc[0]
    assert found["reason_1"] == "promo_share"
    assert found[["reason_2", "reason_3"]].isna().all()


def test_typical_values_are_medians_and_the_most_frequent_word():
    loyal = pd.DataFrame({"a": [1.0, 2.0, 9.0], "w": ["x", "y", "y"]})
    assert typical_values(loyal) == {"a": 2.0, "w": "y"}


@pytest.mark.parametrize(("premium", "expected"), [(30, [5.0, 1.0]), (29, [1.0, 1.0])])
def test_comparable_are_those_of_the_same_service_where_there_are_enough(premium, expected):
    loyal = pd.DataFrame(
        {"service": ["premium"] * premium + ["standard"] * 60,
         "pages_per_visit": [5.0] * premium + [1.0] * 60}
    )  # fmt: skip
    asked = pd.DataFrame({"service": ["premium", "standard"], "pages_per_visit": [0.0, 0.0]})
    found = typical_among(list(loyal), loyal.__getitem__).beside(asked)
    assert found["pages_per_visit"].tolist() == expected
    # The level of service itself is compared with that of all.
    assert found["service"].tolist() == ["standard", "standard"]


@pytest.mark.parametrize(
    ("value", "text"),
    [(3.0, "3"), (0.917, "0.92"), (-0.0, "0"), (1234.5, "1234.5"), (np.nan, "missing"), ("x", "x")],
)
def test_values_read_as_people_write_them(value, text):
    assert as_text(value) == text


def test_first_reasons_are_shared_out_by_group():
    groups = {"a": "site", "b": "product", "c": "site"}
    shares = first_reasons({"a": 3, "b": 2, "c": 1}, groups)
    assert list(shares.items()) == [("product", 1 / 3), ("site", 2 / 3)]
    assert first_reasons({}, groups) == {}
