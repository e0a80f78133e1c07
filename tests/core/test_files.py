import json
import os
import stat
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.core import files
from retention.core.atomic import _SCRATCH, atomic, clear_leftovers
from retention.core.errors import InputError
from retention.core.files import (
    joined,
    made,
    read_batches,
    read_csv,
    read_json,
    read_parquet,
    rounded,
    settle,
    way_back,
    write_csv,
    write_json,
    write_parquet,
)
from retention.core.part_names import part_paths


def test_atomic_makes_parents_and_leaves_nothing_beside_the_file(tmp_path):
    path = tmp_path / "deep" / "er" / "file.txt"
    with atomic(path) as scratch:
        scratch.write_text("new")
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_file_in_place_is_whole_old_until_the_block_ends(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with atomic(path) as scratch:
        scratch.write_text("half")
        assert path.read_text() == "old"
        assert scratch.parent == path.parent


@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt, SystemExit])
def test_failed_block_keeps_the_old_file_and_removes_its_scratch(tmp_path, fault):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def write_half():
        with atomic(path) as scratch:
            scratch.write_text("half a new")
            raise fault

    with pytest.raises(fault):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_who_may_read_a_file_is_what_the_umask_says(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        write_json({}, tmp_path / "a.json")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == mode


def scratch_of(process, *, name="a.csv"):
    return f".{name}.{process}-0123abcd.partial"


def dead_process():
    """The number of a process that has ended."""
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def test_leftovers_of_dead_processes_are_removed_beside_a_file_and_in_a_folder(tmp_path):
    dead = dead_process()
    for name in ("plots/a.csv", "data/deep/a.csv"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("whole")
    alive = scratch_of(os.getppid())
    other = scratch_of(dead, name="other.csv")
    for name in (scratch_of(dead), scratch_of(os.getpid()), alive, other, ".a.csv.partial"):
        (tmp_path / "plots" / name).write_text("half")
    (tmp_path / "data/deep" / scratch_of(dead)).write_text("half")
    clear_leftovers(tmp_path / "plots/a.csv")
    clear_leftovers(tmp_path / "data")
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    kept = {alive, other, ".a.csv.partial", "a.csv"}
    assert found == {"data/deep/a.csv", *(f"plots/{name}" for name in kept)}


def test_leftover_of_yesterday_is_removed_though_its_number_runs_again(tmp_path):
    path = tmp_path / scratch_of(os.getppid())
    path.write_text("half")
    yesterday = time.time() - 25 * 3600
    os.utime(path, (yesterday, yesterday))
    clear_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_name_of_a_scratch_file_is_the_one_that_is_cleared(tmp_path):
    with atomic(tmp_path / "a.csv") as scratch:
        assert _SCRATCH.fullmatch(scratch.name)[1] == str(os.getpid())


DAMAGED = [
    ("a.json", read_json, lambda path: write_json({"a": [1, 2, 3]}, path)),
    ("a.parquet", read_parquet, lambda path: write_parquet(pd.DataFrame({"a": [1, 2]}), path)),
    ("a.csv", read_csv, lambda path: write_csv(pd.DataFrame({"a": [1, 2], "b": "x"}), path)),
]


@pytest.mark.parametrize(("name", "read", "write"), DAMAGED)
@pytest.mark.parametrize("share", [0, 0.3, 0.5, 0.95])
def test_half_of_a_file_is_told_with_the_way_to_make_it_anew(tmp_path, name, read, write, share):
    path = tmp_path / name
    write(path)
    read(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError) as mistake:
        read(path)
    assert str(mistake.value).startswith(f"{path} is damaged (")
    assert str(mistake.value).endswith("); run `dvc repro`, which makes it anew")


@pytest.mark.parametrize(
    ("name", "read", "content"),
    [
        ("a.json", read_json, b"<<<<<<< HEAD\n{}\n"),
        ("a.json", read_json, b"\xff\xfe{\x00}"),
        ("a.json", read_json, b"[" * 100_000),
        ("a.parquet", read_parquet, b"version https://git-lfs.github.com/spec/v1\n"),
        ("a.parquet", read_parquet, b"PAR1" + bytes(100) + b"PAR1"),
        ("a.csv", read_csv, b"a,b\n1,2\n1,2,3,4\n"),
        ("a.csv", read_csv, b"a,b\n\xff,2\n"),
    ],
)
def test_other_content_is_told_too(tmp_path, name, read, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match="is damaged"):
        read(path)


@pytest.mark.parametrize("read", [read_json, read_csv])
def test_fault_of_the_disk_is_not_called_one_of_the_file(tmp_path, read):
    (tmp_path / "a").mkdir()
    with pytest.raises(IsADirectoryError):
        read(tmp_path / "a")


def test_some_columns_and_kinds_are_read_on_demand(tmp_path):
    frame = pd.DataFrame({"customer_id": ["01", "02"], "x": [1.5, 2.5]})
    write_parquet(frame, tmp_path / "a.parquet")
    write_csv(frame, tmp_path / "a.csv", bom=True)
    pd.testing.assert_frame_equal(read_parquet(tmp_path / "a.parquet", ["x"]), frame[["x"]])
    pd.testing.assert_frame_equal(read_csv(tmp_path / "a.csv", dtype={"customer_id": "str"}), frame)


def test_pieces_of_a_table_follow_each_other_through_its_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_BATCH", 2)
    frame = pd.DataFrame({"customer_id": list("abcde"), "x": pd.array([1, None, 3, 4, 5], "Int8")})
    one, other = part_paths(tmp_path / "a.parquet", 2)
    write_parquet(frame.iloc[:3], one)
    write_parquet(frame.iloc[3:], other)
    pieces = list(read_batches(tmp_path / "a.parquet"))
    assert [len(piece) for piece in pieces] == [2, 1, 2]
    whole = pd.concat(pieces, ignore_index=True)
    pd.testing.assert_frame_equal(whole, frame.astype({"customer_id": "str"}))
    assert [list(piece) for piece in read_batches(one, ["x"])] == [["x"], ["x"]]
    other.write_bytes(b"PAR1")
    with pytest.raises(InputError, match="is damaged"):
        list(read_batches(tmp_path / "a.parquet"))


def test_floats_are_rounded_to_six_digits_at_any_depth():
    content = {"a": [1.23456789, (2.00000049,)], 3: {"b": np.float64(0.1) + np.float64(0.2)}}
    assert rounded(content) == {"a": [1.234568, [2.0]], "3": {"b": 0.3}}


@pytest.mark.parametrize(
    ("value", "settled"),
    [
        (1.23456789, 1.234568),
        (0.1 + 0.2, 0.3),
        (4.3896875, 4.389688),  # a mean half-way between two numbers of six digits
        (-0.0000005, 0.0),
        (20_000.0000625, 20_000.000062),
        (123_456_789_012.34, 123_456_789_012.34),
        (123_456_789.1234567, 123_456_789.12346),
        (123_456_789_012_345_678.0, 123_456_789_012_350_000.0),
        (np.inf, np.inf),
    ],
)
def test_last_digits_that_other_processors_change_are_not_written(value, settled):
    around = np.array([value, value * (1 + 2e-15), value * (1 - 2e-15)])
    found = settle(around)
    assert found.tolist() == [settled] * 3
    assert not np.signbit(found[found == 0]).any()
    assert settle(found).tolist() == found.tolist()


@given(cents=st.integers(-(10**14) + 1, 10**14 - 1))
def test_money_up_to_a_million_millions_keeps_its_cents(cents):
    assert settle(np.array([cents / 100])).tolist() == [cents / 100]


@given(value=st.floats(-1e8, 1e8))
def test_settling_moves_a_number_by_little_more_than_half_of_the_sixth_digit(value):
    (found,) = settle(np.array([value]))
    assert abs(found - value) <= 5.6e-7
    assert found == round(found, 6)


@pytest.mark.parametrize("value", [-0.0, -1e-9, np.float64(-1e-7)])
def test_minus_zero_is_written_as_zero(value):
    assert json.dumps(rounded(value)) == "0.0"


@pytest.mark.parametrize(
    ("value", "plain"),
    [(np.int64(7), 7), (np.bool_(True), True), (np.float32(0.5), 0.5), (None, None), ("ö", "ö")],
)
def test_numpy_scalars_become_plain(value, plain):
    assert rounded(value) == plain
    assert type(rounded(value)) is type(plain)


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), -np.inf, np.float32("nan"), pd.NA, pd.NaT]
)
def test_figure_that_cannot_be_told_is_null_in_json(tmp_path, value):
    write_json({"auc": [0.1, value]}, tmp_path / "metrics.json")
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"auc": [0.1, None]}


