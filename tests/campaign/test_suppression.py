"""Whoever is on the list is not contacted, or the stage stops: whatever the spelling."""

import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers import an_offer, kept_out, random_shop
from retention.campaign.eligibility import Conditions, open_offers
from retention.campaign.suppression import (
    is_suppressed,
    lacks_own_suppression,
    listed_ids,
    refuse_former_list,
    suppressed_by,
)
from retention.core.errors import InputError
from retention.core.spreadsheets import guard
from retention.data.ids import clean_ids
from spelled import spellings

KNOWN = pd.Series([str(number) for number in range(300_000, 300_070) if number % 10], dtype="str")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "suppression.csv"


def suppressed(path, known=KNOWN, *, strangers=False):
    return suppressed_by(path, listed_ids(path), known, strangers=strangers)


def refusal(path, **options):
    with pytest.raises(InputError) as told:
        suppressed(path, **options)
    return str(told.value)


@pytest.mark.parametrize(
    "raw",
    [
        b"customer_id\n300012\n 300034 \n300012\n\n",
        "\ufeffcustomer_id\r\n300012\r\n300034\r\n".encode(),
        "name;Customer_ID;why\nИванов;300012;просил\nПетров;300034;\n;;\n".encode(),
        "name;customer_id\nИванов;300012\nПетров;300034\n".encode("cp1251"),
        b"customer_id\twhy\n300012\tasked\n300034\n\t\n".replace(b"300034\n", b"300034\t\n"),
        b'"customer_id","why"\n"300012","a, b"\n"300034",""',
        'customer-id;why\n300012;"просил\nне звонить"\n300034;"ещё\n\nраз"\n'.encode(),
        "customer_id\n300012.0\n300 034\n".encode("utf-16"),
        b"sep=;\ncustomer_id;why\n300012,0;x\n300034,00;y\n",
        b'customer_id\n="300012"\n\'300034\n',
    ],
)
def test_list_is_read_as_people_save_it(path, raw):
    path.write_bytes(raw)
    found = suppressed(path)
    assert found.ids == {"300012", "300034"}
    assert (found.match.ids, found.match.matched) == (2, 2)


@pytest.mark.parametrize("dtype", ["int64", "float64", "str", "category"])
def test_list_in_parquet(tmp_path, dtype):
    frame = pd.DataFrame({"customer_id": pd.Series([300012, 300034]).astype(dtype)})
    frame.to_parquet(tmp_path / "list.parquet")
    assert suppressed(tmp_path / "list.parquet").ids == {"300012", "300034"}


def test_numbers_that_a_small_float_cannot_hold_are_refused(tmp_path):
    frame = pd.DataFrame({"customer_id": pd.Series([300012, 300034]).astype("float32")})
    frame.to_parquet(tmp_path / "list.parquet")
    assert suppressed(tmp_path / "list.parquet").ids == {"300012", "300034"}
    known = pd.Series(["79990001237", "79990001999"], dtype="str")
    frame["customer_id"] = pd.Series([79990001237, 79990001999]).astype("float32")
    frame.to_parquet(tmp_path / "list.parquet")
    told = refusal(tmp_path / "list.parquet", known=known)
    assert "keeps ids as numbers of type float, which drops digits of 7999000" in told


def test_rows_of_nothing_in_parquet_are_passed_over(tmp_path):
    frame = pd.DataFrame({"customer_id": ["300012", None], "why": ["просил", None]})
    frame.to_parquet(tmp_path / "list.parquet")
    assert suppressed(tmp_path / "list.parquet").ids == {"300012"}
    frame.loc[1, "why"] = "просил"
    frame.to_parquet(tmp_path / "list.parquet")
    assert "line 3: the customer's id is empty" in refusal(tmp_path / "list.parquet")


@pytest.mark.parametrize("encoding", ["cp1251", "cp866", "koi8-r"])
def test_ids_whose_encoding_nothing_tells_are_refused(path, encoding):
    known = pd.Series(["АБ100", "300012"], dtype="str")
    path.write_bytes("customer_id;why\nАБ100;x\n300012;y\n".encode(encoding))
    assert "which encoding it is in cannot be known; save the file as UTF-8" in refusal(
        path, known=known
    )
    path.write_bytes("customer_id;why\n300012;просил не звонить\n".encode(encoding))
    assert suppressed(path, known).ids == {"300012"}


def test_column_that_is_no_customer_id_names_nobody(path):
    """A row number under the header id would suppress the wrong people."""
    path.write_text("id;client\n300012;300034\n")
    assert "has no column customer_id; found: id, client" in refusal(path)


