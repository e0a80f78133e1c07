"""What a person writes into YAML, validated: types, ranges, and no key that nobody reads."""

import datetime
import re
from collections.abc import Mapping
from typing import Any, TypeVar, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from retention.core.errors import InputError, clipped, one_of, shown

Model = TypeVar("Model")

LARGEST = 1e12
"""Size of a number at most: beyond it sums of money would no longer be exact."""
_UNPRINTED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters, and those that turn the direction of what follows."""


class Section(BaseModel):
    """A part of a file; an unknown key is refused."""

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


TABLE_WORDS = frozenset(("na", "nan", "null", "none", "true", "false", "inf", "infinity"))
"""Words that a program which reads a table takes for something else than a name."""


def no_table_word(name: str) -> str:
    """Refuse a name that would be lost in a table."""
    if name.casefold() in TABLE_WORDS:
        raise ValueError(f"a table would not keep {name} as a name; choose another")
    return name


def validated(
    content: Any,
    model: type[Model],
    *,
    place: str,
    whole: str = "it",
    context: Mapping[str, Any] | None = None,
) -> Model:
    """Return `content` as `model`; the first fault is raised as an :class:`InputError`.

    Parameters
    ----------
    content : object
        As YAML gives it.
    model : type
    place : str
        The file, or the part of it, for the message.
    whole : str
        What the message calls the content where no key of it is at fault.
    context : mapping, optional
        What validators may look at beside the content.
    """
    try:
        return TypeAdapter(model).validate_python(content, context=context)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise InputError(f"{place}: {_sentence(faults[0], model, whole)}{more}") from None


def _sentence(fault: Mapping[str, Any], model: Any, whole: str) -> str:
    steps = [str(step) for step in fault["loc"] if not isinstance(step, int) and step != "[key]"]
    key = ".".join(clipped(step) for step in steps) or whole
    if fault["type"] == "extra_forbidden":
        valid = _fields(model, steps[:-1])
        return f"unknown key {key}; valid keys here: {one_of(valid)}"
    if fault["type"] == "missing":
        return f"key {key} is missing"
    if fault["type"] == "invalid_key":
        return f"the key {shown(fault['loc'][-1])} is no text; quote it if it is meant"
    if fault["type"] == "string_type" and fault["loc"][-1] == "[key]":
        return f"the key {shown(fault['input'])} of {key} is no text; quote it if it is meant"
    message = re.sub(r" or instance of \w+", "", fault["msg"].removeprefix("Value error, "))
    found = fault["input"]
    if fault["type"] == "string_type" and isinstance(found, bool | int | float | datetime.date):
        message += "; quote it if it is text"
    return f"{key} is {shown(found)}; {message[0].lower()}{message[1:]}"


def _fields(model: Any, steps: list[str]) -> list[str]:
    for step in steps:
        if get_origin(model) is dict:
            model = get_args(model)[1]
            continue
        field = model.model_fields.get(step) if hasattr(model, "model_fields") else None
        if field is None:
            return ["see the comments of the file"]
        model = _not_none(field.annotation)
    return list(getattr(model, "model_fields", {}))


def _not_none(annotation: Any) -> Any:
    """Return the one kind of value that may stand where null may stand too."""
    kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
    return kinds[0] if type(None) in get_args(annotation) and len(kinds) == 1 else annotation
