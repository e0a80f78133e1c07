"""params.yaml, validated on load: types, ranges, and no key that nobody reads."""

import datetime
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from retention.core.cells import folded_name
from retention.core.errors import InputError, clipped, one_of, shown
from retention.core.paths import PARAMS
from retention.core.rule_values import RULED
from retention.core.rules import check_rule
from retention.core.vocabulary import BY_NAME, COLUMNS, OPEN, REST, other_names
from retention.core.yaml_files import read_yaml

Model = TypeVar("Model")


Share = Annotated[float, Field(ge=0, le=1)]
OpenShare = Annotated[float, Field(gt=0, lt=1)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
AtLeastTwo = Annotated[int, Field(ge=2)]

LARGEST = 1e12
"""Size of a number at most: beyond it sums of money would no longer be exact."""
_UNPRINTED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters, and those that turn the direction of what follows."""


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


class Section(BaseModel):
    """A part of params.yaml; an unknown key is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_switch(cls, value: Any, info: ValidationInfo) -> Any:
        """YAML's true and false would count as 1 and 0 where a number is due."""
        if isinstance(value, bool) and cls.model_fields[info.field_name].annotation is not bool:
            raise ValueError("input should not be a switch (true, false); quote it if it is text")
        if isinstance(value, str) and (found := _UNPRINTED.search(value)):
            raise ValueError(f"input should not hold the character U+{ord(found[0]):04X}")
        return value

    @field_validator("*")
    @classmethod
    def _no_endless_number(cls, value: Any) -> Any:
        for one in value if isinstance(value, list | tuple) else (value,):
            if isinstance(one, int | float) and abs(one) > LARGEST:
                raise ValueError(f"numbers reach from {-LARGEST:g} to {LARGEST:g}")
        return value


class Data(Section):
    dir: Annotated[str, Field(min_length=1)]
    as_of: Day


class Simulate(Section):
    customers: Annotated[int, Field(ge=60, le=10_000_000)]
    unlabelled: Annotated[float, Field(ge=0, le=0.9)]
    seed: Seed


def _of_the_export(value: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Refuse misspellings of a column or towards a word that the export does not have.

    A valid word is no misspelling: a pair written the wrong way round would turn no into yes.
    """
    words = {one.name: [word for word, _ in one.values] for one in COLUMNS if one.values}
    words["period"] = list(dict.fromkeys(one.period for one in COLUMNS if one.period))
    for name, mended in value.items():
        if name not in words:
            raise ValueError(f"unknown column {clipped(name)}; valid: {one_of(words)}")
        known = {folded_name(way): word for way, word in other_names(name).items()}
        known |= {folded_name(word): word for word in words[name]}
        for written, meant in mended.items():
            if not written.strip() or known.get(folded_name(written), meant) != meant:
                raise ValueError(
                    f"{name}: {clipped(written) or 'nothing'} has a meaning of its own and cannot "
                    f"be a misspelling of {clipped(meant)}"
                )
        wrong = [word for word in mended.values() if word not in words[name]]
        if wrong and name not in OPEN:
            raise ValueError(
                f"{name} can never be {clipped(wrong[0])}; valid: {one_of(words[name])}"
            )
    return value


class Prepare(Section):
    max_quarantined: Share
    least_matched: Share
    regular_only: bool
    entry_error_distance: PositiveFloat
    zero_minutes: Literal["keep", "missing", "set_aside"]
    incomplete: Literal["keep", "set_aside"]
    misspellings: Annotated[dict[str, dict[str, str]], AfterValidator(_of_the_export)]


class Features(Section):
    test_share: Annotated[float, Field(ge=0.05, le=0.5)]
    seed: Seed
    use_profit: bool
    sample: Annotated[int, Field(ge=100)]


Family = Literal["logistic", "tree", "knn", "svc", "forest", "extra_trees", "boosting", "blend"]


class Train(Section):
    model: Literal["auto", Family]
    families: Annotated[list[Family], Field(min_length=1)]
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
    slope_low: PositiveFloat
    slope_high: PositiveFloat


class Evaluate(Section):
    grade: Grade
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
    bootstrap: Annotated[int, Field(ge=100, le=100_000)]
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


Cuts = Annotated[Any, BeforeValidator(_two_in_order)]


TABLE_WORDS = frozenset(("na", "nan", "null", "none", "true", "false", "inf", "infinity"))
"""Words that a program which reads a table takes for something else than a name."""
_NAME = re.compile(r"[^\W\d][\w-]*")


def no_table_word(name: str) -> str:
    """Refuse a name that would be lost in a table."""
    if name.casefold() in TABLE_WORDS:
        raise ValueError(f"a table would not keep {name} as a name; choose another")
    return name


def _segment_name(name: str) -> str:
    if not _NAME.fullmatch(name) or len(name) > 60:
        raise ValueError("a segment's name has letters, digits, _ and -, 60 at most, no spaces")
    if name.casefold() in {REST, *BY_NAME, *RULED}:
        raise ValueError("the name is taken, by a column or by those in no segment")
    return no_table_word(name)


def _risks(value: Any) -> Any:
    if value != "quantiles" and not 0 <= value[0] < value[1] <= 1:
        raise ValueError("the risk is cut at two numbers from 0 to 1, such as [0.3, 0.6]")
    return value


class Grid(Section):
    risk: Annotated[Cuts, AfterValidator(_risks)]
    profit: Cuts


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


class Campaign(Section):
    date: Day
    valid_days: Annotated[int, Field(ge=1, le=3650)]
    budget: NonNegativeFloat | None
    suppression: Annotated[str, Field(min_length=1)]
    strangers_suppressed: bool
    spreadsheet: Literal["ru", "en"]
    contact_cap: NonNegativeInt
    control_share: Annotated[float, Field(ge=0, lt=1)]
    seed: Seed
    profit_unit: Annotated[str, Field(min_length=1)]
    horizon_months: PositiveFloat
    share_lost: Share


class Params(Section):
    data: Data
    simulate: Simulate
    prepare: Prepare
    features: Features
    train: Train
    models: Models
    evaluate: Evaluate
    explain: Explain
    segment: Segment
    campaign: Campaign


def load_params(path: Path | str = PARAMS) -> Params:
    """Read and validate the params, the rules of the segments too.

    Raises
    ------
    InputError
        One line that names the file, the key, what was found and what is valid.
    """
    params = validated(read_yaml(path), Params, place=str(path))
    for name, rule in params.segment.rules.items():
        check_rule(rule, RULED, place=f"{path}: segment.rules.{name}")
    return params


def validated(content: Any, model: type[Model], *, place: str) -> Model:
    """Return `content` as `model`; the first fault is raised as an :class:`InputError`."""
    try:
        return TypeAdapter(model).validate_python(content)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise InputError(f"{place}: {_sentence(faults[0], model)}{more}") from None


def _sentence(fault: Mapping[str, Any], model: Any) -> str:
    steps = [str(step) for step in fault["loc"] if not isinstance(step, int) and step != "[key]"]
    key = ".".join(clipped(step) for step in steps) or ("the file" if model is Params else "it")
    if fault["type"] == "extra_forbidden":
        valid = _fields(model, steps[:-1])
        return f"unknown key {key}; valid keys here: {one_of(valid)}"
    if fault["type"] == "missing":
        return f"key {key} is missing"
    if fault["type"] == "invalid_key":
        return f"the key {shown(fault['loc'][-1])} is no text; quote it if it is meant"
    message = re.sub(r" or instance of \w+", "", fault["msg"].removeprefix("Value error, "))
    found = fault["input"]
    if fault["type"] == "string_type" and isinstance(found, bool | int | float | datetime.date):
        message += "; quote it if it is text"
    return f"{key} is {shown(found)}; {message[0].lower()}{message[1:]}"


def _fields(model: Any, steps: list[str]) -> list[str]:
    for step in steps:
        field = model.model_fields.get(step) if hasattr(model, "model_fields") else None
        if field is None:
            return ["see the comments of the file"]
        model = field.annotation
    return list(getattr(model, "model_fields", {}))