def test_object_that_json_has_no_word_for_is_refused_and_the_old_file_stays(tmp_path):
    path = tmp_path / "metrics.json"
    write_json({"auc": 0.7}, path)
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_json({"auc": [0.1, object()]}, path)
    assert read_json(path) == {"auc": 0.7}


def test_figure_that_cannot_be_told_is_an_empty_cell(tmp_path):
    frame = pd.DataFrame({"x": [1.5, np.inf, -np.inf, np.nan], "n": [1, 2, 3, 4]})
    write_csv(frame, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "x,n\n1.5,1\n,2\n,3\n,4\n"
    write_parquet(frame, tmp_path / "a.parquet")
    assert read_parquet(tmp_path / "a.parquet")["x"].isna().tolist() == [False, True, True, True]
    assert np.isinf(frame["x"]).sum() == 2


plain_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(-1e6, 1e6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=30, deadline=None)
@given(content=plain_json)
def test_json_comes_back_and_writes_the_same_bytes_again(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("json")
    write_json(content, folder / "a.json")
    write_json(read_json(folder / "a.json"), folder / "b.json")
    assert (folder / "a.json").read_bytes() == (folder / "b.json").read_bytes()
    assert read_json(folder / "a.json") == rounded(content)


def test_json_keeps_order_and_other_alphabets_readable(tmp_path):
    write_json({"b": "Акция", "a": 1}, tmp_path / "a.json")
    assert (tmp_path / "a.json").read_bytes() == '{\n  "b": "Акция",\n  "a": 1\n}\n'.encode()


def test_csv_has_rounded_floats_no_index_and_plain_line_ends(tmp_path):
    frame = pd.DataFrame({"x": [1.23456789, np.nan], "word": ["да", "a,b"]}, index=[7, 9])
    write_csv(frame, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == 'x,word\n1.234568,да\n,"a,b"\n'.encode()


def test_csv_writes_minus_zero_as_zero(tmp_path):
    write_csv(pd.DataFrame({"x": [-1e-9, 1e-9]}), tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "x\n0.0\n0.0\n"


def test_csv_for_a_spreadsheet_begins_with_the_mark_of_utf_8(tmp_path):
    write_csv(pd.DataFrame({"x": [1]}), tmp_path / "a.csv", bom=True)
    assert (tmp_path / "a.csv").read_bytes() == b"\xef\xbb\xbfx\n1\n"


def test_parquet_comes_back_without_index_and_twice_the_same_bytes(tmp_path):
    frame = pd.DataFrame({"x": [1.5, np.nan], "word": ["да", None]}, index=[7, 9])
    for name in ("a", "b"):
        write_parquet(frame, tmp_path / f"{name}.parquet")
    pd.testing.assert_frame_equal(
        read_parquet(tmp_path / "a.parquet"), frame.reset_index(drop=True)
    )
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_parquet_in_pieces_has_their_rows_below_each_other(tmp_path):
    frame = pd.DataFrame({"x": [0.1234567, np.inf, 3.0], "word": ["да", None, "нет"]})
    write_parquet((frame.iloc[some] for some in ([0, 1], [2])), tmp_path / "a.parquet")
    found = read_parquet(tmp_path / "a.parquet")
    assert found["x"].tolist()[::2] == [0.123457, 3.0]
    assert found["x"].isna().tolist() == [False, True, False]
    assert found["word"].tolist()[::2] == ["да", "нет"]
    write_parquet(iter([frame]), tmp_path / "one.parquet")
    write_parquet(frame, tmp_path / "whole.parquet")
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()


def test_parquet_of_which_a_piece_fails_is_not_written(tmp_path):
    def pieces():
        yield pd.DataFrame({"x": [1]})
        raise InputError("no more")

    with pytest.raises(InputError, match="no more"):
        write_parquet(pieces(), tmp_path / "a.parquet")
    assert list(tmp_path.iterdir()) == []


def test_parquet_has_rounded_floats_and_leaves_other_columns_as_they_are(tmp_path):
    long = 2**64 - 1
    frame = pd.DataFrame(
        {
            "risk": [1 / 3, np.nan],
            "profit": pd.array([0.1 + 0.2, None], dtype="Float64"),
            "small": np.array([0.25, -0.0], dtype="float32"),
            "key": np.array([long, 0], dtype="uint64"),
            "word": pd.Categorical(["да", None]),
        }
    )
    before = frame.copy()
    write_parquet(frame, tmp_path / "a.parquet")
    pd.testing.assert_frame_equal(frame, before)
    found = read_parquet(tmp_path / "a.parquet")
    assert found.dtypes.astype("str").to_dict() == frame.dtypes.astype("str").to_dict()
    assert found["risk"].tolist()[0] == 0.333333
    assert found["profit"].tolist() == [0.3, pd.NA]
    assert found["key"].tolist() == [long, 0]
    assert not np.signbit(found["small"]).any()


@pytest.mark.parametrize("read", [made, read_json, read_parquet])
def test_file_that_no_stage_made_yet_is_named_with_the_way_to_make_it(tmp_path, read):
    path = tmp_path / "absent"
    with pytest.raises(InputError) as mistake:
        read(path)
    assert str(mistake.value) == f"{path} is not there yet; run `dvc repro`, which makes it"


@pytest.mark.parametrize(
    ("path", "way"),
    [
        ("campaigns/may/list.parquet", "`dvc pull -f campaigns/may.dvc` brings it"),
        ("models/a/model.json", "`dvc pull -f models/a.dvc` brings it, or promote a model anew"),
        ("data/model/model.json", "make it"),
        ("params.yaml", "make it"),
    ],
)
def test_what_no_stage_makes_dvc_brings(path, way):
    assert way_back(path, "make it") == way


@pytest.mark.parametrize("others", [["1"], ["1", "2", "3"], ["1", "4"]])
def test_files_of_other_customers_are_not_joined(tmp_path, others):
    customers = pd.DataFrame({"customer_id": ["2", "1"], "profit": [5.0, 6.0]})
    path = tmp_path / "risk.parquet"
    write_parquet(pd.DataFrame({"customer_id": ["1", "2"], "risk": [0.1, 0.2]}), path)
    assert joined(customers, path).to_numpy().tolist() == [["2", 5.0, 0.2], ["1", 6.0, 0.1]]
    write_parquet(pd.DataFrame({"customer_id": others, "risk": 0.5}), path)
    with pytest.raises(InputError, match=r"risk\.parquet is of other customers; run `dvc repro`"):
        joined(customers, path)
