"""The one table between the export's Russian words and the project's.

Beyond this module only the misspelling table of params.yaml knows Russian.
"""

from dataclasses import dataclass

MOST_MONEY = 1e12
"""Money of one customer and month at most, either side of 0: sums of squares stay numbers."""

GROUPS = ("communication", "product", "spending", "site")
"""Feature groups, as the shop names them."""

LABEL = "drop"
IDENTITY = "customer_id"
PROFIT = "profit"
REASON_RANKS = ("reason_1", "reason_2", "reason_3")
"""A customer's reasons, the strongest first: columns of ``reasons.parquet``."""
REST = "rest"
"""The segment of a customer who is in none of the named ones."""


@dataclass(frozen=True)
class Column:
    """One column of the canonical customer table.

    Attributes
    ----------
    name : str
        Canonical name.
    table : str
        The export file it comes from, a key of :data:`TABLES`.
    header : str
        Its header there; for the monthly tables the header of the amount.
    kind : str
        ``id``, ``number``, ``integer`` or ``category``.
    low, high : float
        Smallest and largest valid value of a number.
    values : tuple of (str, str)
        Valid (export, canonical) values of a category; empty where any text is valid.
    period : str
        Month of a monthly amount, as the export names it.
    """

    name: str
    table: str
    header: str
    kind: str
    low: float = 0.0
    high: float = float("inf")
    values: tuple[tuple[str, str], ...] = ()
    period: str = ""


TABLES = {
    "market_file": "behaviour and label, one row a customer",
    "market_money": "revenue, one row a customer and month",
    "market_time": "minutes on the site, one row a customer and month",
    "money": "profit, one row a customer",
}
"""The four exports by the name of their file, without its ending."""

ID_HEADER = "id"
PERIOD_HEADER = "Период"
REVENUE_HEADER = "Выручка"
MINUTES_HEADER = "минут"
OLDEST_MONTH = "препредыдущий_месяц"
PREVIOUS_MONTH = "предыдущий_месяц"
CURRENT_MONTH = "текущий_месяц"

CATEGORIES = {
    "Товары для детей": "children",
    "Домашний текстиль": "home_textiles",
    "Косметика и аксесуары": "cosmetics",
    "Техника для красоты и здоровья": "beauty_appliances",
    "Мелкая бытовая техника и электроника": "small_appliances",
    "Кухонная посуда": "kitchenware",
}
"""Favourite categories: as the export spells them, and the project's word."""

OPEN = ("favourite_category",)
"""Categories in which a new word is data, not a fault: a shop opens new ones."""

CATEGORY_NAMES = {
    "children": ("Товары для детей", "children's goods"),
    "home_textiles": ("Домашний текстиль", "home textiles"),
    "cosmetics": ("Косметика и аксессуары", "cosmetics and accessories"),
    "beauty_appliances": ("Техника для красоты и здоровья", "beauty and health appliances"),
    "small_appliances": ("Мелкая бытовая техника и электроника", "small appliances"),
    "kitchenware": ("Кухонная посуда", "kitchenware"),
}
"""Favourite categories as a customer should read them, in Russian and English."""

_BEHAVIOUR = (
    Column(
        "drop",
        "market_file",
        "Покупательская активность",
        "category",
        values=(("Снизилась", "1"), ("Прежний уровень", "0")),
    ),
    Column(
        "service",
        "market_file",
        "Тип сервиса",
        "category",
        values=(("стандарт", "standard"), ("премиум", "premium")),
    ),
    Column(
        "consent",
        "market_file",
        "Разрешить сообщать",
        "category",
        values=(("да", "yes"), ("нет", "no")),
    ),
    Column("contacts_6m", "market_file", "Маркет_актив_6_мес", "number", high=100),
    Column("contacts_now", "market_file", "Маркет_актив_тек_мес", "integer", high=100),
    Column("tenure_days", "market_file", "Длительность", "integer", high=36_525),
    Column("promo_share", "market_file", "Акционные_покупки", "number", high=1),
    Column(
        "favourite_category",
        "market_file",
        "Популярная_категория",
        "category",
        values=tuple(CATEGORIES.items()),
    ),
    Column(
        "categories_per_visit",
        "market_file",
        "Средний_просмотр_категорий_за_визит",
        "number",
        high=1000,
    ),
    Column(
        "unpaid_items", "market_file", "Неоплаченные_продукты_штук_квартал", "integer", high=1e5
    ),
    Column("service_errors", "market_file", "Ошибка_сервиса", "integer", high=1e5),
    Column("pages_per_visit", "market_file", "Страниц_за_визит", "number", high=1e4),
)

_MONTHLY = (
    Column(
        "revenue_m2", "market_money", REVENUE_HEADER, "number", period=OLDEST_MONTH, high=MOST_MONEY
    ),
    Column(
        "revenue_m1",
        "market_money",
        REVENUE_HEADER,
        "number",
        period=PREVIOUS_MONTH,
        high=MOST_MONEY,
    ),
    Column(
        "revenue_m0",
        "market_money",
        REVENUE_HEADER,
        "number",
        period=CURRENT_MONTH,
        high=MOST_MONEY,
    ),
    Column(
        "minutes_m1", "market_time", MINUTES_HEADER, "number", period=PREVIOUS_MONTH, high=44_640
    ),
    Column(
        "minutes_m0", "market_time", MINUTES_HEADER, "number", period=CURRENT_MONTH, high=44_640
    ),
)

COLUMNS = (
    Column(IDENTITY, "market_file", ID_HEADER, "id"),
    *_BEHAVIOUR,
    *_MONTHLY,
    Column(PROFIT, "money", "Прибыль", "number", low=-MOST_MONEY, high=MOST_MONEY),
)
"""Every column of the canonical customer table, in its order."""

BY_NAME = {column.name: column for column in COLUMNS}

BEHAVIOUR = tuple(c.name for c in COLUMNS if c.name not in {IDENTITY, LABEL, PROFIT})
"""All but id, label and profit: what makes two customers twins, and what a model may know."""

REVENUE = ("revenue_m2", "revenue_m1", "revenue_m0")
MINUTES = ("minutes_m1", "minutes_m0")


def headers(table: str) -> list[str]:
    """Return the headers that the export file `table` must have, in its order."""
    columns = [column for column in COLUMNS if column.table == table]
    if table == "market_file":
        return [column.header for column in columns]
    if any(column.period for column in columns):
        return [ID_HEADER, PERIOD_HEADER, columns[0].header]
    return [ID_HEADER, *(column.header for column in columns)]


def spellings(column: Column) -> dict[str, str]:
    """Return the project's word for each way to write a column's value.

    The ways are the export's, the project's own and, of favourite categories, the page's.
    """
    ways = {way: canonical for word, canonical in column.values for way in (word, canonical)}
    if column.name == "favourite_category":
        ways |= {shown: word for word, both in CATEGORY_NAMES.items() for shown in both}
    return ways


def other_names(name: str) -> dict[str, str]:
    """Return the ways to write a column's values that are not the export's, each with its word."""
    column = BY_NAME.get(name)
    if column is None:
        return {}
    exported = {canonical: word for word, canonical in column.values}
    ways = spellings(column).items()
    return {way: exported[word] for way, word in ways if way not in exported.values()}
