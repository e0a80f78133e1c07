import re

import pytest
import yaml

from dictionary import COLUMNS, FEATURES, RULED
from helpers import an_offer
from project import FIXTURES
from retention.campaign.offers import PLACEHOLDERS, assumed_effects, fill, load_offers
from retention.core.errors import InputError

KEYS = ["code", "title", "text", "when", "reason", "channel", "cost", "stock", "effect"]


def written(tmp_path, more=None, **changes):
    """Write a catalogue of three offers, the second with `changes`; None removes a key."""
    first, second, third = (an_offer(code).model_dump() for code in ("first", "second", "third"))
    second |= changes | (more or {})
    second = {key: value for key, value in second.items() if value is not None}
    path = tmp_path / "offers.yaml"
    path.write_text(yaml.safe_dump([first, second, third], allow_unicode=True), encoding="utf-8")
    return path


def load(path):
    return load_offers(path, columns=COLUMNS, features=["promo_share", "unpaid_items"])


def line(path):
    with pytest.raises(InputError) as mistake:
        load(path)
    return str(mistake.value)


def test_whole_catalogue_is_valid_and_kept_in_its_order():
    offers = load_offers(FIXTURES / "offers.yaml", columns=COLUMNS, features=FEATURES)
    content = yaml.safe_load((FIXTURES / "offers.yaml").read_text(encoding="utf-8"))
    assert [offer.model_dump() for offer in offers] == content


FINDINGS = {
    "cart_reminder", "cart_items_on_promotion", "cart_discount", "popular_categories_discount",
    "one_click_checkout", "promotion_early_access", "cashback_not_discount",
    "coupon_and_loyalty_bonus", "favourite_bundle", "top_category_selection",
    "over_earning_category_selection", "related_products", "cosmetics_gift_ideas",
    "children_selection", "premium_trial", "free_delivery", "extended_warranty",
    "site_time_challenge", "relevant_mailings", "no_more_contacts",
}  # fmt: skip


def test_every_finding_is_answered_and_every_text_is_in_its_language():
    offers = load_offers(FIXTURES / "offers.yaml", columns=COLUMNS, features=FEATURES)
    assert {offer.code for offer in offers} == FINDINGS
    assert {name for offer in offers for name in offer.placeholders} == set(PLACEHOLDERS)
    for words in [part for offer in offers for part in (offer.title, offer.text)]:
        assert re.search("[а-я]", words.ru)
        assert not re.search("[а-яё]", words.en.lower())


def test_valid_changes_are_taken_over(tmp_path):
    path = written(tmp_path, reason="promo_share", channel="in_cart", cost="1e-05")
    second = load(path)[1]
    assert (second.reason, second.channel, second.cost) == ("promo_share", "in_cart", 0.00001)


def test_stock_may_be_left_out_or_null_or_a_number(tmp_path):
    assert [load(written(tmp_path))[1].stock, load(written(tmp_path, stock=7))[1].stock] == [
        None,
        7,
    ]


@pytest.mark.parametrize("language", ["ru", "en"])
def test_unknown_placeholder_is_named_with_the_valid_ones(tmp_path, language):
    text = {"ru": "Т", "en": "T"} | {language: "For {favourite_categori} only"}
    path = written(tmp_path, text=text)
    valid = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    told = f"unknown placeholder {{favourite_categori}}; valid: {valid}"
    assert line(path) == f"{path}: second.text.{language}: {told}"


@pytest.mark.parametrize(
    ("key", "ru", "sentence"),
    [
        ("text", "О {favourite_category", "a brace stands alone; write {favourite_category}"),
        ("text", "О favourite_category}", "a brace stands alone; write {favourite_category}"),
        ("text", "О \x1b[31m", "is 'О \\x1b[31m'; input should not hold the character U+001B"),
        ("title", "О \u202e", "is 'О \\u202e'; input should not hold the character U+202E"),
        ("text", "   ", "is blank; write what the customer reads"),
        ("title", "О {favourite_category}", "no placeholders; found {favourite_category}"),
    ],
)
def test_broken_text_is_told_with_its_place(tmp_path, key, ru, sentence):
    path = written(tmp_path, **{key: {"ru": ru, "en": "T"}})
    told = line(path)
    assert told.startswith((f"{path}: second.{key}.ru", f"{path}: second: {key}.ru"))
    assert sentence in told


