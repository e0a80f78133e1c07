"""Measure: what did the campaign do?

With the NAME of a campaign that was launched: reads its folder and the answers that the CRM returns
(customer_id and drop, revenue or profit of the months after), once its outcome is known; keeps them
in ``campaigns/NAME``, and tells what all measured campaigns show (campaigns/programme.json).
Without a NAME: measures a list that was never launched, alone, by risk and profit of --customers
(each as .parquet, or as the .csv that people open, in any dialect). Prints a report and writes it
(measured.md, measured.json) and offers_measured.yaml, which is offers.yaml with measured effects,
into a folder. Run by hand; if convinced, ``cp data/measured/offers_measured.yaml offers.yaml``.
"""

import argparse
from pathlib import Path

from retention.campaign.offers import assumed_effects
from retention.core import paths
from retention.core.columns import load_columns
from retention.core.kept_campaigns import kept_campaigns
from retention.core.params import load_params
from retention.core.running import stage
from retention.core.vocabulary import IDENTITY, LABEL
from retention.data.id_forms import refuse_other_spellings
from retention.measurement.inputs import read_customers, read_list, read_responses
from retention.measurement.measurement import measure_campaign
from retention.measurement.over_campaigns import measure_by_name
from retention.measurement.writing import write_measured


@stage
def main() -> None:
    """Check the answers, measure the effects, say what they are."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", nargs="?", help="of a campaign that was launched")
    parser.add_argument("--responses", type=Path, required=True, help="what the CRM returned")
    parser.add_argument("--as-of", help="the day, as YYYY-MM-DD (default today)")
    parser.add_argument("--replace", action="store_true", help="other answers than came before")
    for name, place, what in (
        ("--list", paths.CAMPAIGN_LIST, "that was sent, without a name"),
        ("--customers", paths.CUSTOMERS, "with risk and profit, without a name"),
        ("--out", paths.MEASURED, "folder"),
    ):
        parser.add_argument(name, type=Path, default=place, help=f"{what} (default {place})")
    options = parser.parse_args()
    answers, repeated = read_responses(options.responses, columns=load_columns())
    place = str(options.responses)
    if options.name is not None:
        found = measure_by_name(
            options.name,
            kept_campaigns(paths.CAMPAIGNS),
            answers,
            as_of=options.as_of,
            details=paths.SEGMENT_DETAILS,
            catalogue=assumed_effects(paths.OFFERS),
            replace=options.replace,
            repeated=repeated,
            place=place,
        )
    else:
        listed, customers = read_list(options.list), read_customers(options.customers)
        for path, others in ((options.responses, answers), (options.customers, customers)):
            refuse_other_spellings(
                {str(options.list): listed[IDENTITY], str(path): others[IDENTITY]}
            )
        how = {"campaign": load_params().campaign}
        # A campaign measured by revenue alone needs no catalogue.
        how["catalogue"] = assumed_effects(paths.OFFERS) if LABEL in answers else {}
        found = measure_campaign(listed, customers, answers, **how, repeated=repeated, place=place)
    write_measured(found, options.out, paths.OFFERS)
    if options.name is not None:
        found.keep(paths.PROGRAMME)
    print(found.report)


if __name__ == "__main__":
    main()
