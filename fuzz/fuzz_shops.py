"""Fuzz: whatever a valid shop looks like, does every stage end well or in one line?

Each run draws a small shop (60 to 400 customers) with odd but valid columns: constant ones, empty
ones, ties, twins, one category, hardly a drop or hardly a stay; draws params to go with it; and
leads it through every stage, and a campaign's answers through measure. Every fourth shop comes in
months, with campaigns that were sent, and goes on with a model that was kept. A stage must end with
files that any program reads, without a number that is none; or in one line that starts with
``error:`` and exit status 1. Anything else is a failure, printed with the seed that repeats it.
"""

import contextlib
import io
import random
import re
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import yaml
from fuzzing import FuzzError, fuzz
from month_shops import (
    draw_month_params,
    draw_months,
    keep_and_forget,
    write_campaign,
    write_months,
)
from threadpoolctl import threadpool_limits

import evaluate
import explain
import featurize
import measure
import prepare
import report
import score
import segment
import train
from project import FIXTURES, ROOT, lay_fixtures
from retention.core import paths
from retention.core.columns import load_columns
from retention.core.vocabulary import IDENTITY, LABEL, MINUTES, PROFIT, REVENUE
from simulation.export import as_export
from simulation.shop import Shop, simulate_customers

COLUMNS = load_columns(FIXTURES / "columns.yaml")
STAGES = (prepare, featurize, train, score, evaluate, explain, segment, report)
SAMPLE = Path("data/sample")
LEAST = 36
"""Customers of a class that most shops have: prepare asks for 30, and sets a few aside."""
NUMBERS = [name for name, column in COLUMNS.by_name.items() if column.kind in ("number", "integer")]
CATEGORY = "favourite_category"
WORDS = {
    "service": ["standard", "premium"],
    "consent": ["yes", "no"],
    CATEGORY: list(COLUMNS.by_name[CATEGORY].values),
}
BEHAVIOUR = [name for name in (*NUMBERS, *WORDS) if name != PROFIT]
NO_NUMBER = re.compile(r"(?<![\w-])(?:nan|NaN|[+-]?inf|[+-]?Infinity|None|undefined)(?![\w-])")


# Changes of a shop: each takes the customers and says nothing back.


def constant_number(shop: pd.DataFrame, rng: random.Random) -> None:
    """Give everyone the same value of some columns."""
    for name in rng.sample(NUMBERS, rng.choice((1, 1, 3, len(NUMBERS)))):
        shop[name] = float(shop[name].max())


def one_word(shop: pd.DataFrame, rng: random.Random) -> None:
    """Give everyone the same word: one category, one service, all or none consent."""
    name = rng.choice(list(WORDS))
    shop[name] = rng.choice(WORDS[name])


def ties(shop: pd.DataFrame, rng: random.Random) -> None:
    """Leave each number two or three values."""
    values = rng.choice((2, 3))
    for name in BEHAVIOUR[: -len(WORDS)]:
        rank = np.floor(shop[name].rank(pct=True) * (values - 0.001)) / values
        digits = 0 if COLUMNS.by_name[name].kind == "integer" else 1
        shop[name] = (shop[name].min() + rank * np.ptp(shop[name])).round(digits)


def empty_column(shop: pd.DataFrame, rng: random.Random) -> None:
    """Lose some columns altogether."""
    for name in rng.sample(BEHAVIOUR, rng.choice((1, 1, 2, 5))):
        shop[name] = None if name in WORDS else np.nan


def gaps(shop: pd.DataFrame, rng: random.Random) -> None:
    """Lose a share of the cells of some columns."""
    share = rng.choice((0.02, 0.3, 0.95))
    for name in rng.sample(BEHAVIOUR, rng.choice((1, 4, len(BEHAVIOUR)))):
        shop.loc[np.array([rng.random() < share for _ in range(len(shop))]), name] = None


