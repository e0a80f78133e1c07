"""A shop that starts to collect something adds entries to columns.yaml, and nothing else."""

import contextlib
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import evaluate
import explain
import featurize
import prepare
import report
import score
import segment
import train
from dictionary import AGE, COLUMNS, FIXTURE
from helpers import an_offer, project_params
from pages import read_page
from project import ROOT
from retention.core import paths
from simulation.export import as_export
from simulation.shop import simulate_customers

pytestmark = pytest.mark.slow
STAGES = (prepare, featurize, train, score, evaluate, explain, segment, report)
CUSTOMERS = 400
ADDED = (
    AGE
    + """
  has_children:
    table: market_file
    header: Есть дети
    aliases: [children]
    kind: category
    optional: true
    group: person
    name: {ru: "дети у покупателя", en: "children of the customer"}
    meaning: {ru: "есть ли у покупателя дети", en: "whether the customer has children"}
    reason: {ru: "дети", en: "children"}
    values:
      "yes": {export: есть, ru: "растут", en: "has some"}
      "no": {export: нет, ru: "не растут", en: "has none"}
"""
)
RULES = {
    "grown_up_at_risk": "age >= 40 and risk >= 0.5",
    "childless": "has_children == no and consent == yes",
}
OFFERS = [
    an_offer("for_grown_ups", when="age >= 40 and has_children == no", reason="age", effect=0.5),
    an_offer("for_all", effect=0.001),
]


def dictionary(text=ADDED):
    """The dictionary with what the shop added, and a group of its own for it."""
    own = FIXTURE.read_text(encoding="utf-8")
    group = '\ngroups:\n  person: {ru: "о покупателе", en: "about the customer"}\n'
    assert own.count("\ngroups:\n") == 1
    return own.replace("\ngroups:\n", group) + text


def params():
    """Params that make a run short, with rules over the new columns."""
    content = project_params()
    content["train"] |= {"model": "logistic", "jobs": 1, "comparisons": 1, "candidates": 2}
    content["evaluate"]["bootstrap"] = 100
    content["evaluate"]["min_slice"] = 10
    content["segment"]["rules"] = RULES
    content["segment"]["least"] = 10
    return content