def test_what_is_filled_in_is_not_filled_again():
    words = {"favourite_category": "{segment_category_top}", "segment_category_top": "x"}
    assert fill("О {favourite_category}!", words) == "О {segment_category_top}!"


def test_empty_catalogue_offers_nothing(tmp_path):
    path = tmp_path / "offers.yaml"
    path.write_text("# none this month\n")
    assert load(path) == []


def test_missing_catalogue_is_told(tmp_path):
    path = tmp_path / "offers.yaml"
    assert line(path) == f"{path} is missing; run from the project's folder"


def test_unknown_key_is_told_with_offer_and_valid_keys(tmp_path):
    path = written(tmp_path, colour="red")
    told = line(path)
    assert told.startswith(f"{path}: ")
    assert "second" in told
    assert "unknown key" in told
    assert told.endswith(f"colour; valid keys here: {', '.join(KEYS)}")


@pytest.mark.parametrize("key", [key for key in KEYS if key not in {"code", "stock"}])
def test_missing_key_is_told_with_its_offer(tmp_path, key):
    told = line(written(tmp_path, **{key: None}))
    assert "second" in told
    assert f"{key} is missing" in told


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("cost", -1, "cost is -1; input should be greater than or equal to 0"),
        ("stock", -1, "stock is -1; input should be greater than or equal to 0"),
        ("stock", 2.5, "stock is 2.5; input should be a valid integer"),
        ("effect", 1.5, "effect is 1.5; input should be less than or equal to 1"),
        ("effect", "much", "effect is 'much'; input should be a valid number"),
        ("channel", "sms", "channel is 'sms'; input should be 'message', 'on_site' or 'in_cart'"),
        ("text", {"ru": "x" * 5001, "en": "T"}, "…'; string should have at most 5000 characters"),
        ("cost", 1e13, "cost is 10000000000000.0; numbers reach from -1e+12 to 1e+12"),
        ("stock", 10**30, f"stock is {10**30}; numbers reach from -1e+12 to 1e+12"),
        ("when", 5, "when is 5; input should be a valid string; quote it if it is text"),
        (1, "x", "the key 1 is no text; quote it if it is meant"),
        ("title", {"ru": "", "en": "T"}, "title.ru is ''; string should have at least 1 character"),
        ("text", "words", "text is 'words'; input should be a valid dictionary"),
        ("when", "", "when is ''; string should have at least 1 character"),
    ],
)
def test_wrong_value_is_told_with_offer_key_found_and_valid(tmp_path, key, value, sentence):
    told = line(written(tmp_path, {key: value}))
    assert "second" in told
    assert sentence in told


@pytest.mark.parametrize(
    "code", ["", "Big", "two words", "1st", "a-b", "a\n", 7, "nan", "null", "true", "inf"]
)
def test_code_that_is_no_plain_word_is_refused(tmp_path, code):
    assert f"code is {code!r}; " in line(written(tmp_path, code=code))


def test_offer_without_a_code_is_told_by_its_place(tmp_path):
    told = line(written(tmp_path, code=None))
    assert "code is missing" in told
    assert "2" in told.removeprefix(str(tmp_path))


def test_code_that_stands_twice_is_refused(tmp_path):
    path = written(tmp_path, code="first")
    assert line(path) == f"{path}: first: the code stands twice; every offer needs its own"


def test_rule_over_an_unknown_column_is_told_with_the_valid_ones(tmp_path):
    path = written(tmp_path, when="riks > 1")
    place = f"{path}: second.when: 'riks > 1'"
    assert line(path) == f"{place}: unknown column riks; valid: {RULED}"


