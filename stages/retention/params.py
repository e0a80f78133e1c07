"""params.yaml, validated on load: types, ranges, and no key that nobody reads.

PyYAML reads ``1e-05`` as text (its rule for floats asks for a point); the types here turn it
into the number it is, so that ``dvc exp run -S models.logistic.C=1e-5`` works.
"""

import datetime
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import (
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

from retention.errors import InputError, one_of

Model = TypeVar("Model")

PARAMS = Path("params.yaml")


Share = Annotated[float, Field(ge=0, le=1)]
OpenShare = Annotated[float, Field(gt=0, lt=1)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
AtLeastTwo = Annotated[int, Field(ge=2)]


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
        """YAML's yes, no, true and false would count as 1 and 0 where a number is due."""
        if isinstance(value, bool) and cls.model_fields[info.field_name].annotation is not bool:
            raise ValueError("input should not be a switch (true, false, yes, no)")
        return value


class Data(Section):
    dir: Annotated[str, Field(min_length=1)]
    as_of: datetime.date


class Simulate(Section):
    customers: Annotated[int, Field(ge=60, le=10_000_000)]
    unlabelled: Annotated[float, Field(ge=0, le=0.9)]
    seed: Seed


class Prepare(Section):
    max_quarantined: Share
    regular_only: bool
    entry_error_distance: PositiveFloat
    zero_minutes: Literal["keep", "missing", "set_aside"]
    incomplete: Literal["keep", "set_aside"]
    misspellings: dict[str, dict[str, str]]


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


class Grid(Section):
    risk: Cuts
    profit: Cuts


class Discover(Section):
    rules: Annotated[int, Field(ge=1, le=50)]
    comparisons: Annotated[int, Field(ge=1, le=3)]
    error_rate: OpenShare
    max_rows: Annotated[int, Field(ge=200)]
    seed: Seed


class Segment(Section):
    grid: Grid
    rules: Annotated[dict[str, str], Field(min_length=1)]
    least: Annotated[int, Field(ge=2)]
    level: OpenShare
    discover: Discover


class Campaign(Section):
    date: datetime.date
    valid_days: PositiveInt
    budget: NonNegativeFloat | None
    suppression: Annotated[str, Field(min_length=1)]
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
    """Read and validate the params.

    Raises
    ------
    InputError
        One line that names the file, the key, what was found and what is valid.
    """
    return validated(read_yaml(path), Params, place=str(path))


def read_yaml(path: Path | str) -> Any:
    """Read a YAML file; a file that is missing or no YAML is an :class:`InputError`."""
    path = Path(path)
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} is missing; run from the project's folder") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text; save it as UTF-8") from None
    except ValueError as error:
        raise InputError(f'{path}: {error}; dates are written as "YYYY-MM-DD"') from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise InputError(f"{path}{where}: not valid YAML ({problem})") from None


def validated(content: Any, model: type[Model], *, place: str) -> Model:
    """Return `content` as `model`; the first fault is raised as an :class:`InputError`."""
    try:
        return TypeAdapter(model).validate_python(content)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise InputError(f"{place}: {_sentence(faults[0], model)}{more}") from None


def _sentence(fault: Mapping[str, Any], model: Any) -> str:
    steps = [str(step) for step in fault["loc"] if not isinstance(step, int)]
    key = ".".join(steps) or "the file"
    if fault["type"] == "extra_forbidden":
        valid = _fields(model, steps[:-1])
        return f"unknown key {key}; valid keys here: {one_of(valid)}"
    if fault["type"] == "missing":
        return f"key {key} is missing"
    message = re.sub(r" or instance of \w+", "", fault["msg"].removeprefix("Value error, "))
    return f"{key} is {fault['input']!r}; {message[0].lower()}{message[1:]}"


def _fields(model: Any, steps: list[str]) -> list[str]:
    for step in steps:
        field = model.model_fields.get(step) if hasattr(model, "model_fields") else None
        if field is None:
            return ["see the comments of the file"]
        model = field.annotation
    return list(getattr(model, "model_fields", {}))
