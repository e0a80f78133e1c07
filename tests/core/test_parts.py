"""Tables in parts: where they lie, and one function called for each of them."""

import os
import threading
import time
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from part_work import doubled, killed_once, process_of, refusing
from retention.core.errors import InputError
from retention.core.files import read_parquet, write_parquet
from retention.core.part_names import clear_table, part_files, part_paths
from retention.core.parts import in_turn, map_parts, works_alone


def test_one_part_is_the_file_itself():
    path = Path("data/scores/risk.parquet")
    assert part_paths(path, 1) == [path]
    assert part_files(path) == [path]


def test_many_parts_are_read_in_order_with_their_types(tmp_path):
    path = tmp_path / "table.parquet"
    frames = [
        pd.DataFrame({"customer_id": ["b"], "drop": pd.array([1], dtype="Int8")}),
        pd.DataFrame({"customer_id": ["a"], "drop": pd.array([None], dtype="Int8")}),
    ]
    for frame, part in zip(frames, part_paths(path, 2), strict=True):
        write_parquet(frame, part)
    found = read_parquet(path)
    assert found["customer_id"].tolist() == ["b", "a"]
    assert found["drop"].dtype == "Int8"
    assert found["drop"].isna().tolist() == [False, True]
    assert read_parquet(path, ["drop"]).columns.tolist() == ["drop"]


@pytest.mark.parametrize("left", [[0], [1], [0, 1, 2]], ids=["no last", "no first", "two kinds"])
def test_a_table_that_lacks_parts_is_refused(tmp_path, left):
    path = tmp_path / "table.parquet"
    for number in left:
        write_parquet(
            pd.DataFrame({"a": [number]}), part_paths(path, 2 if len(left) < 3 else 3)[number]
        )
    if len(left) == 3:
        write_parquet(pd.DataFrame({"a": [0]}), part_paths(path, 2)[0])
    with pytest.raises(InputError, match=r"table\.parquet has \d of the parts of a table, not all"):
        read_parquet(path)


@pytest.mark.parametrize("count", [1, 3])
def test_a_table_is_cleared_in_either_form(tmp_path, count):
    path = tmp_path / "table.parquet"
    for part in part_paths(path, count):
        write_parquet(pd.DataFrame({"a": [1]}), part)
    clear_table(path)
    assert list(tmp_path.iterdir()) == []
    clear_table(path)  # what is not there needs no clearing


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_the_order_of_the_parts(jobs):
    assert list(map_parts(doubled, [3, 1, 2, 5], jobs=jobs, what="test")) == [6, 2, 4, 10]
    assert list(map_parts(doubled, [4], jobs=jobs, what="test")) == [8]


@pytest.mark.parametrize(("parts", "begun"), [(1, 0), (3, 0), (4, 2), (8, 2)])
def test_light_parts_begin_no_process_that_is_not_worth_it(parts, begun):
    found = list(map_parts(process_of, range(parts), jobs=2, what="test", light=True))
    assert len(found) == parts
    assert set(found) == {os.getpid()} if begun == 0 else os.getpid() not in found


@pytest.mark.parametrize("light", [True, False])
@pytest.mark.parametrize("parts", [2, 5])
def test_a_cluster_does_all_parts_whatever_jobs_says(monkeypatch, light, parts):
    asked = []
    monkeypatch.setenv("RETENTION_ENGINE", "dask")
    monkeypatch.setattr(
        "retention.core.parts._results", lambda _, parts, __, engine: asked.append(engine) or parts
    )
    assert len(list(map_parts(doubled, range(parts), jobs=1, what="test", light=light))) == parts
    assert asked == ["dask"]


@pytest.mark.parametrize(("light", "processes"), [(True, 3), (False, 5)])
def test_light_parts_begin_no_more_processes_than_have_two_each(monkeypatch, light, processes):
    asked = []
    monkeypatch.setattr(
        "retention.core.parts._results", lambda _, parts, jobs, __: asked.append(jobs) or parts
    )
    assert len(list(map_parts(doubled, range(6), jobs=5, what="test", light=light))) == 6
    assert asked == [processes]


def test_light_parts_of_this_process_are_done_side_by_side():
    together = threading.Barrier(2, timeout=60)  # lets nobody pass who is alone
    met = map_parts(lambda part: together.wait() >= 0 and part, [7, 8], jobs=2, what="", light=True)
    assert list(met) == [7, 8]


def test_light_parts_are_done_one_after_the_other_where_one_core_is_given():
    here, most = [], []

    def alone(part: int) -> int:
        here.append(part)
        most.append(len(here))
        time.sleep(0.01)
        here.remove(part)
        return part

    assert list(map_parts(alone, [1, 2, 3], jobs=1, what="test", light=True)) == [1, 2, 3]
    assert max(most) == 1


def test_what_one_light_part_frees_is_there_for_the_next(monkeypatch):
    given = []
    monkeypatch.setattr("retention.core.parts.give_back", lambda: given.append("back"))
    assert list(map_parts(doubled, [1, 2], jobs=2, what="test", light=True)) == [2, 4]
    assert given == []
    assert list(map_parts(doubled, [1, 2], jobs=1, what="test")) == [2, 4]
    assert given == ["back", "back"]


def test_what_a_light_part_refuses_ends_the_work():
    with pytest.raises(InputError, match="part 1 holds a mistake"):
        list(map_parts(refusing, [0, 1, 2], jobs=2, what="test", light=True))


def test_parts_that_take_long_have_processes_however_few_they_are():
    found = list(map_parts(process_of, range(2), jobs=2, what="test"))
    assert os.getpid() not in found


@pytest.mark.parametrize(
    ("parts", "jobs", "turn", "alone"),
    [(1, 8, True, True), (2, 2, True, False), (3, 1, True, True), (4, 2, False, False)],
)
def test_few_parts_are_done_in_turn_by_this_process_but_on_a_cluster(
    monkeypatch, parts, jobs, turn, alone
):
    monkeypatch.delenv("DASK_SCHEDULER_ADDRESS", raising=False)
    monkeypatch.setenv("RETENTION_ENGINE", "loop")
    assert (in_turn(parts), works_alone(parts, jobs=jobs)) == (turn, alone)
    monkeypatch.setenv("RETENTION_ENGINE", "dask")
    assert {in_turn(parts), works_alone(parts, jobs=jobs)} == {parts == 1}


def test_a_part_whose_worker_was_killed_is_done_again(tmp_path):
    found = map_parts(partial(killed_once, tmp_path), [0, 1, 2, 3, 4], jobs=2, what="test")
    assert list(found) == [0, 10, 20, 30, 40]
    assert (tmp_path / "died").exists()


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_a_part_refuses_ends_the_work(jobs):
    with pytest.raises(InputError, match="part 1 holds a mistake"):
        list(map_parts(refusing, [0, 1, 2], jobs=jobs, what="test"))