def test_rule_that_is_code_is_refused(tmp_path):
    path = written(tmp_path, when="__import__('os').system('x')")
    assert line(path).endswith("__import__('os').system('x') is no comparison")


def test_unknown_reason_is_told_with_the_valid_ones(tmp_path):
    path = written(tmp_path, reason="weather")
    valid = "any, promo_share, unpaid_items"
    assert line(path) == f"{path}: second.reason: unknown feature weather; valid: {valid}"


@pytest.mark.parametrize(
    ("when", "sentence"),
    [
        ("service == стандарт", "service can never be стандарт; valid: standard, premium; did you"),
        ("risk >= 60", "risk can never be 60; valid: numbers from 0 to 1; did you mean 0.6?"),
        ("risk > 0.8 and risk < 0.2", "risk > 0.8 and risk < 0.2 contradicts itself"),
        ("favourite_category == cosmetic", "favourite_category can never be cosmetic; valid: "),
    ],
)
def test_rule_that_cannot_hold_is_refused_with_its_offer(tmp_path, when, sentence):
    path = written(tmp_path, when=when)
    with pytest.raises(InputError) as mistake:
        load_offers(path, columns=COLUMNS, features=[], words={"favourite_category": ["garden"]})
    assert str(mistake.value).startswith(f"{path}: second.when: {when!r}: {sentence}")


def test_category_of_the_data_may_stand_in_a_rule(tmp_path):
    path = written(tmp_path, when="favourite_category == garden")
    words = {"favourite_category": ["garden"]}
    offers = load_offers(path, columns=COLUMNS, features=[], words=words)
    assert offers[1].when == "favourite_category == garden"


@pytest.mark.parametrize("text", ["0", "{}", "false", "mail: 1", "''"])
def test_catalogue_that_is_no_list_is_no_empty_one(tmp_path, text):
    path = tmp_path / "offers.yaml"
    path.write_text(text)
    assert line(path) == f"{path} is no list of offers; each begins with '- code:'"


def test_text_that_a_hashtag_cuts_is_told_with_its_line(tmp_path):
    path = written(tmp_path)
    text = path.read_text(encoding="utf-8").replace("ru: Текст", "ru: Подборки #подарок_маме", 1)
    path.write_text(text, encoding="utf-8")
    place = text[: text.index("#")].count("\n") + 1
    assert line(path).startswith(f"{path}, line {place}: # cuts the text off after 'Подборки'")


@pytest.mark.parametrize("code", ["x" * 10_000, "\x1b[31m", ["a"] * 10_000])
def test_code_without_end_is_shown_clipped_and_printable(tmp_path, code):
    told = line(written(tmp_path, code=code))
    assert "code is " in told
    assert told.isprintable()
    assert len(told) < 500


def test_effects_are_read_whatever_else_stands_in_the_catalogue(tmp_path):
    path = tmp_path / "offers.yaml"
    path.write_text("- {code: mail, effect: 1e-2}\n- code: cart\n  when: nonsense\n  effect: .5\n")
    assert assumed_effects(path) == {"mail": 0.01, "cart": 0.5}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("- code: mail\n", "mail: key effect is missing"),
        ("- effect: 1\n", "offer 1: key code is missing"),
        (
            "- code: mail\n  effect: much\n",
            "mail: effect is 'much'; input should be a valid number",
        ),
        ("- mail\n", "offer 1: it is 'mail'; input should be a valid dictionary"),
        ("- {code: a, effect: 0}\n- {code: a, effect: 1}\n", "a: the code stands twice"),
    ],
)
def test_effects_that_cannot_be_read_are_told(tmp_path, text, sentence):
    path = tmp_path / "offers.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as mistake:
        assumed_effects(path)
    assert str(mistake.value).startswith(f"{path}: {sentence}")
