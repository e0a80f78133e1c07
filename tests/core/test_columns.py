"""columns.yaml: what it tells, and what it refuses in one clear line."""

import copy

import pandas as pd
import pytest
import yaml

from dictionary import COLUMNS, FIXTURE
from helpers import ABSENT, an_offer, write_changed
from project import FIXTURES, ROOT
from retention.campaign.offers import load_offers
from retention.core.columns import load_columns
from retention.core.errors import InputError
from retention.core.params import load_params
from retention.core.rules import check_rule
from retention.core.vocabulary import MINUTES, REVENUE

CONTENT = yaml.safe_load(FIXTURE.read_text(encoding="utf-8"))
AGE = {
    "table": "market_file", "header": "Возраст", "kind": "integer", "low": 14, "high": 110,
    "optional": True, "group": "communication", "unit": {"ru": "лет", "en": "years"},
    "name": {"ru": "возраст", "en": "age"}, "meaning": {"ru": "возраст", "en": "age"},
    "reason": {
        "ru": {"low": "молодость", "high": "зрелость", "plain": "возраст"},
        "en": {"low": "young", "high": "old", "plain": "age"},
    },
}  # fmt: skip
CHILDREN = {
    "table": "market_file", "header": "Дети", "kind": "category", "group": "communication",
    "name": {"ru": "дети", "en": "children"}, "meaning": {"ru": "есть ли дети", "en": "any"},
    "values": {
        "yes": {"export": "да", "ru": "есть", "en": "has"},
        "no": {"ru": "нет", "en": "none"},
    },
}  # fmt: skip


def written(tmp_path, changes, **more):
    """Write the dictionary with more columns and with keys (by dots) changed; return its path."""
    content = copy.deepcopy(CONTENT)
    content["columns"] |= copy.deepcopy(more)
    return write_changed(tmp_path / "columns.yaml", content, changes)


def told(path):
    with pytest.raises(InputError) as mistake:
        load_columns(path)
    line = str(mistake.value)
    assert line.isprintable()
    assert line.startswith(f"{path}")
    return line.removeprefix(f"{path}").removeprefix(": ")


def test_columns_stand_in_their_order_and_features_group_by_group():
    assert list(COLUMNS.by_name) == list(CONTENT["columns"])
    assert COLUMNS.behaviour[:2] == ("service", "consent")
    assert not {"customer_id", "drop", "profit"} & set(COLUMNS.behaviour)
    features = COLUMNS.features(use_profit=True)
    assert [one.group for one in features] == (
        ["communication"] * 5 + ["product"] * 4 + ["spending"] * 3 + ["site"] * 4 + ["money"]
    )
    assert [one.name for one in COLUMNS.of("market_money")] == list(REVENUE)
    assert [one.name for one in COLUMNS.of("market_time")] == list(MINUTES)
    assert COLUMNS.headers("market_time") == ["id", "Период", "минут"]


def test_words_are_known_in_every_spelling_and_shown_as_people_read_them():
    column = COLUMNS.by_name["favourite_category"]
    assert column.spellings["Косметика и аксесуары"] == "cosmetics"
    assert column.spellings["cosmetics and accessories"] == "cosmetics"
    assert column.shown("children", "en") == "children's goods"
    assert column.said("children", "en") == "goods for children"
    assert column.shown("Сад", "ru") == column.said("Сад", "ru") == "Сад"
    assert COLUMNS.other_words("drop")["declined"] == "Снизилась"
    assert COLUMNS.other_words("period")["last month"] == "предыдущий_месяц"
    assert COLUMNS.exported["consent"] == ["да", "нет"]


def test_more_columns_are_taken(tmp_path):
    columns = load_columns(written(tmp_path, {}, age=AGE, has_children=CHILDREN))
    assert columns.behaviour[-2:] == ("age", "has_children")
    assert ("Возраст", "age") in columns.wanted("market_file")
    # The export's word is the canonical one where nothing else is said.
    assert columns.by_name["has_children"].exported == {"да": "yes", "no": "no"}
    assert columns.by_name["has_children"].reason == {"ru": "дети", "en": "children"}
    silent = load_columns(written(tmp_path, {}, age={**AGE, "feature": False}))
    assert "age" in silent.behaviour
    assert "age" not in [one.name for one in silent.features(use_profit=True)]