def one_known_cell(shop: pd.DataFrame, rng: random.Random) -> None:
    """Leave one cell of a column."""
    name = rng.choice(BEHAVIOUR)
    shop.loc[shop.index != rng.randrange(len(shop)), name] = None


def odd_profit(shop: pd.DataFrame, rng: random.Random) -> None:
    """Make profit all missing, equal, nothing, negative, huge, or known of one customer."""
    first = shop.index == 0
    shop[PROFIT] = rng.choice(
        (np.nan, 4.2, 0.0, -shop[PROFIT].abs(), shop[PROFIT].mul(1e11), shop[PROFIT].where(first))
    )


def twins(shop: pd.DataFrame, rng: random.Random) -> None:
    """Copy the behaviour of some customers onto others."""
    count = rng.choice((1, len(shop) // 10, len(shop) // 3))
    places = rng.sample(range(len(shop)), 2 * count)
    for name in BEHAVIOUR:
        shop.iloc[places[count:], shop.columns.get_loc(name)] = shop[name].iloc[places[:count]]


def same_columns(shop: pd.DataFrame, _: random.Random) -> None:
    """Make some columns copies of one another."""
    shop["revenue_m1"] = shop["revenue_m0"] = shop["revenue_m2"]
    shop["minutes_m1"] = shop["minutes_m0"]


def two_kinds(shop: pd.DataFrame, rng: random.Random) -> None:
    """Leave a number two values that agree with nothing else: every second customer has one."""
    name = rng.choice(NUMBERS)
    shop[name] = np.where(np.arange(len(shop)) % 2, float(shop[name].max()), shop[name].min())


def far_value(shop: pd.DataFrame, rng: random.Random) -> None:
    """Give one customer the highest valid value."""
    name = rng.choice(BEHAVIOUR[: -len(WORDS)])
    shop.loc[rng.randrange(len(shop)), name] = COLUMNS.by_name[name].high


def own_categories(shop: pd.DataFrame, rng: random.Random) -> None:
    """Use categories that the project does not know: many, or one for each customer."""
    count = rng.choice((30, len(shop)))
    shop[CATEGORY] = [f"Прочее {place % count}" for place in range(len(shop))]


def told_by_chance(shop: pd.DataFrame, rng: random.Random) -> None:
    """Let nothing tell who drops."""
    label = shop[LABEL].to_numpy(copy=True)
    np.random.default_rng(rng.randrange(2**32)).shuffle(label)
    shop[LABEL] = pd.array(label, dtype="Int64")


def idle(shop: pd.DataFrame, rng: random.Random) -> None:
    """Let many spend no minute on the site."""
    rows = np.array([rng.random() < 0.5 for _ in range(len(shop))])
    shop.loc[rows, list(MINUTES)] = 0.0


CHANGES = (
    constant_number,
    one_word,
    one_word,
    ties,
    empty_column,
    gaps,
    one_known_cell,
    odd_profit,
    odd_profit,
    twins,
    same_columns,
    two_kinds,
    far_value,
    own_categories,
    told_by_chance,
    idle,
)


def draw_shop(rng: random.Random) -> tuple[Shop, list[str]]:
    """Return a shop, and what was done to it."""
    customers = rng.choice((rng.randint(60, 400), rng.randint(120, 400), rng.randint(200, 400)))
    base = simulate_customers(customers, unlabelled=0.0, seed=rng.randrange(2**32))
    shop, truth = base.customers, base.truth
    for name in NUMBERS:
        shop[name] = shop[name].astype("float64")
    for name in WORDS:
        shop[name] = shop[name].astype(object)
    rows = np.array(rng.sample(range(customers), customers))
    shop, truth = (part.iloc[rows].reset_index(drop=True) for part in (shop, truth))
    shop[IDENTITY] = truth[IDENTITY] = np.sort(shop[IDENTITY])
    learnable = rng.random() < 0.93
    share, ahead = rng.uniform(0.05, 0.95), rng.choice((0.0, 0.0, 0.15, 0.15, 0.3, 0.6, 0.9))
    label_rows(shop, truth, rng, share=share, ahead=ahead, least=LEAST if learnable else 0)
    done = [f"{customers} customers, {share:.0%} drops, {ahead:.0%} ahead"]
    for change in rng.sample(CHANGES, rng.choice((0, 1, 2, 2, 3, 5))):
        done.append(change.__name__)
        change(shop, rng)
    truth["quirk"] = ""
    return Shop(shop, truth), done


def label_rows(
    shop: pd.DataFrame,
    truth: pd.DataFrame,
    rng: random.Random,
    *,
    share: float,
    ahead: float,
    least: int,
) -> None:
    """Label the likeliest customers as drops, with some luck, and leave some unlabelled."""
    count = len(shop)
    known = count - round(ahead * count)
    known = min(count, max(known, 2 * least))
    drops = round(share * known)
    if 2 * least <= known:
        drops = min(max(drops, least), known - least)
    luck = np.array([rng.gauss(0, rng.choice((0.1, 0.5))) for _ in range(count)])
    order = np.argsort(-(truth["probability"].to_numpy() + luck)[:known], kind="stable")
    label = np.zeros(count)
    label[order[:drops]] = 1
    truth[LABEL] = label.astype("int64")
    shop[LABEL] = pd.array(label, dtype="Int64")
    shop.loc[known:, LABEL] = pd.NA


# Params that go with it

EXTREMES = {
    "logistic": {"C": [1e-300, 1e300], "l1_ratio": [0, 1]},
    "tree": {"max_depth": [1, 2**40, 2**70], "min_samples_leaf": [1, 10**6, 2**70]},
    "knn": {"n_neighbors": [1, 150, 2**70], "p": [1, 1e300], "weights": ["uniform"]},
    "svc": {"C": [1e-300, 1e6], "gamma": [1e-300, 1e300]},
    "forest": {"n_estimators": [1], "min_samples_leaf": [10**6], "max_features": [1e-300, 1]},
    "extra_trees": {"n_estimators": [1], "min_samples_leaf": [10**6], "max_features": [1]},
    "boosting": {
        "learning_rate": [1e-300, 1e300],
        "max_leaf_nodes": [2, 2**40],
        "min_samples_leaf": [1, 10**6],
        "l2_regularization": [0, 1e300],
    },
}
"""Legal values of every family's knobs that ask for more than a small shop can bear."""


def draw_params(rng: random.Random, *, model: str) -> dict[str, Any]:
    """Return the params of the tests, made fast, with some of them drawn; `model` as in `run`."""
    params = yaml.safe_load((FIXTURES / "params.yaml").read_text(encoding="utf-8"))
    params["data"]["dir"] = rng.choice((str(SAMPLE), "data/raw"))
    params["features"] |= {
        "seed": rng.randrange(100),
        "test_share": rng.choice((0.25, 0.25, 0.4, 0.5)),
        "use_profit": rng.random() < 0.2,
    }
    params["prepare"] |= {
        "zero_minutes": rng.choice(("keep", "keep", "missing")),
        "regular_only": rng.random() < 0.5,
        "max_quarantined": 0.2,
    }
    params["train"] |= {"jobs": 1, "comparisons": 1, "candidates": 2}
    params["train"]["model"] = "logistic" if model == "usual" else model
    params["evaluate"] |= {"bootstrap": 100, "level": rng.choice((0.95, 0.95, 0.5, 0.999))}
    # The intervals of all questions hold together: a high level takes many times the resamples.
    params["explain"] |= {"level": rng.choice((0.8, 0.8, 0.5))}
    params["explain"] |= {"evaluations": 2000, "max_evaluations": 20000}
    params["evaluate"]["min_slice"] = rng.choice((10, 30))
    # Mostly any model may send, or hardly a list is ever made of a shop this small.
    params["evaluate"]["grade"]["chance_margin"] = rng.choice((0, 0, 0.05))
    params["segment"]["grid"] = {
        "risk": rng.choice(("quantiles", [0.3, 0.6])),
        "profit": rng.choice(("quantiles", [0, 5])),
    }
    params["segment"]["least"] = rng.choice((2, 30))
    params["campaign"] |= {
        "budget": rng.choice((None, None, 0, 20)),
        "control_share": rng.choice((0.5, 0.5, 0, 0.9)),
        "share_lost": rng.choice((0.5, 1, 0)),
    }
    if model in EXTREMES:
        knob = rng.choice(list(EXTREMES[model]))
        params["models"][model][knob] = rng.choice(EXTREMES[model][knob])
    return params


def answers(listed: pd.DataFrame, rng: random.Random) -> pd.DataFrame:
    """Return what a CRM might say of the customers of a list."""
    table = listed[[IDENTITY]].copy()
    share = rng.choice((0.0, 0.3, 0.5, 1.0))
    drops = [str(int(rng.random() < share)) for _ in range(len(table))]
    revenue = [rng.choice(("5000", "0", "7.5", "")) for _ in range(len(table))]
    if rng.random() < 0.7:
        table[LABEL] = [rng.choice((drop, drop, drop, "")) for drop in drops]
    if LABEL not in table or rng.random() < 0.5:
        table["revenue"] = "5000" if rng.random() < 0.3 else revenue
    return table


# One run


def write_params(folder: Path, params: Mapping[str, Any]) -> None:
    """Write the params into a folder."""
    (folder / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True))


def furnish(
    folder: Path,
    shop: Shop,
    params: Mapping[str, Any],
    suppressed: Sequence[str],
    months: Mapping[str, pd.DataFrame],
) -> None:
    """Put the shop's exports, unless it has months, and what else the stages read into a folder."""
    lay_fixtures(folder)
    (folder / "stages").symlink_to(ROOT / "stages")
    write_params(folder, params)
    exports = folder / params["data"]["dir"]
    exports.mkdir(parents=True)
    whole = {} if months else as_export(shop, columns=COLUMNS, seed=1)
    for name, table in whole.items():
        if name == "market_file":  # words that the project does not know stay as they are
            column, own = COLUMNS.by_name[CATEGORY], shop.customers[CATEGORY]
            exported = {word: export for export, word in column.exported.items()}
            table[column.header] = own.map(exported).fillna(own)
        table.to_csv(exports / f"{name}.csv", index=False)
    path = folder / params["campaign"]["suppression"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["customer_id", *suppressed]) + "\n")
    if exports == folder / SAMPLE:
        shop.truth.to_parquet(exports / "truth.parquet", index=False)


