"""Measure: what did the campaign do?

Reads the answers that the CRM returns (customer_id and drop or revenue in the three months after),
the list that was sent and every customer's risk and profit (each as .parquet, or as the .csv that
people open, in any dialect); prints a report and writes it
(measured.md, measured.json) and offers_measured.yaml, which is offers.yaml with measured effects,
into a folder. Run by hand, once the three months are over; then, if the difference is approved,
``cp data/measured/offers_measured.yaml offers.yaml``.
"""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from retention.campaign.offers import assumed_effects
from retention.core import paths
from retention.core.columns import load_columns
from retention.core.errors import InputError
from retention.core.files import atomic, clear_leftovers, made, write_json
from retention.core.params import load_params
from retention.core.running import stage
from retention.core.value_at_risk import profit_at_stake
from retention.core.vocabulary import IDENTITY, LABEL
from retention.data.id_forms import refuse_other_spellings
from retention.data.matching import match
from retention.measurement.ab_test import check_split, missing_p
from retention.measurement.catalogue_update import effects_to_use, with_effects
from retention.measurement.groups import effects, in_arms, means_in_arms, money_of
from retention.measurement.inputs import OUTCOMES, read_customers, read_list, read_responses
from retention.measurement.markdown import as_markdown


def on_list(answers: pd.DataFrame, listed: pd.DataFrame) -> np.ndarray:
    """Tell which answers are of customers of the list."""
    known = pd.Index(listed[IDENTITY].astype(object))
    return known.get_indexer(answers[IDENTITY].astype(object)) >= 0


def joined(listed: pd.DataFrame, customers: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """Return the list with risk, profit and outcome of each customer."""
    table = listed.merge(customers.drop_duplicates(IDENTITY), on=IDENTITY, how="left")
    if table["risk"].isna().any():
        who = table.loc[table["risk"].isna(), IDENTITY].iloc[0]
        raise InputError(f"customer {who} of the list has no risk; list and customers must be of "
                         "one run")  # fmt: skip
    if table["treated"].nunique() < 2:
        raise InputError(
            "all of the list are of one arm; without the other nothing can be compared"
        )
    if not on_list(answers, listed).any():
        raise InputError("no customer of the answers is on the list; are both of one campaign?")
    return table.merge(answers, on=IDENTITY, how="left")


def write_text(text: str, path: Path) -> None:
    """Write a text file whole or not at all."""
    with atomic(path) as scratch:
        scratch.write_text(text, encoding="utf-8")


@stage
def main() -> None:
    """Check the answers, measure the effects, say what they are."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--responses", type=Path, required=True, help="what the CRM returned")
    parser.add_argument(
        "--list",
        type=Path,
        default=paths.CAMPAIGN_LIST,
        help=f"that was sent (default {paths.CAMPAIGN_LIST})",
    )
    parser.add_argument(
        "--customers", type=Path, default=paths.CUSTOMERS, help="with risk and profit"
    )
    parser.add_argument(
        "--out", type=Path, default=paths.MEASURED, help=f"folder (default {paths.MEASURED})"
    )
    options = parser.parse_args()
    campaign = load_params().campaign
    listed = read_list(options.list)
    answers, repeated = read_responses(options.responses, columns=load_columns())
    customers = read_customers(options.customers)
    for path, others in ((options.responses, answers), (options.customers, customers)):
        files = {str(options.list): listed[IDENTITY], str(path): others[IDENTITY]}
        refuse_other_spellings(files)
    split = check_split(listed, campaign.control_share, who="the list")
    table = joined(listed, customers, answers)
    strange = answers[~on_list(answers, listed)]
    content: dict[str, Any] = {
        "arms": {"listed": in_arms(table, table[IDENTITY].notna())},
        "missing_p": {},
        "matched": asdict(match("The answers", answers[IDENTITY], listed[IDENTITY])),
        "not_on_list": len(strange),
        "not_on_list_example": strange[IDENTITY].iloc[0] if len(strange) else None,
        "repeated_rows": repeated,
    } | dict.fromkeys((*OUTCOMES, "money"))
    content["arms"]["mean_risk"] = means_in_arms(table, "risk")
    outcomes = [name for name in OUTCOMES if name in answers and table[name].notna().any()]
    if not outcomes:
        raise InputError(f"{options.responses} has no outcome of any customer of the list")
    for name in outcomes:
        known = in_arms(table, table[name].notna())
        lost = in_arms(table, table[name].isna())
        check_split(
            table[table[name].notna()], campaign.control_share, who=f"those of known {name}"
        )
        content["arms"][f"{name}_known"] = known
        content["missing_p"][name] = missing_p(lost, content["arms"]["listed"])
        content[name] = effects(table, name)
    content["split"] = {
        "control_share": campaign.control_share,
        "p": split.pop(""),
        "least_segment_p": min(split.values(), default=1.0),
    }
    content["offers"] = {}
    if content[LABEL]:
        stake = profit_at_stake(table, months=campaign.horizon_months, lost=campaign.share_lost)
        content["money"] = money_of(table, stake=stake)
        content["arms"]["drop_share"] = means_in_arms(table, LABEL)
        assumed = assumed_effects(paths.OFFERS)
        content["offers"] = effects_to_use(table[table[LABEL].notna()], assumed)
    report = as_markdown(content)
    write_json(content, options.out / "measured.json")
    write_text(report + "\n", options.out / "measured.md")
    clear_leftovers(options.out)
    catalogue = options.out / "offers_measured.yaml"
    catalogue.unlink(missing_ok=True)
    if content["offers"]:
        text = made(paths.OFFERS).read_text(encoding="utf-8")
        write_text(with_effects(text, content["offers"], place=str(paths.OFFERS)), catalogue)
    print(report)


if __name__ == "__main__":
    main()
