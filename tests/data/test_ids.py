"""One canonical form of an id; what cannot be known is refused with both spellings."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.core.errors import InputError
from retention.core.spreadsheets import guard
from retention.data.id_forms import form_of, refuse_other_spellings, skeleton, strange_form
from retention.data.ids import canonical_id, clean_ids, is_lost


def series(*ids):
    return pd.Series(ids, dtype="str")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("300370", "300370"),
        ("300370.0", "300370"),
        ("300370.00", "300370"),
        ("300370,0", "300370"),
        ("300 370", "300370"),
        ("300\u00a0370", "300370"),
        ("300\u202f370,00", "300370"),
        ("\u200b300370", "300370"),
        ("300\u200b370", "300370"),
        (" 300370\t", "300370"),
        ("\u200e300370\u200f", "300370"),
        ('="300370"', "300370"),
        ('= "300370"', "300370"),
        ("'300370", "300370"),
        ("３００３７０", "300370"),
        ("3.00370E+05", "300370"),
        ("3,003700E5", "300370"),
        ("Н/Д", ""),
        ("#Н/Д", ""),
        (r"\N", ""),
        ("—", ""),
        # What could be something else stays as it is
        ("000300370", "000300370"),
        ("300.000", "300.000"),
        ("300,370", "300,370"),
        ("7,70000E+11", "7,70000E+11"),
        ("12E5", "12E5"),
        ("C-001", "C-001"),
        ("ivan@mail.ru", "ivan@mail.ru"),
        ("+7 916 123-45-67", "+7 916 123-45-67"),
        ("a.0", "a.0"),
        ("-7", "-7"),
    ],
)
def test_forms_of_one_id(written, meant):
    assert canonical_id(written)[0] == meant
    assert clean_ids(series("C-1", written))[0].tolist() == ["C-1", meant]


def test_decomposed_letters_become_one():
    assert canonical_id("Андреи\u0306-1") == ("Андрей-1", "decomposed")


def test_mended_ids_are_counted():
    ids, mended = clean_ids(series("1.0", "2", " 3", "4.0", "н/д"))
    assert ids.tolist() == ["1", "2", "3", "4", ""]
    assert mended == {"whole_id": (2, "1.0"), "stray_spaces": (1, " 3")}


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=20))
def test_the_canonical_form_is_settled_and_survives_the_guard(text):
    settled = canonical_id(text)[0]
    assert canonical_id(settled)[0] == settled
    assert canonical_id(guard(settled))[0] == settled


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("000300001", "300001"),
        ("C-001", "c-1"),
        ("C-300001", "C300001"),
        ("А-100", "A-100"),  # the first letter Cyrillic, then Latin
        ("+7 916 123-45-67", "79161234567"),
        ("300.370", "300370"),
        ("3003 70", "300370"),
        ("Ivan@mail.ru", "ivan@mail.ru"),
        ("1234567890123456", "1234567890123450"),
        ("KTM-300001", "ktm-300001"),
        ("Tom1@mail.ru", "TOM1@mail.ru"),
        ("B7F3AC12-0001-4000-8000-00000000000C", "b7f3ac12-0001-4000-8000-00000000000c"),
        ("b7f3ac12-0001-4000-8000-00000000000c", "b7f3ac120001400080000000000000" + "0c"),
        ("79990001237", "89990001237"),
        ("79990001237", "9990001237"),
        ("+7 (999) 000-12-37", "8 999 000 12 37"),
        ("90071992547409931", "90071992547409936"),
        ("1234567890123456789", "1234567890123456800"),
    ],
)
def test_two_spellings_are_refused_with_both_named(one, other):
    with pytest.raises(InputError) as refused:
        refuse_other_spellings({"a.csv": series("5", one), "b.csv": series("5", other)})
    said = str(refused.value)
    # An e-mail address is somebody's, and is not quoted.
    quoted = ["<an e-mail address in row 2>"] if "@" in one else [repr(one), repr(other)]
    assert all(word in said for word in ("a.csv", "b.csv", *quoted))
    assert "@" not in said


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("300370", "300371"),
        ("10", "100"),
        ("ivan.petrov@mail.ru", "ivanpetrov@mail.ru"),
        ("A-1-23", "A-12-3"),
        ("1234567890123456", "1234567890123457"),
        ("79990001237", "79990001238"),
        ("C-10", "C-1"),
    ],
)
def test_two_customers_are_no_two_spellings(one, other):
    refuse_other_spellings({"a.csv": series(one), "b.csv": series(other)})
    assert skeleton(one) != skeleton(other)


@pytest.mark.parametrize("digits", [41, 400, 10_000])
def test_endless_digits_are_an_id_like_any_other(digits):
    one, other = "9" * digits, "9" * (digits - 1) + "8"
    refuse_other_spellings({"a.csv": series(one, "9007199254740993"), "b.csv": series(other)})
    assert strange_form(series(one), series("1", other)) == ""


def test_both_spellings_in_one_file_are_two_customers():
    refuse_other_spellings({"a.csv": series("007", "7"), "b.csv": series("7")})
    with pytest.raises(InputError, match="'007'"):
        refuse_other_spellings({"a.csv": series("007"), "b.csv": series("7")})


def test_lost_digits_are_refused_with_the_id_they_may_stand_for():
    files = {"money.csv": series("7,70000E+11"), "market_file.csv": series("1", "770000300001")}
    with pytest.raises(InputError) as refused:
        refuse_other_spellings(files)
    assert str(refused.value) == (
        "money.csv has the id '7,70000E+11', a number whose last digits are gone (it may stand for "
        "'770000300001'); export the ids as text"
    )
    assert [is_lost(word) for word in ("7.7E+11", "7E+11", "12E5", "1E-5", "7,7E11")] == [
        True, True, False, False, True,
    ]  # fmt: skip


def test_form_of_an_id():
    assert form_of("300370") == "9"
    assert form_of("C-001") == form_of("ABC-7") == "a-9"
    assert form_of("Ж-1") == "я-9"
    assert form_of("ivan.90@mail.ru") == form_of("x-y@z.ru") == "e-mail"
    assert form_of("+7 (916)") == "+9 (9)"


@pytest.mark.parametrize("letter", "abcehkmoptxyABCEHKMOPTXY")
def test_no_letter_tells_two_spellings_apart(letter):
    """By case, or by the alphabet of a capital that looks the same."""
    alike = dict(zip("ABCEHKMOPTXY", "АВСЕНКМОРТХУ", strict=True))[letter.upper()]
    found = {skeleton(f"{one}-1") for one in (letter, letter.swapcase(), alike, alike.lower())}
    assert len(found) == 1


@pytest.mark.parametrize(
    "word",
    [
        "mailto:tom@mail.ru",
        "<tom@mail.ru>",
        "tom@mail.ru.",
        "tom@mail.ru;",
        "tom@mail",
        "tom@ mail.ru",
    ],
)
def test_a_decorated_address_has_a_form_of_its_own(word):
    assert strange_form(series(word), series("a@b.ru", "c.d-7@e-f.com")) == word


def test_strange_forms():
    known = series("100001", "99990", "300370")
    assert strange_form(series("100500", "9999999", "9999"), known) == ""
    assert strange_form(series("100500", "79161234567"), known) == "79161234567"
    assert strange_form(series("100500", "123"), known) == "123"
    assert strange_form(series("C-100500"), known) == "C-100500"
    assert strange_form(series("300370"), series("C-300370")) == "300370"
    assert strange_form(series('300370"'), known) == '300370"'


def test_random_codes_have_no_form_of_their_own():
    codes = [f"{n:x}-{n * 7919 % 65536:04x}" for n in range(100_000, 100_400)]
    known = pd.Series(codes[:-1], dtype="str")
    assert strange_form(series(codes[-1]), known) == ""
    assert strange_form(series("a@b.ru"), known) == "a@b.ru"
    assert strange_form(series("ж-1"), known) == "ж-1"