def furnish(folder):
    """Write params, offers, dictionary and exports of a shop that knows age and children."""
    shop = simulate_customers(CUSTOMERS, unlabelled=0.2, seed=5)
    exports = as_export(shop, columns=COLUMNS, seed=5)
    rng = np.random.default_rng(5)
    drop = shop.truth["drop"].to_numpy() == 1
    age = np.clip(rng.normal(np.where(drop, 58, 30), 9), 14, 110).round().astype(int).astype("str")
    children = np.where(rng.random(CUSTOMERS) < np.where(drop, 0.15, 0.85), "есть", "нет")
    age[:5], children[5:8] = "", ""
    age[10], children[11] = "400", "кот"
    added = {"возраст": age, "Есть_дети": children}
    exports["market_file"] = exports["market_file"].assign(**added)
    (folder / "data/sample").mkdir(parents=True)
    for name, table in exports.items():
        table.to_csv(folder / f"data/sample/{name}.csv", index=False)
    shop.truth.to_parquet(folder / "data/sample/truth.parquet", index=False)
    (folder / "data/sample/suppression.csv").write_text("customer_id\n")
    (folder / "columns.yaml").write_text(dictionary(), encoding="utf-8")
    for name, content in (("params", params()), ("offers", [one.model_dump() for one in OFFERS])):
        text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    (folder / "stages").symlink_to(ROOT / "stages")


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The folder of a shop that knows age and children, after a whole run."""
    folder = tmp_path_factory.mktemp("shop")
    furnish(folder)
    with contextlib.chdir(folder):
        for stage in STAGES:
            stage.main()
    return folder


def content(folder, name):
    return json.loads((folder / name).read_text(encoding="utf-8"))


def test_new_columns_are_read_and_checked(ran):
    broken = (ran / "data/prepared/quarantine.csv").read_text(encoding="utf-8-sig")
    assert "400" in broken
    assert "must be a whole number from 14 to 110" in broken
    assert "must be one of есть, нет" in broken
    customers = pd.read_parquet(ran / "data/prepared/customers.parquet")
    assert customers["age"].between(14, 110).sum() + customers["age"].isna().sum() == len(customers)
    assert set(customers["has_children"].dropna()) == {"yes", "no"}
    found = pd.read_parquet(ran / "data/prepared/readiness.parquet")
    about = found[found["column"].isin(["Возраст", "Есть дети"])]
    assert set(about["what"]) == {"broken", "missing", "header"}


def test_new_columns_are_trained_on(ran):
    card = content(ran, "data/model/model.json")
    assert {"age", "has_children"} <= set(card["features"])
    told = {one["name"]: one for one in content(ran, "data/features/dictionary.json")}
    assert told["age"] == {
        "name": "age", "group": "person", "unit": "years", "meaning": "full years of life",
        "categorical": False,
    }  # fmt: skip
    assert told["has_children"]["categorical"] is True
    slices = content(ran, "data/evaluation/details.json")["slices"]
    assert {"has_children=yes", "has_children=no"} <= set(slices)
    # They were drawn to tell more than all else.
    importance = {
        name: one["mean_abs"]
        for name, one in content(ran, "data/explained/details.json")["importance"].items()
    }
    assert max(importance, key=importance.get) == "age"


def test_new_columns_are_reasons_in_both_languages(ran):
    reasons = pd.read_parquet(ran / "data/explained/reasons.parquet")
    known = reasons["reason_1_value"].ne("missing")
    old = reasons[reasons["reason_1"].eq("age") & known].iloc[0]
    years = str(int(float(old["reason_1_value"])))
    assert old["sentence_ru"].startswith("Зрелый возраст (" + years)
    assert old["sentence_en"].startswith(f"Mature age ({years}, usually ")
    childless = reasons[reasons["reason_1"].eq("has_children") & known].iloc[0]
    assert childless["sentence_ru"].startswith("Дети: не растут")
    assert childless["sentence_en"].startswith("Children: has none")


def test_new_columns_make_segments_and_choose_offers(ran):
    customers = pd.read_parquet(ran / "data/prepared/customers.parquet")
    segments = pd.read_parquet(ran / "data/segments/customers.parquet")
    both = customers.merge(segments[["customer_id", "risk", "segments"]], on="customer_id")
    inside = both["segments"].str.split().map(lambda names: "grown_up_at_risk" in names)
    assert inside.any()
    assert inside.equals((both["age"] >= 40) & (both["risk"] >= 0.5))
    listed = pd.read_parquet(ran / "data/campaign/list.parquet").merge(both, on="customer_id")
    made = listed[listed["offer"] == "for_grown_ups"]
    assert len(made) > 5
    assert (made["age"] >= 40).all()
    assert (made["has_children"] == "no").all()
    assert made["reasons"].str.split().map(lambda names: "age" in names).all()
    portraits = pd.read_parquet(ran / "data/segments/portraits.parquet")
    assert {"age", "has_children"} <= set(portraits["feature"])


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("ru", ["возраст", "о покупателе", "дети у покупателя: не растут", "возраст ≥ 40",
                "дети у покупателя = не растут и согласие на сообщения = да"]),
        ("en", ["age", "about the customer", "children of the customer: has none", "age ≥ 40",
                "children of the customer = has none and consent to messages = yes"]),
    ],
)  # fmt: skip
def test_new_columns_are_shown_on_the_page(ran, language, told):
    html = (ran / f"report/{language}.html").read_text(encoding="utf-8")
    text = read_page(html).text
    assert [words for words in told if words not in text] == []
    name, about = {
        "ru": ("возраст", "полных лет покупателю, лет"), "en": ("age", "full years of life, years")
    }[language]  # fmt: skip
    assert f'<th scope="row" title="{about}">{name}' in html
    assert "has_children" not in text


@pytest.fixture
def lacking(ran, tmp_path, monkeypatch):
    """The same shop with the same dictionary, whose export lacks both columns."""
    shutil.copytree(ran, tmp_path / "shop", symlinks=True)
    path = tmp_path / "shop/data/sample/market_file.csv"
    table = pd.read_csv(path, dtype="str").drop(columns=["возраст", "Есть_дети"])
    table.to_csv(path, index=False)
    monkeypatch.chdir(tmp_path / "shop")
    return tmp_path / "shop"


def test_export_without_the_optional_columns(lacking, capsys):
    for stage in (prepare, featurize):
        stage.main()
    found = pd.read_parquet("data/prepared/readiness.parquet")
    absent = found[found["what"] == "absent_column"]
    assert absent[["level", "file", "column"]].to_numpy().tolist() == [
        ["advice", "market_file.csv", "Возраст"], ["advice", "market_file.csv", "Есть дети"]
    ]  # fmt: skip
    assert not {"age", "has_children"} & set(pd.read_parquet(paths.PREPARED))
    assert len(content(lacking, "data/features/dictionary.json")) == 16
    capsys.readouterr()
    assert refused(segment, capsys) == (
        "error: params.yaml: segment.rules.grown_up_at_risk: 'age >= 40 and risk >= 0.5' names "
        "age, which the export lacks (columns.yaml: age is optional)"
    )
    changed = params()
    changed["segment"]["rules"] = {"mine": "risk >= 0.5"}
    Path("params.yaml").write_text(yaml.safe_dump(changed, allow_unicode=True), encoding="utf-8")
    assert refused(segment, capsys).startswith(
        "error: offers.yaml: for_grown_ups.when: 'age >= 40 and has_children == no' names age, "
        "which the export lacks"
    )


@pytest.mark.usefixtures("lacking")
def test_column_that_is_not_optional_is_missed(capsys):
    text = dictionary(ADDED.replace("    optional: true\n", "", 1))
    Path("columns.yaml").write_text(text, encoding="utf-8")
    assert refused(prepare, capsys).startswith(
        "error: data/sample/market_file.csv has no column Возраст; found: id, "
    )


def refused(stage, capsys):
    """The one line that the stage leaves the user with."""
    with pytest.raises(SystemExit):
        stage.main()
    (line,) = capsys.readouterr().err.splitlines()
    return line


ENGLISH = {
    "id": "customer_id",
    "Покупательская активность": "purchasing activity",
    "Тип сервиса": "Service type",
    "Разрешить сообщать": "consent",
    "Маркет_актив_6_мес": "contacts over six months",
    "Маркет_актив_тек_мес": "contacts_now",
    "Длительность": "tenure days",
    "Акционные_покупки": "promo_share",
    "Популярная_категория": "favourite_category",
    "Средний_просмотр_категорий_за_визит": "categories per visit",
    "Неоплаченные_продукты_штук_квартал": "unpaid_items",
    "Ошибка_сервиса": "service_errors",
    "Страниц_за_визит": "pages_per_visit",
    "Период": "month",
    "Выручка": "Revenue",
    "минут": "minutes",
    "Прибыль": "profit",
}
WORDS = {
    "Снизилась": "declined", "Прежний уровень": "same", "стандарт": "standard",
    "премиум": "premium", "да": "yes", "нет": "no", "Товары для детей": "children's goods",
    "Домашний текстиль": "home_textiles", "Косметика и аксесуары": "cosmetics",
    "Техника для красоты и здоровья": "beauty appliances",
    "Мелкая бытовая техника и электроника": "small appliances", "Кухонная посуда": "kitchenware",
    "препредыдущий_месяц": "two months ago", "предыдущий_месяц": "previous month",
    "предыдцщий_месяц": "last month", "текущий_месяц": "current month", "стандартт": "Standard",
}  # fmt: skip


def test_export_in_english_gives_the_same_customers(tmp_path, monkeypatch):
    shop = simulate_customers(CUSTOMERS, unlabelled=0.2, seed=5)
    exports = as_export(shop, columns=COLUMNS, seed=5)
    made = []
    for language in ("ru", "en"):
        folder = tmp_path / language
        (folder / "data/sample").mkdir(parents=True)
        shutil.copy(FIXTURE, folder)
        (folder / "params.yaml").write_text(yaml.safe_dump(project_params()), encoding="utf-8")
        for name, table in exports.items():
            own = table if language == "ru" else table.rename(columns=ENGLISH).replace(WORDS)
            text = own.to_csv(index=False)
            assert text.isascii() == (language == "en")
            (folder / f"data/sample/{name}.csv").write_text(text, encoding="utf-8")
        monkeypatch.chdir(folder)
        prepare.main()
        made.append(paths.PREPARED.read_bytes())
    assert made[0] == made[1]
    found = pd.read_parquet("data/prepared/readiness.parquet")
    assert found["level"].ne("error").all()
    # What is said of the file speaks of it in its own words.
    assert set(found.loc[found["what"] == "other_name", "column"]) <= {
        "purchasing activity", "service type", "consent", "favourite_category", "month"
    }  # fmt: skip


OLDER = """
  revenue_m3:
    table: market_money
    month: m3
    kind: number
    low: 0
    high: 1e12
    form: whole
    optional: true
    group: spending
    name: {ru: "выручка три месяца назад", en: "revenue three months ago"}
    meaning: {ru: "выручка три месяца назад", en: "revenue three months ago"}
    reason:
      ru: {low: "низкая", high: "высокая", plain: "выручка три месяца назад"}
      en: {low: "low", high: "high", plain: "revenue three months ago"}
