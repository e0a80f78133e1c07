"""What the shop should change or collect: findings that no offer to one customer answers.

An advice appears only where a figure supports it, and names that figure. What should change
follows from the shop's questions (associations, not effects: a change wants a trial); what should
be collected follows from what the model cannot know today.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.core.columns import Columns
from retention.core.vocabulary import CATEGORY_PREFIX, FAVOURITE, MINUTES
from retention.explanation.hypotheses import YES

CHANGE, COLLECT = "change", "collect"

LOOKS_LOYAL = 0.2
"""Out-of-fold risk below which a customer who dropped had looked loyal."""
GAP = 0.05
"""ROC-AUC short of 1 from which better data is worth collecting."""
QUIET = 0.05
"""Share of the drops that had looked loyal from which other data is worth collecting."""
SILENT = 0.1
"""Share of customers who cannot be written to from which consent is worth asking for."""


_UNITS = {
    "gap_to_perfect_roc_auc": "roc_auc",
    "drops_that_look_loyal": "share",
    "share_without_consent": "share",
    "past_offers": "rows",
}


@dataclass(frozen=True)
class Evidence:
    """What advice may rest on.

    Attributes
    ----------
    questions : DataFrame
        As ``questions.answer_questions`` returns it, by its key.
    metrics : dict
        Figures of the model and of the data, see :func:`advise`.
    """

    questions: pd.DataFrame
    metrics: Mapping[str, float]

    def yes(self, *keys: str) -> tuple[str, float] | None:
        """Return the claim of the largest figure among those answered yes, with its figure."""
        table = self.questions
        held = [
            (float(table["figure"][key]), key)
            for key in keys
            if key in table.index and table["answer"][key] == YES and table["figure"][key] > 0
        ]
        return (max(held)[1], max(held)[0]) if held else None

    def at_least(self, name: str, least: float) -> tuple[str, float] | None:
        """Return the metric `name` if it is known and at least `least`."""
        value = self.metrics.get(name)
        return (name, float(value)) if value is not None and value >= least else None

    def categories(self) -> list[str]:
        """Return the over-represented categories, the most over-represented first."""
        table = self.questions
        held = table[(table["answer"] == YES) & table.index.str.startswith(CATEGORY_PREFIX)]
        ordered = held.sort_values("figure", ascending=False, kind="stable")
        return [key.removeprefix(CATEGORY_PREFIX) for key in ordered.index]


@dataclass(frozen=True)
class Advice:
    """One piece of advice.

    Attributes
    ----------
    key : str
    kind : str
        ``change`` or ``collect``.
    ru, en : str
        What to do; ``{categories}`` stands for the categories concerned.
    figure : callable
        Name and value of the figure that supports it, None where nothing does.
    features : tuple of str
        The features it is about.
    """

    key: str
    kind: str
    ru: str
    en: str
    figure: Callable[[Evidence], tuple[str, float] | None]
    features: tuple[str, ...] = ()


def _ranking_gap(evidence: Evidence) -> tuple[str, float] | None:
    area = evidence.metrics.get("roc_auc")
    if area is None or 1 - area < GAP:
        return None
    return "gap_to_perfect_roc_auc", 1 - float(area)


def _no_past_offers(evidence: Evidence) -> tuple[str, float] | None:
    return ("past_offers", 0.0) if evidence.metrics.get("past_offers", 0) == 0 else None


def _strongest_category(evidence: Evidence) -> tuple[str, float] | None:
    return evidence.yes(*(CATEGORY_PREFIX + word for word in evidence.categories()))


ADVICE = (
    Advice(
        "navigation",
        CHANGE,
        "Проверьте навигацию и дизайн сайта: поиск, меню, карточку товара, скорость страниц. "
        "Перед снижением активности смотрят меньше страниц и проводят на сайте меньше времени.",
        "Review the site's navigation and design: search, menus, product pages, speed. Before a "
        "drop customers look at fewer pages and spend less time on the site.",
        lambda evidence: evidence.yes("few_pages", "few_minutes"),
        ("pages_per_visit", *MINUTES),
    ),
    Advice(
        "assortment_width",
        CHANGE,
        "Показывайте ширину ассортимента: соседние категории, подборки, поводы для покупки. "
        "Кто смотрит мало категорий за визит, снижает активность чаще.",
        "Show how wide the assortment is: neighbouring categories, collections, occasions. Those "
        "who look at few categories in a visit drop more often.",
        lambda evidence: evidence.yes("few_categories"),
        ("categories_per_visit",),
    ),
    Advice(
        "checkout",
        CHANGE,
        "Проверьте оформление заказа: шаги до оплаты, доставку, способы оплаты. Полные "
        "неоплаченные корзины идут рядом со снижением активности.",
        "Review the checkout: steps to payment, delivery, ways to pay. Full unpaid carts go with "
        "a drop.",
        lambda evidence: evidence.yes("full_carts"),
        ("unpaid_items",),
    ),
    Advice(
        "service_errors",
        CHANGE,
        "Устраните сбои сервиса: чем их больше, тем чаще снижается активность.",
        "Mend the service errors: the more of them, the more often activity drops.",
        lambda evidence: evidence.yes("service_errors"),
        ("service_errors",),
    ),
    Advice(
        "contact_frequency",
        CHANGE,
        "Пересмотрите частоту коммуникаций: с теми, кто снижает активность, за полгода "
        "связывались реже. Проверьте более частые контакты на контрольной группе.",
        "Review how often you make contact: those who drop were contacted less over six months. "
        "Try more frequent contacts against a control group.",
        lambda evidence: evidence.yes("few_contacts"),
        ("contacts_6m",),
    ),
    Advice(
        "price_policy",
        CHANGE,
        "Пересмотрите акции в целом: кто покупает в основном по акции, снижает активность чаще. "
        "Проверьте цены и пользу покупки без скидки.",
        "Review the promotions as a whole: those who buy mostly on promotion drop more often. "
        "Look at prices and at what a purchase without a discount gives.",
        lambda evidence: evidence.yes("promotion_buyers"),
        ("promo_share",),
    ),
    Advice(
        "premium_service",
        CHANGE,
        "Выясните, чего не хватает клиентам с премиум-сервисом: они снижают активность чаще.",
        "Find out what customers with the premium service miss: they drop more often.",
        lambda evidence: evidence.yes("service_level"),
        ("service",),
    ),
    Advice(
        "category_range",
        CHANGE,
        "Проверьте ассортимент, цены и наличие в категориях: {categories}. Их любители чаще "
        "среди снизивших активность.",
        "Review range, prices and stock of these categories: {categories}. Those who favour them "
        "are over-represented among the drops.",
        _strongest_category,
        ("favourite_category",),
    ),
    Advice(
        "dated_orders",
        COLLECT,
        "Собирайте заказы с датами, а не суммы по месяцам: паузы между покупками различают "
        "клиентов, которых по нынешним данным не различить.",
        "Collect orders with their dates, not monthly sums: pauses between purchases tell apart "
        "customers whom today's data cannot.",
        _ranking_gap,
    ),
    Advice(
        "who_they_are",
        COLLECT,
        "Собирайте, с согласия клиента, пол, возраст и наличие детей: часть снизивших "
        "активность вела себя как постоянные клиенты, и по поведению их не видно.",
        "Collect, if the customer agrees, sex, age and whether there are children: some of those "
        "who dropped behaved like loyal customers, and behaviour does not show them.",
        lambda evidence: evidence.at_least("drops_that_look_loyal", QUIET),
    ),
    Advice(
        "age_of_children",
        COLLECT,
        "Собирайте, с согласия клиента, возраст детей: любители товаров для детей чаще среди "
        "снизивших активность, а дети вырастают.",
        "Collect, if the customer agrees, the age of the children: those who favour goods for "
        "children are over-represented among the drops, and children grow up.",
        lambda evidence: evidence.yes("category_children"),
        ("favourite_category",),
    ),
    Advice(
        "past_offers",
        COLLECT,
        "Записывайте, кому что предложили, когда и чем это кончилось, и оставляйте контрольную "
        "группу: без этого нельзя узнать, что предложение меняет.",
        "Record who was offered what, when, and what came of it, and keep a control group: "
        "without that nothing tells what an offer changes.",
        _no_past_offers,
    ),
    Advice(
        "consent",
        COLLECT,
        "Просите согласие на сообщения там, где клиент видит в них пользу: части клиентов "
        "написать нельзя.",
        "Ask for consent to messages where the customer sees a use in them: some customers "
        "cannot be written to.",
        lambda evidence: evidence.at_least("share_without_consent", SILENT),
    ),
)
"""All advice, in the order of the page."""


def drops_that_look_loyal(label: np.ndarray, risk: np.ndarray) -> float:
    """Return the share of the drops whose risk by a model that had not seen them is below 0.2.

    Parameters
    ----------
    label : ndarray of 0 and 1, shape (n_customers,)
    risk : ndarray of float, shape (n_customers,)
        Out-of-fold risk, 0 to 1.
    """
    drops = risk[label == 1]
    return float((drops < LOOKS_LOYAL).mean()) if len(drops) else 0.0


def advise(
    importance: Mapping[str, float],
    groups: Mapping[str, str],
    questions: pd.DataFrame,
    metrics: Mapping[str, float],
    *,
    columns: Columns,
) -> list[dict[str, object]]:
    """Return the advice that the figures support.

    Parameters
    ----------
    importance : mapping
        Mean contribution to the risk, in log-odds, of each feature.
    groups : mapping
        The group of each feature.
    questions : DataFrame
        As ``questions.answer_questions`` returns it.
    metrics : mapping
        Any of ``roc_auc`` (by a model that had not seen the customers), ``drops_that_look_loyal``
        (as the function of that name), ``share_without_consent`` (0 to 1) and ``past_offers``
        (rows of recorded offers with their outcome; 0 where it is not given).
    columns : Columns
        The data dictionary: what categories are called.

    Returns
    -------
    list of dict
        ``key``, ``kind`` (change or collect), ``figure_name`` and ``figure`` that support it,
        ``unit`` (of the claim, or ``share``, ``rows`` or ``roc_auc``); ``stable``, False where
        the claim's answer hangs on a few customers; ``group`` and ``importance``: the feature
        group that it is about and the share of all contributions to the risk that its features
        have, empty and 0 where it is about none; ``ru`` and ``en``. Change comes first, the most
        important features first.
    """
    evidence = Evidence(questions.set_index("key"), metrics)
    words, category = evidence.categories(), columns.by_name[FAVOURITE]
    whole = sum(importance.values()) or 1.0
    found = []
    for advice in ADVICE:
        supported = advice.figure(evidence)
        if supported is None:
            continue
        name, figure = supported
        known = name in evidence.questions.index
        texts = {
            language: getattr(advice, language).replace(
                "{categories}",
                ", ".join(category.said(word, language) for word in words),
            )
            for language in ("ru", "en")
        }
        found.append(
            {
                "key": advice.key,
                "kind": advice.kind,
                "figure_name": name,
                "figure": figure,
                "unit": evidence.questions["unit"][name] if known else _UNITS[name],
                "stable": bool(evidence.questions["stable"][name]) if known else True,
                "group": groups.get(advice.features[0], "") if advice.features else "",
                "importance": sum(importance.get(one, 0.0) for one in advice.features) / whole,
                **texts,
            }
        )
    return sorted(found, key=lambda one: (one["kind"] == COLLECT, -one["importance"]))
