"""The list, the customers and the CRM's answers, as spreadsheets leave them."""

import gzip

import pandas as pd
import pytest

from dictionary import COLUMNS
from retention.core.errors import InputError
from retention.measurement.inputs import read_customers, read_list, read_responses

LIST = "customer_id,segment,offer,channel,text,arm,expected_gain,cost,reasons,valid_until\n"


def written(tmp_path, text, *, name="answers.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


def answers_of(path):
    return read_responses(path, columns=COLUMNS)


def said(read, path):
    with pytest.raises(InputError) as refused:
        read(path)
    return str(refused.value).removeprefix(f"{path} ")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("customer_id,drop,revenue\n1,1,1000.5\n2,0,\n", "utf-8"),
        ("customer_id,drop,revenue\n1,1,1000.5\n2,0,\n", "utf-8-sig"),
        ("customer_id;drop;revenue\r\n1;1;1 000,5\r\n2;0;\r\n", "utf-16"),
        ("Customer ID\tDrop\trevenue\n1.0\t1.0\t1000.5\n2.0\t0.0\tn/a\n", "utf-8"),
        (
            "id;Выручка;Покупательская активность\n1;1000,5;Снизилась\n2;;прежний  уровень\n",
            "cp1251",
        ),
        ("customer_id;drop;revenue\n1;Снизилась;1000,5\n2;Прежний уровень;-\n", "cp1251"),
        ("sep=;\ncustomer_id;drop;revenue\n1;1;1000.5\n2;0;\n", "utf-8"),
        ("x,customer_id,drop,revenue\na,1,1,1000.5\nb,2,0,\n,,,\n", "utf-8"),
    ],
)
def test_answers_in_any_dialect(tmp_path, text, encoding):
    found, repeated = answers_of(written(tmp_path, text, encoding=encoding))
    expected = pd.DataFrame(
        {"customer_id": ["1", "2"], "drop": [1.0, 0.0], "revenue": [1000.5, float("nan")]}
    )
    pd.testing.assert_frame_equal(found[list(expected)], expected, check_dtype=False)
    assert repeated == 0


def test_answers_packed_and_in_parquet(tmp_path):
    packed = tmp_path / "answers.csv.gz"
    packed.write_bytes(gzip.compress(b"customer_id,drop\n7,1\n"))
    table = pd.DataFrame({"customer_id": [7], "drop": [1]})
    table.to_parquet(tmp_path / "answers.parquet")
    for path in (packed, tmp_path / "answers.parquet"):
        assert answers_of(path)[0].to_dict("records") == [{"customer_id": "7", "drop": 1}]


def test_profit_of_after_by_its_name_in_the_exports(tmp_path):
    found, _ = answers_of(written(tmp_path, "id;Прибыль;Выручка\n1;-1,5;10\n2;;20\n"))
    assert found["profit"].tolist()[0] == -1.5
    assert found["profit"].isna().tolist() == [False, True]
    assert found["revenue"].tolist() == [10, 20]


def test_one_outcome_is_enough(tmp_path):
    found, _ = answers_of(written(tmp_path, "customer_id,revenue\n1,-5\n"))
    assert found.to_dict("records") == [{"customer_id": "1", "revenue": -5}]


def test_guarded_and_bare_ids_meet(tmp_path):
    found, _ = answers_of(written(tmp_path, "customer_id,drop\n'=A1,1\n-7,0\n"))
    rows = "'=A1,s,o,c,t,treatment,1,0.5,r,d\n'-7,s,o,c,t,control,1,0.5,r,d\n"
    listed = read_list(written(tmp_path, LIST + rows, name="list.csv", encoding="utf-8-sig"))
    assert found["customer_id"].tolist() == listed["customer_id"].tolist() == ["=A1", "-7"]
    assert listed["treated"].tolist() == [True, False]


