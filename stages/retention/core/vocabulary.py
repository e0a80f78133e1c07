"""Names that the code itself speaks of; what a column is, columns.yaml says."""

MOST_MONEY = 1e12
"""Money of one customer and month at most, either side of 0: sums of squares stay numbers."""

LABEL = "drop"
IDENTITY = "customer_id"
MONTH = "month"
"""Column of the month, as ``YYYY-MM``, in tables of a shop's months; a snapshot has none."""
LABEL_SOURCE = "label_source"
"""Column of who told an outcome of months: the shop itself, or the rule of params ``label``;
missing where it is unknown."""
BY_SHOP, BY_RULE = "shop", "rule"
PROFIT = "profit"
POSITION = "position"
"""Column of a customer's line in the behaviour file; kept for the leak scan, never a feature."""
REASON_RANKS = ("reason_1", "reason_2", "reason_3")
"""A customer's reasons, the strongest first: columns of ``reasons.parquet``."""
ASSUMED_EFFECT = "assumed_effect"
"""Share of drops that an offer was assumed to prevent when its list was made: a column of it."""
FAVOURITE = "favourite_category"
CATEGORY_PREFIX = "category_"
"""Start of the key of a question about one favourite category."""
REST = "rest"
"""The segment of a customer who is in none of the named ones."""

MARKET_FILE = "market_file"
"""The export that says who the customers are, what they did, and who of them dropped."""
MARKET_MONEY = "market_money"
MARKET_TIME = "market_time"

REVENUE = ("revenue_m2", "revenue_m1", "revenue_m0")
"""Months of revenue, the oldest first; who is a regular customer follows from them."""
MINUTES = ("minutes_m1", "minutes_m0")
"""Months of minutes on the site, the oldest first."""