def test_header_alone_is_an_empty_list(path):
    path.write_text("customer_id\n")
    found = suppressed(path)
    assert (found.ids, found.match.ids) == (frozenset(), 0)


def test_id_copied_from_the_campaigns_files_is_meant_too(path):
    known = pd.Series(["=5", "5", "=7"], dtype="str")
    path.write_text(f"customer_id\n{guard('=5')}\n")
    found = suppressed(path, known)
    assert is_suppressed(pd.Series(["=5", "5", " =7"], dtype="str"), found.ids).tolist() == [
        True, False, False,
    ]  # fmt: skip


def test_many_who_are_no_customers_now_are_no_fault(path):
    path.write_text("customer_id\n300012\n" + "\n".join(str(n) for n in range(400_000, 400_500)))
    found = suppressed(path)
    assert (found.match.ids, found.match.matched) == (501, 1)
    assert str(found.match) == f"{path}: matched 1 of 501 customers"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty; a header line and rows are needed"),
        ("300012\n300034\n", "has no column customer_id; found: 300012"),
        ("customer_id,Customer ID\n1,2\n", "all claim to be customer_id; keep one of them"),
        ("customer_id\n300012\n300034;x;y\n300035,x\n", "line 4: 2 cells, it must have 1 cells"),
        ('customer_id\n"300012\n300034"\n300035\n', "line 2: a stray quote, it must close each"),
        ('customer_id,why\n300012,"he said\n300034,no\n', "line 2: a stray quote"),
        ("customer_id;why\n;300012\n", "line 2: the customer's id is empty"),
        ("customer_id\n300012\nн/д\n", "line 3: the customer's id is empty"),
        ("customer_id;why\n300012;\n3,0E+05;x\n", "'3,0E+05', a number whose last digits are gone"),
        ("customer_id\n00300012\n", "has '300012': they differ by zeros"),
        ("customer_id\n300012\n79161234567\n", "has the id '79161234567', a form that no id"),
        (
            "customer_id\n300012\nivan@mail.ru\n",
            "has the id <an e-mail address in row 2>, a form that no id",
        ),
        (
            "customer_id\n400012\n400034\n",
            "names 2 customers (such as '400012'), none of them",
        ),
    ],
)
def test_list_that_cannot_be_known_never_passes_as_an_empty_one(path, text, sentence):
    path.write_text(text, encoding="utf-8")
    told = refusal(path)
    assert sentence in told
    assert str(path) in told


def test_strangers_pass_where_params_say_so(path):
    path.write_text("customer_id\n400012\nivan@mail.ru\n")
    assert "campaign.strangers_suppressed: true lets it pass" in refusal(path)
    assert suppressed(path, strangers=True).ids == {"400012", "ivan@mail.ru"}


def test_strangers_never_let_a_broken_row_or_another_spelling_pass(path):
    for row in ("300012,x", '"300012', "00300012", "3,0E+05"):
        path.write_text(f"customer_id\n{row}\n")
        assert "suppression.csv" in refusal(path, strangers=True)


def test_missing_list_is_told(path):
    assert "is missing; a header customer_id alone is enough" in refusal(path)


def test_folder_is_no_list(tmp_path):
    assert "is not there" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("data", "suppression", "lacks"),
    [
        ("data/sample", "data/sample/suppression.csv", False),
        ("./data/sample/", "data/sample/suppression.csv", False),
        ("data/raw", "data/sample/suppression.csv", True),
        ("/srv/exports", "data/../data/sample/suppression.csv", True),
        ("data/raw", "data/raw/suppression.csv", False),
        ("data/raw", "data/sample/mine.csv", False),
        ("data/raw/../sample", "data/sample/suppression.csv", False),
        ("data/raw", "/srv/suppression.csv", False),
    ],
)
def test_real_customers_are_not_to_be_checked_against_the_simulated_shops_list(
    data, suppression, lacks
):
    assert lacks_own_suppression(data, suppression) == lacks


def test_former_list_in_the_projects_folder_is_not_passed_over(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "suppression.csv").write_text("customer_id\n12\n")
    with pytest.raises(InputError, match=r"name suppression\.csv there, or remove it"):
        refuse_former_list("data/sample/suppression.csv")
    refuse_former_list("suppression.csv")
    (tmp_path / "suppression.csv").unlink()
    refuse_former_list("data/sample/suppression.csv")


# Any spelling in any dialect