def run(seed: int, *, model: str = "usual", monthly: bool = False) -> str:
    """Draw a shop and lead it through every stage.

    Parameters
    ----------
    seed : int
        Same seed, same shop and params.
    model : str
        ``usual`` (a logistic regression), ``auto``, or a family, of whose knobs one is extreme.
    monthly : bool
        Whether the shop comes in months.

    Returns
    -------
    str
        Empty if it ended well, else the line in which it ended.

    Raises
    ------
    FuzzError
        If a stage ended in any other way, or wrote a number that is none.
    """
    rng = random.Random(seed)
    shop, done = draw_shop(rng)
    params = draw_params(rng, model=model)
    # Without a month's revenue nobody is a regular customer, and prepare would refuse.
    known = shop.customers[list(REVENUE)].notna().mean().min()
    params["prepare"]["regular_only"] &= bool(known > 0.9)
    everyone = list(shop.customers[IDENTITY].astype("str"))
    suppressed = rng.sample(everyone, rng.choice((0, 1, 20)))
    months: dict[str, pd.DataFrame] = {}
    if monthly:
        months = draw_months(shop.customers, rng)
        draw_month_params(params, rng)
        last = months[max(months)]
        suppressed = sorted({*suppressed} & {*last[IDENTITY].astype("str")})
        done.append(f"{len(months)} months")
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        furnish(Path(name), shop, params, suppressed, months)
        if monthly:
            write_months(Path(params["data"]["dir"]), months, rng)
            if rng.random() < 0.5:
                write_campaign(months, rng)
        refusal = lead(STAGES, suppressed, done)
        if refusal:
            return refusal
        if monthly and rng.random() < 0.5:
            keep_and_forget(params, rng)
            write_params(Path(name), params)
            done.append("a kept model")
            without = [stage for stage in STAGES if stage is not train]
            refusal = lead(without, suppressed, done)
            if refusal:
                return f"kept model, {refusal}"
        listed = pd.read_parquet(paths.CAMPAIGN_LIST)
        if monthly and not listed[IDENTITY].isin(last[IDENTITY].astype("str")).all():
            raise FuzzError(f"a customer of an older month is on the list after {done}")
        if len(listed):
            answers(listed, rng).to_csv("answers.csv", index=False)
            with mock.patch.object(sys, "argv", ["measure", "--responses", "answers.csv"]):
                ended(measure.main, f"measure of {done}")
        check_files(Path(name), done)
    return ""


