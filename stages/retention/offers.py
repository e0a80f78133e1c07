"""The offer catalogue: what may be offered to whom, checked on load."""

import re
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt

from retention.errors import InputError, one_of
from retention.params import Section, Share, validated
from retention.rules import check_rule
from retention.yaml_files import read_yaml

OFFERS = Path("offers.yaml")
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


class Words(Section):
    """A text in the languages of the page."""

    ru: Text
    en: Text


class Offer(Section):
    """One offer; the keys are explained at the top of offers.yaml."""

    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
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


def fill(text: str, words: dict[str, str]) -> str:
    """Return a text with its placeholders filled; what is filled in is never read again."""
    return _OPEN.sub(lambda found: words[found[1]], text)


def load_offers(
    path: Path = OFFERS, *, columns: Collection[str], features: Collection[str]
) -> list[Offer]:
    """Read and validate the catalogue.

    Parameters
    ----------
    path : Path
    columns : collection of str
        What a rule may speak of.
    features : collection of str
        What an offer may answer.

    Raises
    ------
    InputError
        One line that names the offer, the key, what was found and what is valid.
    """
    content = read_yaml(path) or []
    if not isinstance(content, list):
        raise InputError(f"{path} is no list of offers; each begins with '- code:'")
    offers: list[Offer] = []
    seen: set[str] = set()
    for number, entry in enumerate(content, start=1):
        code = entry.get("code") if isinstance(entry, dict) else None
        offer = validated(entry, Offer, place=f"{path}: {code or f'offer {number}'}")
        offers.append(offer)
        place = f"{path}: {offer.code}"
        if offer.code in seen:
            raise InputError(f"{place}: the code stands twice; every offer needs its own")
        seen.add(offer.code)
        check_rule(offer.when, columns, place=f"{place}.when")
        _check_texts(offer, place)
        if offer.reason != ANY and offer.reason not in features:
            raise InputError(
                f"{place}.reason: unknown feature {offer.reason}; "
                f"valid: {ANY}, {one_of(sorted(features))}"
            )
    return offers


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
                raise InputError(f"{where}: a title has no placeholders; found {{{unknown[0]}}}")
            if unknown:
                known = one_of(f"{{{name}}}" for name in valid)
                raise InputError(f"{where}: unknown placeholder {{{unknown[0]}}}; valid: {known}")
            if re.search("[{}]", _OPEN.sub("", written)):
                raise InputError(f"{where}: a brace stands alone; write {{favourite_category}}")