dialects = st.fixed_dictionaries(
    {
        "encoding": st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1251"]),
        "separator": st.sampled_from([",", ";", "\t"]),
        "end": st.sampled_from(["\n", "\r\n"]),
        "quoted": st.booleans(),
        "header": st.sampled_from(["customer_id", "Customer ID", "CustomerID", "сustomer_id"]),
        "before": st.integers(0, 1),
        "behind": st.sampled_from([None, "", "просил", "не\nзвонить", 'сказал "нет"', "a;b,c"]),
        "packed": st.booleans(),
    }
)


def list_file(folder, written, dialect):
    """Write the list with the ids `written` in a dialect; return its path."""

    def cell(text):
        must = any(mark in text for mark in (dialect["separator"], "\n", "\r"))
        wraps = dialect["quoted"] or must
        return '"' + text.replace('"', '""') + '"' if wraps else text

    rows = [[dialect["header"]], *([one] for one in written)]
    for row in rows:
        row[:0] = ["имя"] * dialect["before"]
        row.extend([dialect["behind"]] if dialect["behind"] is not None else [])
    text = "".join(dialect["separator"].join(map(cell, row)) + dialect["end"] for row in rows)
    raw = text.encode(dialect["encoding"], errors="replace")
    path = folder / ("list.csv.gz" if dialect["packed"] else "list.csv")
    path.write_bytes(gzip.compress(raw, mtime=0) if dialect["packed"] else raw)
    return path


AUDIENCE = random_shop(len(KNOWN), seed=1).assign(
    customer_id=KNOWN, consent="yes", contacts_now=0.0, risk=0.9, profit=10.0
)
NOBODY = pd.DataFrame(index=AUDIENCE.index)
seen = {"suppressed": 0, "refused": 0}


@settings(
    max_examples=2000,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data(), dialect=dialects, place=st.integers(0, len(KNOWN) - 2))
def check_any_spelling(folder, data, dialect, place):
    """Through reader, id cleaner and gate: the customer is stopped, or the stage is."""
    one, other = KNOWN[place], KNOWN[place + 1]
    written = [other, data.draw(spellings(one))]
    path = list_file(folder, written, dialect)
    try:
        found = suppressed(path)
    except InputError:
        seen["refused"] += 1
        return
    stopped = is_suppressed(AUDIENCE["customer_id"], found.ids)
    conditions = Conditions(
        AUDIENCE, NOBODY, words=NOBODY, kept_out=kept_out(stopped), contact_cap=5
    )
    gain, gate = open_offers(conditions, [an_offer("all", effect=0.5)], months=3.0, lost=0.5)
    assert gate[[place, place + 1]].tolist() == ["suppressed", "suppressed"], (written, dialect)
    assert not np.isfinite(gain[[place, place + 1]]).any()
    assert (gate == "").sum() == len(KNOWN) - 2
    seen["suppressed"] += 1


@pytest.mark.slow
def test_no_spelling_of_a_suppressed_customer_is_contacted(tmp_path):
    check_any_spelling(tmp_path)
    assert seen["suppressed"] + seen["refused"] >= 2000
    assert seen["suppressed"] > 500  # or refusing everything would pass


def test_lists_of_the_campaign_and_of_the_exports_share_one_cleaner():
    """An id that was mended in the exports is the one that the list names."""
    exports, _ = clean_ids(pd.Series(["300012.0", " C-1", "'=x"], dtype="str"))
    listed, _ = clean_ids(pd.Series(["300 012", "C-1\u200b", "=x"], dtype="str"))
    assert exports.tolist() == listed.tolist() == ["300012", "C-1", "=x"]


EMAILS = pd.Series([f"anna{number}@shop.example" for number in range(9)], dtype="str")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["300012", "ivan@mail.example"], "has the id <an e-mail address in row 2>, a form"),
        (["300012", "IVAN3@mail.example"], "<an e-mail address in row 2>"),
        (["anna1@shop.example", "ANNA2@shop.example"], "<an e-mail address in row 2>, the export"),
        (["ivan@mail.example"], "(such as <an e-mail address in row 1>), none of them in the ex"),
        (["12345"], "(such as <an e-mail address>)"),
    ],
)
def test_an_address_that_is_an_id_is_in_no_message(path, rows, said):
    path.write_text("\n".join(["customer_id", *rows]) + "\n", encoding="utf-8")
    known = EMAILS if rows[0] != "300012" else KNOWN
    found = refusal(path, known=known)
    assert said in found
    assert "@" not in found
