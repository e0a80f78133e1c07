"""Write what was measured: the page to read, its figures, the catalogue as it is proposed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from retention.core.atomic import clear_leftovers
from retention.core.files import made, write_json, write_text
from retention.measurement.catalogue_update import with_effects


class Measured(Protocol):
    """A campaign measured, alone or with others."""

    @property
    def content(self) -> dict[str, Any]:
        """All of it in figures."""

    @property
    def offers(self) -> Mapping[str, Mapping[str, Any]]:
        """The effects for the next campaign, by offer; empty where nothing can be told."""

    @property
    def report(self) -> str:
        """What there is to read, in Markdown."""


def write_measured(found: Measured, folder: Path, offers: Path) -> None:
    """Write measured.json, measured.md and, where an effect is proposed, offers_measured.yaml.

    Parameters
    ----------
    found : Measured
    folder : Path
        A proposal that an earlier measurement left there is removed.
    offers : Path
        The catalogue of today, of which the proposal is a copy with other effects.
    """
    proposed = folder / "offers_measured.yaml"
    text = None
    if found.offers:
        text = with_effects(made(offers).read_text("utf-8"), found.offers, place=str(offers))
    write_json(found.content, folder / "measured.json")
    write_text(found.report + "\n", folder / "measured.md")
    clear_leftovers(folder)
    proposed.unlink(missing_ok=True)
    if text is not None:
        write_text(text, proposed)