def lead(stages: Sequence[Any], suppressed: Sequence[str], done: list[str]) -> str:
    """Run stages in turn; return where and in what line one refused, empty if all ended well."""
    for stage in stages:
        refusal = ended(stage.main, f"{stage.__name__} of {done}")
        if refusal:
            return f"{stage.__name__}: {refusal}"
    if pd.read_parquet(paths.CAMPAIGN_LIST)[IDENTITY].isin(suppressed).any():
        raise FuzzError(f"a suppressed customer is on the list after {done}")
    return ""


def ended(main: Callable[[], None], what: str) -> str:
    """Run a stage; return the line of its refusal, empty if it ended well."""
    said = io.StringIO()
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(contextlib.redirect_stderr(said))
            stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", RuntimeWarning)
            main()
    except SystemExit as stopped:
        *_, line = said.getvalue().splitlines() or [""]
        if stopped.code != 1 or not line.startswith("error: "):
            raise FuzzError(f"exit status {stopped.code} and {line!r} in {what}") from None
        return line
    except Exception as error:
        steps = traceback.extract_tb(error.__traceback__)
        ours = [step for step in steps if Path(step.filename).is_relative_to(ROOT / "stages")]
        where = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "?"
        raise FuzzError(f"{type(error).__name__} at {where}: {error} in {what}") from error
    return ""


