"""Addresses: what is one, whose it is, and that none is ever shown."""

import pandas as pd
import pytest

from dictionary import COLUMNS
from retention.core.errors import InputError
from retention.data.contacts import email_of, phone_of, read_contacts


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("anna@shop.example", "anna@shop.example"),
        (" Anna.B+1@Shop.Example ", "anna.b+1@shop.example"),
        ("<anna@shop.example>", "anna@shop.example"),
        ("анна@shop.example", None),  # no service takes it
        ("anna@почта.рф", "anna@почта.рф"),
        ("anna@shоp.example", None),  # with a Cyrillic letter among Latin ones
        ("anna@shop", None),
        ("anna@@shop.example", None),
        ("anna@shop..example", None),
        ("an..na@shop.example", None),
        (".anna@shop.example", None),
        ("anna.@shop.example", None),
        ("anna@-shop.example", None),
        ("anna@shop-.example", None),
        ("anna shop.example", None),
        ("anna@shop.example, other@shop.example", None),
        ("=anna@shop.example", None),
        ("#anna@shop.example", None),
        ("a" * 65 + "@shop.example", None),
        ("", ""),
        ("н/д", ""),
        ("-", ""),
    ],
)
def test_what_an_email_is(word, meant):
    assert email_of(word) == meant


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("+7 (900) 123-45-67", "79001234567"),
        ("8 900 123 45 67", "79001234567"),
        ("79001234567", "79001234567"),
        ("79001234567.0", "79001234567"),
        ("'+79001234567", "79001234567"),
        ("+375 29 123-45-67", "375291234567"),
        ("+8 900 123 45 67", "89001234567"),  # a country's number that begins with 8
        ("9001234567", None),  # of which country?
        ("375291234567", None),
        ("8900123456", None),
        ("+0900123456", None),
        ("+1234567", None),
        ("+1234567890123456", None),
        ("7,90012E+10", None),
        ("8 900 123 45 6x", None),
        ("", ""),
        ("нет данных", ""),
    ],
)
def test_what_a_phone_is(word, meant):
    assert phone_of(word) == meant


WANTED = ["1001", "1002", "1003", "1004"]


def read(tmp_path, rows, *, header="customer_id,email,phone", name="contacts.csv", wanted=WANTED):
    path = tmp_path / name
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return read_contacts(path, wanted, columns=COLUMNS)


def test_addresses_are_those_of_the_customers_wanted(tmp_path):
    found = read(
        tmp_path,
        [
            "1001,a@shop.example,",
            "1002,,89001234567",
            "1003,c@shop.example,+79001234568",
            "7,x@y.ru,",
        ],
    )
    assert found.table.to_dict("index") == {
        "1001": {"email": "a@shop.example", "phone": ""},
        "1002": {"email": "", "phone": "79001234567"},
        "1003": {"email": "c@shop.example", "phone": "79001234568"},
    }
    assert found.left_out == {"several": 0, "shared": 0, "malformed": 0, "no_address": 1}
    assert found.malformed_beside == 0


@pytest.mark.parametrize(
    ("rows", "left", "why"),
    [
        (["1001,a@shop.example,", "1001,b@shop.example,"], [], "several"),
        (["1001,a@shop.example,89001234567", "1001,,89001234568"], [], "several"),
        (["1001,a@shop.example,", "1001,A@shop.example,"], ["1001"], ""),  # the same one twice
        (["1001,a@shop.example,", "1001,,89001234567"], ["1001"], ""),  # one of each kind
        (["1001,a@shop.example,", "1002,A@Shop.example,"], [], "shared"),
        (["1001,a@shop.example,", "9999,a@shop.example,"], [], "shared"),  # of nobody's list
        (["1001,a@shop.example,", ",a@shop.example,"], [], "shared"),  # nobody knows whose
        (["1001,a@shop.example,89001234567", "9999,,+7 900 1234567"], [], "shared"),
        (["1001,a@shop.example,", '9999,"a@shop.example, z@shop.example",'], [], "shared"),
        (["1001,a@shop.example,", "9999,mailto:a@shop.example,"], [], "shared"),
        (["1001,a@shop.example,", "9999,a@shop.example.,"], [], "shared"),
        (["1001,a@shop.example,", "9999,,a@shop.example"], [], "shared"),  # in the other column
        (["1001,,+79123456780", "9999,,9123456780"], [], "shared"),
        (["1001,,+79123456780", '9999,,"89123456781, 89123456780"'], [], "shared"),
        (["1001,a@почта.рф,", "9999,a@xn--80a1acny.xn--p1ai,"], [], "shared"),
        (["1001,a@shop.example,", "1001,,", "9999,ba@shop.example.,"], ["1001"], ""),
        (["1001,no address,"], [], "malformed"),
        (["1001,no address,", "1001,a@shop.example,"], ["1001"], ""),
        (["1001,,"], [], "no_address"),
        (["1001,н/д,-"], [], "no_address"),
    ],
)
def test_an_address_that_is_not_certain_is_left_out_and_counted(tmp_path, rows, left, why):
    found = read(tmp_path, rows, wanted=["1001", "1002"])
    assert found.table.index.tolist() == left
    assert sum(found.left_out.values()) == 2 - len(left)
    if why:
        assert found.left_out[why] >= 1
        assert found.left_out[why] + found.left_out["no_address"] == 2 or why == "no_address"