def test_month_may_be_added_before_the_others(tmp_path):
    month = {"export": "ноябрь", "aliases": ["november"]}
    months = {"m3": month, **CONTENT["tables"]["market_money"]["months"]}
    entry = {**CONTENT["columns"]["revenue_m2"], "month": "m3", "optional": True}
    path = written(tmp_path, {"tables.market_money.months": months}, revenue_m3=entry)
    assert [one.name for one in load_columns(path).of("market_money")] == [*REVENUE, "revenue_m3"]


def test_what_the_customers_table_lacks_is_noted_unless_it_is_needed(tmp_path):
    columns = load_columns(written(tmp_path, {}, age=AGE))
    names = [name for name in columns.by_name if name != "age"]
    held = columns.held_by(names)
    assert held.lacking == ("age",)
    assert "age" not in held.behaviour
    with pytest.raises(InputError, match="lacks the column service"):
        columns.held_by([name for name in names if name != "service"])


def test_rule_and_reason_over_a_column_that_the_export_lacks(tmp_path):
    columns = load_columns(written(tmp_path, {}, age=AGE))
    check_rule("age >= 40 and risk >= 0.5", columns=columns, place="mine")
    held = columns.without(["age"])
    with pytest.raises(InputError) as mistake:
        check_rule("age >= 40 and risk >= 0.5", columns=held, place="params.yaml: mine")
    assert str(mistake.value) == (
        "params.yaml: mine: 'age >= 40 and risk >= 0.5' names age, which the export lacks "
        "(columns.yaml: age is optional)"
    )
    with pytest.raises(InputError, match="age can never be 400; valid: whole numbers from 14 to"):
        check_rule("age == 400", columns=columns, place="mine")
    offers = tmp_path / "offers.yaml"
    offer = an_offer("first", reason="age").model_dump()
    offers.write_text(yaml.safe_dump([offer], allow_unicode=True), encoding="utf-8")
    assert load_offers(offers, columns=columns, features=["age"])[0].reason == "age"
    with pytest.raises(InputError, match=r"first\.reason names age, which the export lacks"):
        load_offers(offers, columns=held, features=["promo_share"])


def test_params_without_a_dictionary_are_checked_for_form_alone(tmp_path):
    params = yaml.safe_load((FIXTURES / "params.yaml").read_text(encoding="utf-8"))
    params["segment"]["rules"] = {"mine": "shoe_size >= 40"}
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")
    assert load_params(path).segment.rules == {"mine": "shoe_size >= 40"}
    with pytest.raises(InputError, match="unknown column shoe_size; valid: "):
        load_params(path, columns=COLUMNS)
    params["segment"]["rules"] = {"mine": "shoe_size >>"}
    path.write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")
    with pytest.raises(InputError, match="is no rule"):
        load_params(path)