def test_repeated_rows_count_once_and_contradictions_are_refused(tmp_path):
    found, repeated = answers_of(written(tmp_path, "customer_id,drop\n1,1\n2,0\n1,1\n1,1.0\n"))
    assert (len(found), repeated) == (2, 2)
    path = written(tmp_path, "customer_id,drop\n1,1\n2,0\n1,0\n")
    with pytest.raises(InputError, match=r"lines 2, 4: the outcomes of customer 1 contradict"):
        answers_of(path)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("customer_id,drop\n1,1\n2,2\n", "line 3: drop is neither 0 nor 1 '2'"),
        ("customer_id,drop\n1,maybe\n", "line 2: drop: valid: 0, 1, Снизилась, Прежний уровень; "
         "found 'maybe'"),
        ("customer_id,revenue\n1,5\n2,much\n3,x\n", "line 3: revenue: no number; found 'much' "
         "(and 1 more rows)"),
        ("customer_id,drop\n1,1\n,0\n", "line 3: the customer's id is empty"),
        ("customer_id,drop\n1,1\n2,0,0\n", "line 3: 3 cells, it must have 2 cells"),
        ("customer_id,sales\n1,1\n", "has no column drop, revenue or profit; found: customer_id, "
         "sales"),
        ("client,drop\n1,1\n", "has no column customer_id; found: client, drop"),
        ("customer_id,drop\n", "has a header and no rows"),
        (
            "customer_id,revenue\n1,5e3\n2,1e308\n",
            "line 3: revenue is further from 0 than 1e+12 '1e308'",
        ),
    ],
)  # fmt: skip
def test_answers_that_cannot_be_read(tmp_path, text, line):
    assert said(answers_of, written(tmp_path, text)) == line


def test_answers_that_are_not_there(tmp_path):
    assert "is not there; name a .csv, .csv.gz or .parquet" in said(answers_of, tmp_path / "x")
    assert "is no whole gzip file" in said(
        answers_of, written(tmp_path, "not packed", name="a.csv.gz")
    )


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ("1,s,o,c,t,both,1,0,r,d\n", "line 2: arm is none of treatment, control 'both'"),
        ("1,s,o,c,t,treatment,1,,r,d\n", "line 2: cost is missing for customer '1'"),
        ("1,s,o,c,t,treatment,1,-1,r,d\n", "line 2: cost is below 0 '-1.0'"),
        ("1,s,o,c,t,treatment,1,0,r,d\n" * 2, "line 3: stands on the list already: customer '1'"),
        (",s,o,c,t,treatment,1,0,r,d\n", "line 2: the customer's id is empty"),
    ],
)
def test_list_that_is_none(tmp_path, rows, line):
    assert said(read_list, written(tmp_path, LIST + rows)) == line


def test_customers(tmp_path):
    text = "customer_id,risk,drop,profit,grid\n1,0.5,,4.2,high\n2,0.25,1,,low\n"
    found = read_customers(written(tmp_path, text))
    assert found["risk"].tolist() == [0.5, 0.25]
    assert found["profit"].isna().tolist() == [False, True]
    odd = written(tmp_path, text.replace("0.25", "1.25"))
    assert said(read_customers, odd) == "line 3: risk is not from 0 to 1 '1.25'"


def test_list_of_an_earlier_version_keeps_its_arms(tmp_path):
    rows = "1,s,o,c,t,treated,1,0.5,r,d\n2,s,o,c,t,untouched,1,0.5,r,d\n"
    listed = read_list(written(tmp_path, LIST + rows))
    assert listed["arm"].tolist() == ["treatment", "control"]
    assert listed["treated"].tolist() == [True, False]


def with_effects(tmp_path, *effects):
    rows = [f"{place},mail,treatment,1,{effect}" for place, effect in enumerate(effects)]
    head = "customer_id;offer;arm;cost;assumed_effect;segment"
    rows = [f"{row},s".replace(",", ";") for row in rows]
    return written(tmp_path, "\n".join([head, *rows, ""]).replace("|", ","), name="list.csv")


def test_assumed_effects_travel_with_the_list(tmp_path):
    assert (
        read_list(with_effects(tmp_path, "0|04", "0|04"))["assumed_effect"].tolist() == [0.04] * 2
    )
    rows = "1,s,o,c,t,treatment,1,0.5,r,d\n"
    assert "assumed_effect" not in read_list(written(tmp_path, LIST + rows))


@pytest.mark.parametrize(
    ("effects", "line"),
    [
        (("0|1", "1|5"), "line 3: assumed_effect is not from 0 to 1 '1.5'"),
        (("0|1", ""), "line 3: assumed_effect is not from 0 to 1 'nan'"),
        (
            ("0|1", "0|1", "0|2"),
            "line 4: assumed_effect is another than in an earlier line, of offer 'mail'",
        ),
    ],
)
def test_assumed_effects_that_are_none(tmp_path, effects, line):
    assert said(read_list, with_effects(tmp_path, *effects)) == line