def test_whose_address_may_be_meant_by_another_customers_odd_cell_is_left_out(tmp_path):
    odd = '1002,"z@shop.example; A@shop.example",'
    found = read(tmp_path, ["1001,a@shop.example,", odd], wanted=["1001", "1002"])
    assert found.table.empty
    assert found.left_out == {"several": 0, "shared": 1, "malformed": 1, "no_address": 0}


def test_another_address_is_used_beside_a_malformed_one(tmp_path):
    found = read(tmp_path, ["1001,no address,89001234567", "1002,b@shop.example,12"])
    assert found.table.loc["1001"].tolist() == ["", "79001234567"]
    assert found.table.loc["1002"].tolist() == ["b@shop.example", ""]
    assert found.malformed_beside == 2


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("id;E-Mail;Телефон", "1001;a@shop.example;89001234567"),
        ("Customer ID\tэл. почта\tНомер телефона", "1 001\ta@shop.example\t+7 900 123-45-67"),
        ("CUSTOMER_ID,Электронная почта,Mobile Phone", '"=""1001""",a@shop.example,79001234567'),
        ("customer_id;phone;name;email", "1001.0;'+79001234567;Анна;A@shop.example"),
    ],
)
def test_any_dialect_of_an_export_is_read(tmp_path, header, row):
    found = read(tmp_path, [row], header=header)
    assert found.table.to_dict("index") == {
        "1001": {"email": "a@shop.example", "phone": "79001234567"}
    }


def test_parquet_with_phones_as_numbers_is_read(tmp_path):
    table = pd.DataFrame({"customer_id": [1001, 1002], "phone": [79001234567, None]})
    table.to_parquet(tmp_path / "contacts.parquet")
    found = read_contacts(tmp_path / "contacts.parquet", WANTED, columns=COLUMNS)
    assert found.table.to_dict("index") == {"1001": {"email": "", "phone": "79001234567"}}


SECRET = "anna.secret@shop.example"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{SECRET};1001\n{SECRET};1002\n", "cannot be read (its content is not shown"),
        (f"customer_id;{SECRET}\n1001;x\n", "has no column email and none phone"),
        (
            f"customer_id;email\n1001;{SECRET};{SECRET}\n1002;{SECRET}\n",
            "1 cannot be read, the first in line 2",
        ),
        (f'customer_id;email\n1001;{SECRET}\n1002;"{SECRET}\n', "cannot be read"),
        (f"customer_id;email\n{SECRET};1001\n", "knows none of the 4 customers"),
        (f"customer_id;email;E-Mail\n1001;{SECRET};{SECRET}\n", "cannot be read (its content"),
        (f'"customer_id;email"\n"1001;{SECRET}"\n', "cannot be read (its content"),
        ("", "cannot be read (its content"),
    ],
)
def test_no_fault_of_the_file_shows_what_is_in_it(tmp_path, text, said):
    path = tmp_path / "contacts.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"params campaign\.contacts") as fault:
        read_contacts(path, WANTED, columns=COLUMNS)
    assert said in str(fault.value)
    assert "anna" not in str(fault.value)
    assert fault.value.__context__ is None  # nor would a traceback


def test_bytes_that_are_no_text_show_nothing_either(tmp_path):
    path = tmp_path / "contacts.csv"
    path.write_bytes(b"customer_id;email\n1001;\x98\xff" + SECRET.encode() + b"\n\x00\x00")
    with pytest.raises(InputError) as fault:
        read_contacts(path, WANTED, columns=COLUMNS)
    assert "anna" not in str(fault.value)
    (tmp_path / "contacts.parquet").write_bytes(b"PAR1" + SECRET.encode())
    with pytest.raises(InputError) as fault:
        read_contacts(tmp_path / "contacts.parquet", WANTED, columns=COLUMNS)
    assert "anna" not in str(fault.value)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.csv \(params campaign\.contacts\) is missing"):
        read_contacts(tmp_path / "nowhere.csv", WANTED, columns=COLUMNS)


def test_nobody_wanted_is_no_fault(tmp_path):
    found = read(tmp_path, ["1001,a@shop.example,"], wanted=[])
    assert found.table.empty
    assert sum(found.left_out.values()) == 0
