"""The offer catalogue: what may be offered to whom, checked on load."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, NonNegativeFloat, NonNegativeInt

from retention.core.columns import Columns
from retention.core.errors import InputError, clipped, one_of
from retention.core.params import Share
from retention.core.paths import OFFERS
from retention.core.rules import check_rule, refuse_lacking
from retention.core.validation import Section, no_table_word, validated
from retention.core.yaml_files import read_yaml

ANY = "any"

PLACEHOLDERS = (
    "favourite_category",
    "segment_category_popular",
    "segment_category_top",
    "segment_category_over",
)
"""What a text may leave open in braces; the top of offers.yaml explains each."""

_OPEN = re.compile(r"\{([^{}]*)\}")

Text = Annotated[str, Field(min_length=1)]
Code = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60), AfterValidator(no_table_word)
]


class Words(Section):
    """A text in the languages of the page."""

    ru: Annotated[Text, Field(max_length=5000)]
    en: Annotated[Text, Field(max_length=5000)]


class Offer(Section):
    """One offer; the keys are explained at the top of offers.yaml."""

    code: Code
    title: Words
    text: Words
    when: Text
    reason: Text
    channel: Literal["message", "on_site", "in_cart"]
    cost: NonNegativeFloat
    stock: NonNegativeInt | None = None
    effect: Share

    @property
    def placeholders(self) -> list[str]:
        """What the texts leave open, each once."""
        return sorted({*_OPEN.findall(self.text.ru), *_OPEN.findall(self.text.en)})


class Assumed(Section):
    """What measuring needs to know of an offer."""

    model_config = ConfigDict(extra="ignore")

    code: Code
    effect: Share


Entry = TypeVar("Entry", Offer, Assumed)


def fill(text: str, words: dict[str, str]) -> str:
    """Return a text with its placeholders filled; what is filled in is never read again."""
    return _OPEN.sub(lambda found: words[found[1]], text)


def load_offers(
    path: Path = OFFERS,
    *,
    columns: Columns,
    features: Collection[str],
    words: Mapping[str, Collection[str]] | None = None,
) -> list[Offer]:
    """Read and validate the catalogue, against the columns and features of a run.

    Parameters
    ----------
    path : Path
    columns : Columns
        The data dictionary of what the exports have.
    features : collection of str
        What an offer may answer.
    words : mapping, optional
        Words of the data in open columns, see :func:`retention.core.rules.check_rule`.

    Raises
    ------
    InputError
        One line that names the offer, the key, what was found and what is valid.
    """
    offers = read_offers(path)
    for offer in offers:
        place = f"{path}: {offer.code}"
        check_rule(offer.when, columns=columns, place=f"{place}.when", words=words)
        refuse_lacking(offer.reason, columns=columns, place=f"{place}.reason")
        if offer.reason != ANY and offer.reason not in features:
            raise InputError(
                f"{place}.reason: unknown feature {clipped(offer.reason)}; "
                f"valid: {ANY}, {one_of(sorted(features))}"
            )
    return offers


def read_offers(path: Path = OFFERS) -> list[Offer]:
    """Read the catalogue: keys, types, codes and texts; an empty one has no offers.

    Raises
    ------
    InputError
        One line that names the offer, the key, what was found and what is valid.
    """
    offers = _entries(path, Offer)
    for offer in offers:
        _check_texts(offer, f"{path}: {offer.code}")
    return offers


def assumed_effects(path: Path = OFFERS) -> dict[str, float]:
    """Return each offer's effect by its code, whatever else the catalogue says of it.

    Raises
    ------
    InputError
        As :func:`read_offers`, of the code and the effect alone.
    """
    return {offer.code: offer.effect for offer in _entries(path, Assumed)}


def _entries(path: Path, model: type[Entry]) -> list[Entry]:
    content = read_yaml(path)
    if content is not None and not isinstance(content, list):
        raise InputError(f"{path} is no list of offers; each begins with '- code:'")
    found: dict[str, Entry] = {}
    for number, entry in enumerate(content or [], start=1):
        code = entry.get("code") if isinstance(entry, dict) else None
        name = clipped(code) if code and isinstance(code, str) else f"offer {number}"
        offer = validated(entry, model, place=f"{path}: {name}")
        if offer.code in found:
            raise InputError(f"{path}: {name}: the code stands twice; every offer needs its own")
        found[offer.code] = offer
    return list(found.values())


def _check_texts(offer: Offer, place: str) -> None:
    for key in ("title", "text"):
        for language in ("ru", "en"):
            written = getattr(getattr(offer, key), language)
            where = f"{place}.{key}.{language}"
            if not written.strip():
                raise InputError(f"{where} is blank; write what the customer reads")
            found = _OPEN.findall(written)
            valid = PLACEHOLDERS if key == "text" else ()
            unknown = [name for name in found if name not in valid]
            if unknown and key == "title":
                raise InputError(
                    f"{where}: a title has no placeholders; found {{{clipped(unknown[0])}}}"
                )
            if unknown:
                known = one_of(f"{{{name}}}" for name in valid)
                raise InputError(
                    f"{where}: unknown placeholder {{{clipped(unknown[0])}}}; valid: {known}"
                )
            if re.search("[{}]", _OPEN.sub("", written)):
                raise InputError(f"{where}: a brace stands alone; write {{favourite_category}}")
