"""params.yaml, validated on load: types, ranges, and no key that nobody reads."""

import datetime
import math
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationInfo,
)

from retention.core.cells import folded_name
from retention.core.columns import Columns
from retention.core.errors import clipped, one_of
from retention.core.kept_campaigns import FOLDER_NAME
from retention.core.paths import PARAMS
from retention.core.rule_grammar import parse
from retention.core.rule_values import RANKED
from retention.core.rules import check_rule
from retention.core.validation import Section, no_table_word, validated
from retention.core.vocabulary import REST
from retention.core.yaml_files import read_yaml

Share = Annotated[float, Field(ge=0, le=1)]
OpenShare = Annotated[float, Field(gt=0, lt=1)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
AtLeastTwo = Annotated[int, Field(ge=2)]


def _day(value: Any) -> Any:
    """A number is no day, though pydantic would count seconds from 1970."""
    is_day = isinstance(value, datetime.date) and not isinstance(value, datetime.datetime)
    if is_day or (isinstance(value, str) and re.fullmatch(r"[12]\d{3}-\d\d-\d\d", value)):
        return value
    raise ValueError('input should be a day as "YYYY-MM-DD"')


def _of_our_time(day: datetime.date) -> datetime.date:
    if not 2000 <= day.year < 2100:
        raise ValueError("input should be a day from 2000 to 2099")
    return day


Day = Annotated[datetime.date, BeforeValidator(_day), AfterValidator(_of_our_time)]


def _listed(value: Any) -> Any:
    """A knob is a scalar (fixed) or a list (searched); the code sees a list."""
    return value if isinstance(value, list) else [value]


def _knob(kind: Any) -> Any:
    return Annotated[list[kind], BeforeValidator(_listed), Field(min_length=1)]


PositiveKnob = _knob(PositiveFloat)
NonNegativeKnob = _knob(NonNegativeFloat)
ShareKnob = _knob(Share)
PartKnob = _knob(Annotated[float, Field(gt=0, le=1)])
CountKnob = _knob(PositiveInt)
LeavesKnob = _knob(AtLeastTwo)
WeightsKnob = _knob(Literal["uniform", "distance"])


class Data(Section):
    dir: Annotated[str, Field(min_length=1)]
    as_of: Day | None


class Simulate(Section):
    customers: Annotated[int, Field(ge=60, le=10_000_000)]
    unlabelled: Annotated[float, Field(ge=0, le=0.9)]
    months: Annotated[int, Field(ge=1, le=120)]
    season: Annotated[float, Field(ge=0, le=0.9)]
    drift: Annotated[float, Field(ge=-0.1, le=0.1)]
    seed: Seed


def _columns(info: ValidationInfo) -> Columns | None:
    """Return the data dictionary that the params are checked against, if there is one."""
    return (info.context or {}).get("columns")


def _of_the_export(
    value: dict[str, dict[str, str]], info: ValidationInfo
) -> dict[str, dict[str, str]]:
    """Refuse misspellings of a column or towards a word that the export does not have.

    A valid word is no misspelling: a pair written the wrong way round would turn no into yes.
    """
    columns = _columns(info)
    if columns is None:
        return value
    for name, mended in value.items():
        if name in columns.lacking:
            continue
        if name not in columns.exported:
            raise ValueError(f"unknown column {clipped(name)}; valid: {one_of(columns.exported)}")
        words = columns.exported[name]
        known = {folded_name(way): word for way, word in columns.other_words(name).items()}
        known |= {folded_name(word): word for word in words}
        for written, meant in mended.items():
            if not written.strip() or known.get(folded_name(written), meant) != meant:
                raise ValueError(
                    f"{name}: {clipped(written) or 'nothing'} has a meaning of its own and cannot "
                    f"be a misspelling of {clipped(meant)}"
                )
        wrong = [word for word in mended.values() if word not in words]
        if wrong and name not in columns.open:
            raise ValueError(f"{name} can never be {clipped(wrong[0])}; valid: {one_of(words)}")
    return value


class Prepare(Section):
    part_rows: Annotated[int, Field(ge=10)]
    max_quarantined: Share
    least_matched: Share
    least_staying: Share
    regular_only: bool
    entry_error_distance: PositiveFloat
    zero_minutes: Literal["keep", "missing", "set_aside"]
    incomplete: Literal["keep", "set_aside"]
    misspellings: Annotated[dict[str, dict[str, str]], AfterValidator(_of_the_export)]


class Label(Section):
    horizon_months: Annotated[int, Field(ge=1, le=12)]
    base_months: Annotated[int, Field(ge=1, le=12)]
    drop_below: OpenShare
    absent: Literal["zero", "unknown"]


class Features(Section):
    test_share: Annotated[float, Field(ge=0.05, le=0.5)]
    seed: Seed
    use_profit: bool
    least_drift: Share
    sample: Annotated[int, Field(ge=100)]


class Scoring(Section):
    model: Annotated[str, Field(min_length=1)]


_FamilyName = Literal[
    "logistic", "tree", "knn", "svc", "forest", "extra_trees", "boosting", "blend"
]


class Train(Section):
    model: Literal["auto", _FamilyName]
    families: Annotated[list[_FamilyName], Field(min_length=1)]
    folds: Annotated[int, Field(ge=2, le=20)]
    repeats: Annotated[int, Field(ge=1, le=20)]
    comparisons: Annotated[int, Field(ge=1, le=20)]
    candidates: PositiveInt
    search_rows: Annotated[int, Field(ge=200)]
    max_rows: Annotated[int, Field(ge=200)]
    seed: Seed
    jobs: PositiveInt


class Logistic(Section):
    C: PositiveKnob
    l1_ratio: ShareKnob


class Tree(Section):
    max_depth: CountKnob
    min_samples_leaf: CountKnob


class Knn(Section):
    n_neighbors: CountKnob
    p: _knob(Annotated[float, Field(ge=1)])
    weights: WeightsKnob


class Svc(Section):
    C: PositiveKnob
    gamma: PositiveKnob


class Trees(Section):
    n_estimators: CountKnob
    min_samples_leaf: CountKnob
    max_features: PartKnob


class Boosting(Section):
    learning_rate: PositiveKnob
    max_iter: CountKnob
    max_leaf_nodes: LeavesKnob
    min_samples_leaf: CountKnob
    l2_regularization: NonNegativeKnob


class BlendOf(Section):
    members: Annotated[int, Field(ge=2, le=4)]


class Models(Section):
    logistic: Logistic
    tree: Tree
    knn: Knn
    svc: Svc
    forest: Trees
    extra_trees: Trees
    boosting: Boosting
    blend: BlendOf


class Grade(Section):
    chance_margin: Share
    clear_margin: Share
    slope_low: OpenShare
    slope_high: Annotated[float, Field(gt=1)]
    shift_most: PositiveFloat


class Evaluate(Section):
    grade: Grade
    alarm_level: OpenShare
    oldest_model: PositiveInt
    min_slice: Annotated[int, Field(ge=10)]
    bootstrap: Annotated[int, Field(ge=100, le=100_000)]
    level: OpenShare
    seed: Seed


class Explain(Section):
    background: Annotated[int, Field(ge=5, le=1000)]
    evaluations: Annotated[int, Field(ge=1000)]
    max_evaluations: PositiveInt
    max_rows: Annotated[int, Field(ge=100)]
    sample: Annotated[int, Field(ge=100)]
    answered: Annotated[int, Field(ge=100)]
    least_reason: Annotated[float, Field(ge=0, le=10)]
    level: OpenShare
    seed: Seed


def _two_in_order(value: Any) -> Any:
    """Cut points are the word or two finite numbers that rise."""
    if value == "quantiles":
        return value
    wrong = ValueError("input should be quantiles or a list of two numbers, the smaller first")
    if not isinstance(value, list) or len(value) != 2:
        raise wrong
    try:
        low, high = (float(end) for end in value if not isinstance(end, bool))
    except (TypeError, ValueError):
        raise wrong from None
    if not -math.inf < low < high < math.inf:
        raise wrong
    return low, high


_Cuts = Annotated[Any, BeforeValidator(_two_in_order)]


_NAME = re.compile(r"[^\W\d][\w-]*")


def _segment_name(name: str, info: ValidationInfo) -> str:
    if not _NAME.fullmatch(name) or len(name) > 60:
        raise ValueError("a segment's name has letters, digits, _ and -, 60 at most, no spaces")
    columns = _columns(info)
    if name.casefold() in {REST, *RANKED, *(columns.by_name if columns else ())}:
        raise ValueError("the name is taken, by a column or by those in no segment")
    return no_table_word(name)


def _risks(value: Any) -> Any:
    if value != "quantiles" and not 0 <= value[0] < value[1] <= 1:
        raise ValueError("the risk is cut at two numbers from 0 to 1, such as [0.3, 0.6]")
    return value


class Grid(Section):
    risk: Annotated[_Cuts, AfterValidator(_risks)]
    profit: _Cuts


class Discover(Section):
    rules: Annotated[int, Field(ge=1, le=50)]
    comparisons: Annotated[int, Field(ge=1, le=3)]
    error_rate: OpenShare
    max_rows: Annotated[int, Field(ge=200)]
    seed: Seed


class Segment(Section):
    grid: Grid
    rules: Annotated[dict[Annotated[str, AfterValidator(_segment_name)], str], Field(min_length=1)]
    least: Annotated[int, Field(ge=2)]
    level: OpenShare
    discover: Discover


def _folder_name(name: str) -> str:
    if not FOLDER_NAME.fullmatch(name):
        raise ValueError("use letters, digits, - and _, at most 60; the first a letter or a digit")
    return name


class Campaign(Section):
    name: Annotated[str, AfterValidator(_folder_name)]
    date: Day | None
    valid_days: Annotated[int, Field(ge=1, le=3650)]
    budget: NonNegativeFloat | None
    suppression: Annotated[str, Field(min_length=1)]
    strangers_suppressed: bool
    contacts: Annotated[str, Field(min_length=1)] | None
    mailing: Literal["sendsay", "unisender", "mindbox"]
    language: Literal["ru", "en"]
    spreadsheet: Literal["ru", "en"]
    contact_cap: NonNegativeInt
    rest_days: Annotated[int, Field(ge=0, le=3650)]
    least_risk: Share | None
    least_gain: NonNegativeFloat
    most_drift: Share | None
    control_share: Annotated[float, Field(ge=0, lt=1)]
    seed: Seed
    global_control_share: Annotated[float, Field(ge=0, lt=1)]
    global_seed: Seed
    profit_unit: Annotated[str, Field(min_length=1)]
    horizon_months: PositiveFloat
    share_lost: Share


class Params(Section):
    data: Data
    simulate: Simulate
    prepare: Prepare
    label: Label
    features: Features
    train: Train
    models: Models
    score: Scoring
    evaluate: Evaluate
    explain: Explain
    segment: Segment
    campaign: Campaign


def load_params(path: Path | str = PARAMS, *, columns: Columns | None = None) -> Params:
    """Read and validate the params, the rules of the segments too.

    Parameters
    ----------
    path : Path or str
    columns : Columns, optional
        The data dictionary; without it nothing is said of the columns and words that rules and
        misspellings name.

    Raises
    ------
    InputError
        One line that names the file, the key, what was found and what is valid.
    """
    params = validated(
        read_yaml(path), Params, place=str(path), whole="the file", context={"columns": columns}
    )
    for name, rule in params.segment.rules.items():
        place = f"{path}: segment.rules.{name}"
        if columns is None:
            parse(rule, None, place=place)
        else:
            check_rule(rule, columns=columns, place=place)
    return params