C = "columns.service"
WORD = {"ru": "слово", "en": "word"}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({f"{C}.colour": 1}, f"{C}: unknown key colour; valid keys here: name, meaning, table, "),
        ({f"{C}.values.premium.colour": 1},
         f"{C}: unknown key values.premium.colour; valid keys here: export, aliases, ru, en, rea"),
        ({"tables.money.x": 1}, "unknown key tables.money.x; valid keys here: name, id, period, "),
        ({"colour": 1}, "unknown key colour; valid keys here: groups, tables, columns"),
        ({f"{C}.low": 0}, f"{C}: unknown key low; valid keys here: "),
        ({f"{C}.name.en": ABSENT}, f"{C}: key name.en is missing"),
        ({f"{C}.meaning": ABSENT}, f"{C}: key meaning is missing"),
        ({f"{C}.values.premium.ru": ABSENT}, f"{C}: key values.premium.ru is missing"),
        ({f"{C}.name.ru": "  "}, f"{C}: name.ru is '  '; input should be a line of text that is"),
        ({f"{C}.name.ru": "\x1b[1m"}, f"{C}: name.ru is '\\x1b[1m'; input should not hold the "),
        ({"columns.tenure_days.reason": ABSENT},
         "columns.tenure_days: key reason is missing; it has low, high, plain in ru and en"),
        ({"columns.tenure_days.reason.ru.low": ABSENT},
         "columns.tenure_days: key reason.ru.low is missing"),
        ({"columns.profit.reason": ABSENT}, "columns.profit: key reason is missing; "),
        ({f"{C}.kind": ABSENT}, f"{C}: key kind is missing; valid: id, number, integer, category"),
        ({f"{C}.kind": "text"}, f"{C}.kind is 'text'; valid: id, number, integer, category"),
        ({f"{C}.kind": ["text"]}, f"{C}.kind is ['text']; valid: id, number, integer, category"),
        ({"columns.service": "text"}, f"{C} is 'text'; input should be keys and values"),
        ({f"{C}.table": "market"},
         f"{C}.table is 'market'; valid: market_file, market_money, market_time, money"),
        ({f"{C}.group": "people"},
         f"{C}.group is 'people'; valid: communication, product, spending, site, money"),
        ({f"{C}.group": ABSENT}, f"{C}: key group is missing; valid: communication, "),
        ({f"{C}.header": ABSENT}, f"{C}: key header is missing; it is what stands above the col"),
        ({f"{C}.values": ABSENT}, f"{C}: key values is missing; only an open category needs no "),
        ({f"{C}.values.Gold": WORD}, f"{C}.values: the word 'Gold' is none; valid: small Latin "),
        ({f"{C}.values.none": WORD}, f"{C}.values: the word 'none' is none; valid: "),
        ({f"{C}.values.gold": {**WORD, "aliases": ["СТАНДАРТ"]}},
         f"{C}.values.gold: 'СТАНДАРТ' is a way to write standard too; each needs its own"),
        ({f"{C}.values.gold": {"ru": "премиум", "en": "gold"}},
         f"{C}.values.gold: 'премиум' is a way to write premium too; each needs its own"),
        ({"columns.tenure_days.low": 40_000},
         "columns.tenure_days.low is 40000; it should be at most high (36525)"),
        ({"columns.tenure_days.high": "long"},
         "columns.tenure_days: high is 'long'; input should be a valid number"),
        ({"columns.tenure_days.high": 1e13},
         "columns.tenure_days: high is 10000000000000.0; numbers reach from -1e+12 to 1e+12"),
        ({"columns.tenure_days.form": "percent"},
         "columns.tenure_days.form is percent; a share reaches from 0 to 1; set low and high so"),
        ({"columns.tenure_days.form": "euros"},
         "columns.tenure_days: form is 'euros'; input should be 'number', 'whole', 'percent' or "),
        ({"columns.tenure_days.month": "m0"},
         "columns.tenure_days.month is 'm0'; market_file has no months; leave it out"),
        ({"columns.revenue_m0.month": "m9"}, "columns.revenue_m0.month is 'm9'; valid: m2, m1, m0"),
        ({"columns.revenue_m0.month": ABSENT},
         "columns.revenue_m0: key month is missing; valid: m2, m1, m0"),
        ({"columns.revenue_m0.month": "m1"},
         "columns.revenue_m0.month is m1; revenue_m1 has it; each needs its own"),
        ({"columns.revenue_m0.month": "m1", "columns.revenue_m1.month": "m0"},
         "columns.revenue_m0.month is m1; it should come after that of revenue_m1 in tables."),
        ({"columns.revenue_m0.header": "Выручка"},
         "columns.revenue_m0.header: leave it out; tables.market_money.amount has it"),
        ({"columns.revenue_m0.high": 5},
         "columns.revenue_m0: kind, low and high should be those of revenue_m2: one column of "),
        ({f"{C}.header": "Страниц за визит"},
         "tables.market_file: the header or alias 'Страниц_за_визит' of pages_per_visit is one of "
         "service too; each needs its own"),
        ({f"{C}.header": "Страниц_за_визит"},
         "tables.market_file: the header or alias 'Страниц_за_визит' of pages_per_visit is one of "
         "service too; each needs its own"),
        ({f"{C}.aliases": ["consent"]},
         "tables.market_file: the header or alias 'consent' of consent is one of service too"),
        ({f"{C}.aliases": ["ID"]}, "tables.market_file: the header or alias 'ID' of service is "),
        ({"tables.market_time.amount.aliases": ["Month"]},
         "tables.market_time: the header or alias 'Month' of amount is one of period too"),
        ({"tables.market_time.months.m0.aliases": ["previous month"]},
         "tables.market_time.months.m0: 'previous month' is a way to write m1 too; each needs "),
        ({"tables.market_time.amount": ABSENT},
         "tables.market_time: key amount is missing; a table of months has all of period, amount"),
        ({"tables.market_time.months": {}}, "tables.market_time: key months is missing; "),
        ({"columns.drop.optional": True},
         "columns.drop.optional is true; the code relies on the column; leave it out"),
        ({"columns.drop.values.0": ABSENT},
         "columns.drop.values: the word 0 is missing; the code relies on 0, 1"),
        ({"columns.drop.values.2": WORD}, "columns.drop.values: valid: 0 and 1 alone, and not ope"),
        ({"columns.consent.values.yes": ABSENT},
         "columns.consent.values: the word yes is missing; the code relies on no, yes"),
        ({"columns.consent.kind": "id"}, "columns.consent: unknown key table; valid keys here: "),
        ({"columns.contacts_now.table": "money"},
         "columns.contacts_now.table is money; the code looks for it in market_file"),
        ({"tables.market_file": ABSENT}, "columns.drop.table is 'market_file'; valid: market_mon"),
        ({"tables.visits": {"name": WORD, "id": {"header": "id"}}},
         "tables.visits: no column is of it; add one or leave it out"),
        ({"groups": {}}, "groups is {}; dictionary should have at least 1 item"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_with_place_found_and_valid(tmp_path, changes, sentence):
    assert told(written(tmp_path, changes)).startswith(sentence)


@pytest.mark.parametrize(
    "name",
    ["customer_id", "drop", "consent", "contacts_now", "favourite_category", "profit", *REVENUE,
     *MINUTES],
)  # fmt: skip
def test_column_that_the_code_relies_on_is_missed(tmp_path, name):
    assert told(written(tmp_path, {f"columns.{name}": ABSENT})) == (
        f"column {name} is missing under columns; the code relies on it"
    )


def test_column_that_only_questions_ask_about_may_be_left_out(tmp_path):
    path = written(tmp_path, {"columns.promo_share": ABSENT})
    assert "promo_share" not in load_columns(path).by_name


@pytest.mark.parametrize("name", ["risk", "any", "segment", "twin_key", "in_time", "class", "null"])
def test_name_that_means_something_else_is_refused(tmp_path, name):
    line = told(written(tmp_path, {}, **{name: AGE}))
    assert line.startswith(f"columns: the name {name} is taken, it means something else in rules")


@pytest.mark.parametrize("name", ["Age", "возраст", "1st", "a-b", "a b", "", "x" * 41])
def test_name_that_no_rule_could_speak_of_is_refused(tmp_path, name):
    line = told(written(tmp_path, {}, **{name: AGE}))
    assert line.startswith(f"columns: the name {name!r} is none; valid: small Latin letters, digi")


def test_second_id_is_refused(tmp_path):
    entry = {key: AGE[key] for key in ("name", "meaning")} | {"kind": "id"}
    line = told(written(tmp_path, {}, card=entry))
    assert line == "columns.card.kind is id; valid: number, integer, category"


def test_keys_twice_switches_and_numbers_for_words_are_told(tmp_path):
    text = FIXTURE.read_text(encoding="utf-8")
    path = tmp_path / "columns.yaml"
    path.write_text(text + "  profit:\n    kind: number\n", encoding="utf-8")
    assert "the key profit stands twice" in told(path)
    path.write_text(text.replace('      "1": {', "      1: {"), encoding="utf-8")
    assert told(path).startswith(
        "columns.drop: the key 1 of values is no text; quote it if it is meant"
    )
    path.write_text(text.replace("export: да,", "export: true,"), encoding="utf-8")
    assert "values.yes.export is True; input should not be a switch" in told(path)
    path.write_text(text.replace("    open: true", "    open: perhaps"), encoding="utf-8")
    assert "open is 'perhaps'; input should be a valid boolean" in told(path)


def test_dictionary_that_is_not_there_or_empty_is_told(tmp_path):
    path = tmp_path / "columns.yaml"
    assert told(path) == " is missing; run from the project's folder"
    path.write_text("")
    assert told(path).startswith("the file is None; input should be a valid dictionary")


def test_columns_cannot_be_changed():
    with pytest.raises(AttributeError):
        COLUMNS.all = ()
    assert pd.Series(COLUMNS.by_name).index.is_unique


def test_headers_of_the_export_stand_in_no_program():
    headers = {header for table in COLUMNS.tables for header in COLUMNS.headers(table)} - {"id"}
    months = set(COLUMNS.exported["period"])
    assert len(headers | months) == 19
    texts = {path: path.read_text(encoding="utf-8") for path in (ROOT / "stages").rglob("*.py")}
    found = [
        (path.name, word)
        for path, text in texts.items()
        for word in headers | months
        if f'"{word}"' in text
    ]
    assert found == []
