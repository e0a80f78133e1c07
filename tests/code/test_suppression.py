import pandas as pd
import pytest

from retention.errors import InputError
from retention.suppression import is_suppressed, read_suppressed


@pytest.fixture
def path(tmp_path):
    return tmp_path / "suppression.csv"


@pytest.mark.parametrize(
    "raw",
    [
        b"customer_id\n12\n 34 \n12\n\n",
        "\ufeffcustomer_id\r\n12\r\n34\r\n".encode(),
        "name;Customer_ID;why\nИванов;12;просил\nПетров;34;\n".encode(),
        "name;customer_id\nИванов;12\nПетров;34\n".encode("cp1251"),
        b"customer_id\twhy\n12\tasked\n34\n",
        b'"customer_id","why"\n"12","a, b"\n"34",""',
    ],
)
def test_list_is_read_as_people_save_it(path, raw):
    path.write_bytes(raw)
    assert read_suppressed(path) == {"12", "34"}


def test_id_copied_from_the_campaigns_files_is_meant_too(path):
    path.write_text("customer_id\n'=5\n")
    found = is_suppressed(pd.Series(["=5", "5", " 7"], dtype="str"), read_suppressed(path))
    assert found.tolist() == [True, False, False]


def test_white_space_around_an_id_does_not_matter():
    assert is_suppressed(pd.Series([" 7 ", "8"]), {"7"}).tolist() == [True, False]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "needs one column customer_id; found: nothing"),
        ("id\n12\n", "needs one column customer_id; found: id"),
        ("customer_id,customer_id\n1,2\n", "found: customer_id, customer_id"),
    ],
)
def test_list_that_cannot_be_read_never_passes_as_an_empty_one(path, text, sentence):
    path.write_text(text)
    with pytest.raises(InputError) as told:
        read_suppressed(path)
    assert sentence in str(told.value)
    assert f"{path} (params.yaml: campaign.suppression)" in str(told.value)


def test_missing_list_is_told(path):
    with pytest.raises(InputError, match="is missing; a header customer_id alone is enough"):
        read_suppressed(path)


def test_folder_is_no_list(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_suppressed(tmp_path)
