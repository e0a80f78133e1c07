"""The files that leave the house: each holds those it is for, and nobody else."""

import datetime

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers import an_offer, cells_of
from parted import divide
from retention.campaign import sending
from retention.campaign.sending import clear_files_to_send, write_files_to_send
from retention.core import paths
from retention.core.files import write_parquet
from retention.core.workbooks import workbook_words

OFFERS = [an_offer("a", title={"ru": "Скидка", "en": "Discount"}), an_offer("b")]
CHANNELS = ("message", "on_site", "in_cart")


def lay_list(arms, channels, *, recorded=3, parts=1):
    """Write a list, the highest gain first, and who of the global control would be on it."""

    def laid(path, ids, arms, channels):
        table = pd.DataFrame(
            {
                "customer_id": pd.Series(ids, dtype="str"),
                "segment": "rest",
                "offer": "a",
                "channel": pd.Series(channels, dtype="str"),
                "text": [f"=Текст {one}" for one in ids],
                "arm": pd.Series(arms, dtype="str"),
                "expected_gain": np.linspace(2, 1, len(ids)),
                "cost": 0.1,
                "assumed_effect": 0.05,
                "reasons": "promo_share",
                "valid_until": pd.Series(
                    datetime.date(2026, 12, 31), range(len(ids)), dtype="date32[pyarrow]"
                ),
            }
        )
        write_parquet(table.astype({"text": "str"}), path)
        if parts > 1:
            divide(path, parts)

    laid(paths.CAMPAIGN_LIST, [f"00{place}" for place in range(len(arms))], arms, channels)
    group = [f"g{place}" for place in range(recorded)]
    laid(paths.CAMPAIGN_GLOBAL, group, ["global_control"] * recorded, ["message"] * recorded)


def written(language="ru"):
    return write_files_to_send(OFFERS, language=language, dialect="ru")


def sheet(path, above=1):
    """Return the rows of a workbook below its header, as dicts of the headings."""
    rows = [[cell.value for cell in row] for row in openpyxl.load_workbook(path).active.rows]
    return [dict(zip(rows[above - 1], row, strict=True)) for row in rows[above:]]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


ARMS = ["treatment", "control", "treatment", "treatment", "control"]
BY = ["message", "message", "in_cart", "message", "on_site"]


@pytest.mark.parametrize("parts", [1, 3])
def test_a_workbook_for_each_channel_of_the_treated_and_none_else(parts):
    lay_list(ARMS, BY, parts=parts)
    assert written() == []
    names = sorted(path.name for path in paths.CAMPAIGN_SEND.iterdir())
    assert names == ["in_cart.xlsx", "message.xlsx"]
    rows = sheet(paths.CAMPAIGN_SEND / "message.xlsx")
    ids = [row["покупатель"] for row in rows]
    assert (ids if parts == 1 else sorted(ids)) == ["000", "003"]
    assert {row["текст"] for row in rows} == {"=Текст 000", "=Текст 003"}
    assert {row["название предложения"] for row in rows} == {"Скидка"}
    assert {row["действует до (включительно)"] for row in rows} == {datetime.datetime(2026, 12, 31)}
    assert [row["покупатель"] for row in sheet(paths.CAMPAIGN_SEND / "in_cart.xlsx")] == ["002"]


@pytest.mark.parametrize("language", ["ru", "en"])
def test_whom_to_leave_alone_stands_apart_and_its_first_line_says_so(language):
    lay_list(ARMS, BY)
    written(language)
    words = workbook_words(language)
    heads, groups = words["headings"], words["groups"]
    page = openpyxl.load_workbook(paths.CAMPAIGN_CONTROL).active
    assert page["A1"].value == words["control_line"]
    assert page["A1"].value.isupper() is False
    rows = sheet(paths.CAMPAIGN_CONTROL, above=2)
    assert [row[heads["customer_id"]] for row in rows] == ["001", "004", "g0", "g1", "g2"]
    told = [row[heads["group"]] for row in rows]
    assert told == [groups["control"]] * 2 + [groups["global_control"]] * 3
    assert [row[heads["channel"]] for row in rows][:2] == [
        words["channels"][name] for name in ("message", "on_site")
    ]


def test_nobody_to_send_to_leaves_no_file():
    lay_list([], [], recorded=0)
    assert written() == []
    assert not paths.CAMPAIGN_SEND.exists()
    assert not paths.CAMPAIGN_CONTROL.exists()


def test_files_of_an_earlier_list_go():
    lay_list(ARMS, BY)
    written()
    clear_files_to_send()
    assert sorted(path.name for path in paths.CAMPAIGN.iterdir()) == [
        "global_control.parquet",
        "list.parquet",
    ]
    clear_files_to_send()


def test_more_rows_than_a_sheet_holds_are_a_table_of_text_and_said(monkeypatch):
    monkeypatch.setattr(sending, "fits_a_sheet", lambda rows: rows < 2)
    lay_list(ARMS, BY)
    said = written()
    assert [line.partition(" is not written: ")[0] for line in said] == [
        "data/campaign/send/message.xlsx",
        "data/campaign/control.xlsx",
    ]
    assert said[0].endswith("a workbook holds; data/campaign/send/message.csv has them all")
    names = sorted(path.name for path in paths.CAMPAIGN_SEND.iterdir())
    assert names == ["in_cart.xlsx", "message.csv"]
    table = cells_of(paths.CAMPAIGN_SEND / "message.csv")
    assert table["customer_id"].tolist() == ["000", "003"]
    assert len(cells_of(paths.CAMPAIGN_CONTROL.with_suffix(".csv"))) == 5
    clear_files_to_send()
    assert not paths.CAMPAIGN_CONTROL.with_suffix(".csv").exists()


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from(["treatment", "control"]), st.sampled_from(CHANNELS)), max_size=20
    ),
    recorded=st.integers(0, 3),
)
def test_every_file_holds_those_it_is_for(rows, recorded):
    clear_files_to_send()
    arms, channels = ([one[place] for one in rows] for place in (0, 1))
    lay_list(arms, channels, recorded=recorded)
    written()
    found = {channel: [] for channel in CHANNELS}
    for path in paths.CAMPAIGN_SEND.glob("*"):
        found[path.stem] = [row["покупатель"] for row in sheet(path)]
        assert found[path.stem]
    ids = [f"00{place}" for place in range(len(rows))]
    for channel in CHANNELS:
        assert found[channel] == [
            one for one, row in zip(ids, rows, strict=True) if row == ("treatment", channel)
        ]
    left = [one for one, arm in zip(ids, arms, strict=True) if arm == "control"]
    left += [f"g{place}" for place in range(recorded)]
    told = sheet(paths.CAMPAIGN_CONTROL, above=2) if paths.CAMPAIGN_CONTROL.exists() else []
    assert [row["покупатель"] for row in told] == left