"""


@pytest.mark.parametrize("word", ["", "август", "August"])
def test_older_month_is_read_where_the_export_has_it(tmp_path, monkeypatch, word):
    text = FIXTURE.read_text(encoding="utf-8") + OLDER
    first = "    months:\n      m2:"
    assert text.count(first) == 1
    older = "    months:\n      m3: {export: август, aliases: [august]}\n      m2:"
    (tmp_path / "columns.yaml").write_text(text.replace(first, older), encoding="utf-8")
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(project_params()), encoding="utf-8")
    shop = simulate_customers(200, unlabelled=0.2, seed=5)
    exports = as_export(shop, columns=COLUMNS, seed=5)
    if word:
        ids = shop.customers["customer_id"]
        rows = pd.DataFrame({"id": ids, "Период": word, "Выручка": np.arange(len(ids)) + 0.5})
        exports["market_money"] = pd.concat([exports["market_money"], rows])
    (tmp_path / "data/sample").mkdir(parents=True)
    for name, table in exports.items():
        table.to_csv(tmp_path / f"data/sample/{name}.csv", index=False)
    monkeypatch.chdir(tmp_path)
    prepare.main()
    customers = pd.read_parquet(paths.PREPARED)
    found = pd.read_parquet("data/prepared/readiness.parquet")
    absent = found.loc[found["what"] == "absent_column", ["file", "column"]].to_numpy().tolist()
    if not word:
        assert absent == [["market_money.csv", "август"]]
        assert "revenue_m3" not in customers
        return
    assert absent == []
    own = dict(zip(shop.customers["customer_id"].astype("str"), np.arange(200) + 0.5, strict=True))
    assert customers["revenue_m3"].tolist() == [own[one] for one in customers["customer_id"]]