def check_files(folder: Path, done: list[str]) -> None:
    """Raise a FuzzError if a file holds a number that is none."""
    for path, text in texts(folder):
        found = NO_NUMBER.search(text)
        if found:
            around = text[max(0, found.start() - 80) : found.end() + 40]
            raise FuzzError(f"{path} holds {found[0]!r}: {around!r} after {done}")


def texts(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield every text that the stages wrote, pages without their tags and scripts."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or path.suffix not in {".json", ".csv", ".md", ".yaml", ".html"}:
            continue
        if path.is_relative_to(folder / "stages") or path.parent == folder:
            continue
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".html":
            text = re.sub(r"<(script|style)\b.*?</\1>", " ", text, flags=re.S)
        yield path.relative_to(folder), text


def model_of(seed: int) -> str:
    """Return the model of a run: of ten, one tries all families and one a family's extremes."""
    if seed % 10 == 5:
        return list(EXTREMES)[seed // 10 % len(EXTREMES)]
    return "auto" if seed % 10 == 0 else "usual"


def one_of_many(seed: int) -> str:
    """Run with the model of this seed; return how it ended, in a word or in its line."""
    with threadpool_limits(1):  # threads of small models wait for each other
        return run(seed, model=model_of(seed), monthly=seed % 4 == 3) or "ended well"


if __name__ == "__main__":
    sys.exit(fuzz(one_of_many, script=__file__, usual=200, unit="shops"))
