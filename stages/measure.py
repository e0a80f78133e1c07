"""Measure: what did the campaign do?

Reads the answers that the CRM returns (customer_id and drop or revenue in the three months after),
the list that was sent and every customer's risk and profit (each as .parquet, or as the .csv that
people open, in any dialect); prints a report and writes it
(measured.md, measured.json) and offers_measured.yaml, which is offers.yaml with measured effects,
into a folder. Run by hand, once the three months are over; then, if the difference is approved,
``cp data/measured/offers_measured.yaml offers.yaml``.
"""

import argparse
from pathlib import Path

from retention.campaign.offers import assumed_effects
from retention.core import paths
from retention.core.columns import load_columns
from retention.core.files import clear_leftovers, made, write_json, write_text
from retention.core.params import load_params
from retention.core.running import stage
from retention.core.vocabulary import IDENTITY, LABEL
from retention.data.id_forms import refuse_other_spellings
from retention.measurement.catalogue_update import with_effects
from retention.measurement.inputs import read_customers, read_list, read_responses
from retention.measurement.measurement import measure_campaign


@stage
def main() -> None:
    """Check the answers, measure the effects, say what they are."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--responses", type=Path, required=True, help="what the CRM returned")
    for name, place, what in (
        ("--list", paths.CAMPAIGN_LIST, "that was sent"),
        ("--customers", paths.CUSTOMERS, "with risk and profit"),
        ("--out", paths.MEASURED, "folder"),
    ):
        parser.add_argument(name, type=Path, default=place, help=f"{what} (default {place})")
    options = parser.parse_args()
    campaign = load_params().campaign
    listed = read_list(options.list)
    answers, repeated = read_responses(options.responses, columns=load_columns())
    customers = read_customers(options.customers)
    for path, others in ((options.responses, answers), (options.customers, customers)):
        refuse_other_spellings({str(options.list): listed[IDENTITY], str(path): others[IDENTITY]})
    # A campaign measured by revenue alone needs no catalogue.
    catalogue = assumed_effects(paths.OFFERS) if LABEL in answers else {}
    found = measure_campaign(
        listed,
        customers,
        answers,
        campaign=campaign,
        catalogue=catalogue,
        repeated=repeated,
        place=str(options.responses),
    )
    write_json(found.content, options.out / "measured.json")
    write_text(found.report + "\n", options.out / "measured.md")
    clear_leftovers(options.out)
    proposed = options.out / "offers_measured.yaml"
    proposed.unlink(missing_ok=True)
    if found.offers:
        text = made(paths.OFFERS).read_text(encoding="utf-8")
        write_text(with_effects(text, found.offers, place=str(paths.OFFERS)), proposed)
    print(found.report)


if __name__ == "__main__":
    main()
