"""Consent as the exports have it now: yes in every row, or none."""

import pytest

from dictionary import COLUMNS
from retention.core.errors import InputError
from retention.data.consent import without_consent

HEADER = "id;Разрешить сообщать"


def lacking(folder, rows, ids, *, header=HEADER, name="market_file.csv", misspellings=None):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return without_consent(folder, ids, columns=COLUMNS, misspellings=misspellings or {})


@pytest.mark.parametrize(
    ("rows", "lacks"),
    [
        (["1001;да", "1002;нет"], {"1002", "1003"}),
        (["1001;Да", "1002; yes ", "1003;ДА"], set()),
        (["1001;дa", "1002;да", "1003;да"], set()),  # with a Latin a: it can mean one word only
        (["1001;да", "1001;нет", "1002;да", "1003;да"], {"1001"}),
        (["1001;да", "1001;да", "1002;да", "1003;да"], set()),
        (["1001;", "1002;не знаю", "1003;н/д"], {"1001", "1002", "1003"}),
        (["1 001;да", '"=""1002""";да', "1003.0;да"], set()),
        (["1001;да", "1002;да;да", "1003;да"], {"1002"}),  # a row that cannot be read
        (["01001;да", "1002;да", "1003;да"], {"1001"}),  # spelled otherwise: nobody known
    ],
)
def test_whose_every_row_says_yes_has_agreed(tmp_path, rows, lacks):
    assert lacking(tmp_path / "raw", rows, {"1001", "1002", "1003"}) == lacks


def test_misspellings_of_params_count(tmp_path):
    folder = tmp_path / "raw"
    assert lacking(folder, ["1001;ага"], {"1001"}) == {"1001"}
    known = {"consent": {"ага": "да"}}
    assert lacking(folder, ["1001;ага"], {"1001"}, misspellings=known) == set()


def test_of_months_the_last_one_counts(tmp_path):
    for month, word in (("2026-09", "да"), ("2026-10", "нет")):
        folder = tmp_path / month
        folder.mkdir()
        for name in ("market_money", "market_time", "money"):
            (folder / f"{name}.csv").write_text("id\n")
        (folder / "market_file.csv").write_text(f"{HEADER}\n1001;{word}\n", encoding="utf-8")
    found = without_consent(tmp_path, {"1001"}, columns=COLUMNS, misspellings={})
    assert found == {"1001"}


@pytest.mark.parametrize("rows", [["1001;да"], ["1001;да", "1002;да"]])
def test_a_file_without_the_column_is_no_consent(tmp_path, rows):
    with pytest.raises(InputError, match="has no column Разрешить сообщать"):
        lacking(tmp_path / "raw", rows, {"1001"}, header="id;что-то")
