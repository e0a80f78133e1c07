"""A shorter run of fuzz/fuzz_shops.py, with seeds of its own; `make fuzz-shops` is the long one."""

import random
import sys

import fuzz_shops as fuzz
import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", [9002, 9003, 9004])
def test_a_random_shop_ends_well(seed):
    assert fuzz.run(seed) == ""


def test_most_shops_can_be_learnt_from():
    learnable = 0
    for seed in range(60):
        shop, _ = fuzz.draw_shop(random.Random(seed))
        assert 60 <= len(shop.customers) <= 400
        label = shop.customers[fuzz.LABEL]
        learnable += min((label == 0).sum(), (label == 1).sum()) >= fuzz.LEAST
    assert learnable >= 40


@pytest.mark.parametrize("word", ["nan", "-inf", "None", "NaN", "Infinity"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("metrics/a.json", '{{"area": {}}}'),
        ("data/a.csv", "x,y\n1,{}\n"),
        ("report/a.html", "<td>{}</td>"),
        ("data/a.md", "| {} |"),
    ],
)
def test_a_number_that_is_none_is_noticed(tmp_path, name, text, word):
    path = tmp_path / name
    path.parent.mkdir()
    path.write_text(text.format("12"))
    fuzz.check_files(tmp_path, [])
    path.write_text(text.format(word))
    with pytest.raises(fuzz.FuzzError, match=f"holds '{word}'"):
        fuzz.check_files(tmp_path, [])


def ending(said, status):
    def main():
        print(said, file=sys.stderr)
        sys.exit(status)

    return main


def test_any_end_but_one_line_is_noticed():
    assert fuzz.ended(ending("error: too few", 1), "a stage") == "error: too few"
    for said, status in (("error: too few", 0), ("too few", 1), ("error: a\nTraceback", 1)):
        with pytest.raises(fuzz.FuzzError, match="exit status"):
            fuzz.ended(ending(said, status), "a stage")
    with pytest.raises(fuzz.FuzzError, match="ZeroDivisionError"):
        fuzz.ended(lambda: 1 / 0, "a stage")
