"""What is drawn of each column: shares of words and of bins, in per cent of each class."""

import subprocess
import sys
from functools import partial

import numpy as np
import pandas as pd
import pytest

from dictionary import COLUMNS
from project import ROOT
from retention.core.beside import do_beside, jobs_beside
from retention.data.distributions import bin_edges, find_distributions
from retention.data.plots import draw_distributions

DROPPED = [1.0] * 80 + [0.0] * 120 + [None] * 10
LABEL = pd.Series(DROPPED, dtype="Int8")


def found(name, values, label=LABEL):
    table = pd.DataFrame({name: values})
    (one,) = find_distributions(table, label, columns=COLUMNS)
    assert one.name == name
    return one


def test_words_are_told_in_per_cent_of_who_dropped_and_of_who_stayed():
    one = found("service", ["standard"] * 60 + ["premium"] * 20 + ["standard"] * 120 + ["x"] * 10)
    # 20 premium and 10 odd words are too few to be told by name; the last have no outcome.
    assert one.words == ["standard", "other"]
    assert one.shares["dropped"].tolist() == [75, 25]
    assert one.shares["stayed"].tolist() == [100, 0]
    assert len(one.edges) == 0


@pytest.mark.parametrize(
    ("count", "words"), [(29, ["standard", "other"]), (30, ["standard", "a@b"])]
)
def test_a_rare_word_is_not_told_by_its_name(count, words):
    one = found("service", ["a@b"] * count + ["standard"] * (210 - count))
    assert one.words == words
    rare = 100 * count / 80
    assert one.shares["dropped"] == pytest.approx([100 - rare, rare])


def test_nine_words_are_eight_and_the_rest_and_a_missing_one_is_none():
    words = [f"w{n}" for n in range(9) for _ in range(40 - n)] + [None] * 40
    label = pd.Series([1] * len(words), dtype="Int8")
    one = found("service", words, label)
    assert one.words == [*(f"w{n}" for n in range(8)), "other"]
    assert one.shares["dropped"] == pytest.approx([100 * (40 - n) / 324 for n in range(9)])
    assert one.shares["stayed"].tolist() == [0] * 9


def test_few_whole_numbers_have_a_bin_each():
    values = [3.0] * 40 + [5.0] * 20 + [np.nan] * 20 + [4.0] * 120 + [6.0] * 10
    one = found("contacts_now", values)
    assert one.edges.tolist() == [2.5, 3.5, 4.5, 5.5, 6.5]
    assert one.shares["dropped"] == pytest.approx([200 / 3, 0, 100 / 3, 0])  # of 60 known
    assert one.shares["stayed"].tolist() == [0, 100, 0, 0]
    assert one.unit == COLUMNS.by_name["contacts_now"].unit["en"]
    assert one.words == []


def test_other_numbers_have_twenty_bins_without_the_last_of_a_thousand():
    values = pd.Series([*np.linspace(0, 1, 1000), 500.0])
    edges = bin_edges(values)
    assert len(edges) == 21
    assert edges[0] == 0
    assert edges[-1] == pytest.approx(1, abs=0.001)


def test_a_column_that_nobody_has_is_drawn_empty(tmp_path):
    one = found("contacts_6m", [np.nan] * 210)
    assert one.edges.tolist() == [0, 1]
    assert one.shares["dropped"].tolist() == one.shares["stayed"].tolist() == [0]
    draw_distributions([one, found("service", [None] * 210)], tmp_path / "empty.png")
    assert (tmp_path / "empty.png").read_bytes().startswith(b"\x89PNG")


def test_without_any_outcome_all_customers_are_one_class():
    one = found("service", ["standard"] * 210, pd.Series([None] * 210, dtype="Int8"))
    assert {name: shares.tolist() for name, shares in one.shares.items()} == {"all": [100]}


def test_a_process_beside_draws_the_same_picture(tmp_path):
    drawn = [
        found("contacts_now", np.arange(210) % 7),
        found("service", ["standard", "premium", "standard"] * 70),
    ]
    draw_distributions(drawn, tmp_path / "here.png")
    with jobs_beside():
        do_beside(partial(draw_distributions, drawn, tmp_path / "beside.png"), jobs=2)
    here = (tmp_path / "here.png").read_bytes()
    assert here.startswith(b"\x89PNG")
    assert (tmp_path / "beside.png").read_bytes() == here


def test_to_draw_no_tables_are_imported():
    """A process that only draws would spend half its time on that."""
    code = "import sys, retention.data.plots; print('pandas' in sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT / "stages",
        check=True,
        capture_output=True,
        text=True,
    )
    assert told.stdout == "False\n"
