"""Launch: keep what is about to be sent, under the campaign's name.

Copies data/campaign/ (list, global control, excluded), offers.yaml and params.yaml to
campaigns/NAME/, once it is certain that nobody on the list has withdrawn since it was made; where
params campaign.contacts names addresses, writes those for a mailing service to outbox/NAME/. With
--outbox NAME it makes these anew for a campaign that was launched. Run by hand.
"""

import argparse
from pathlib import Path

from retention.campaign.barred import refuse_barred, who_is_barred
from retention.campaign.known import known_customers
from retention.campaign.launching import (
    freeze,
    launched,
    next_steps,
    read_planned,
    refuse_launched,
)
from retention.campaign.outbox import addresses_of, clear_outbox, fill_outbox
from retention.campaign.plan import dated
from retention.core import paths
from retention.core.columns import load_columns
from retention.core.customer_parts import customer_parts
from retention.core.files import read_json
from retention.core.months import day_told
from retention.core.params import load_params
from retention.core.running import stage
from retention.core.staleness import refuse_stale


@stage
def main() -> None:
    """Keep the campaign and write the addresses, if all of it may be sent."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--outbox", metavar="NAME", help="make its addresses anew, launch nothing")
    parser.add_argument("--as-of", help="day on which it is sent, as YYYY-MM-DD (default today)")
    options = parser.parse_args()
    columns, params = load_columns(), load_params()
    jobs, today = params.train.jobs, day_told(options.as_of)
    prepared = read_json(paths.PREPARED_DETAILS)
    last = prepared.get("months", {}).get("last")
    how = {"columns": columns, "known": known_customers(customer_parts(last), jobs=jobs)}
    if options.outbox is not None:
        clear_outbox(options.outbox)
        kept = launched(options.outbox, today=today)
        control = (kept.said or {})["global_control"]
        barred = who_is_barred(kept.listed, params, launched_by=control, **how)
        contacts = addresses_of(barred, params, columns=columns, needed=True)
        print("\n".join(fill_outbox(kept, contacts, barred, mailing=params.campaign.mailing)))
        return
    as_of = prepared.get("as_of", params.data.as_of)
    campaign = dated(params.campaign, as_of, last=last)
    refuse_launched(campaign.name)
    details = read_planned(campaign, as_of=as_of, today=today)
    barred = who_is_barred(paths.CAMPAIGN_LIST, params, **how)
    refuse_barred(barred)
    refuse_stale(["segment"], with_deps=True)
    contacts = addresses_of(barred, params, columns=columns)
    model = read_json(paths.ModelFolder(Path(params.score.model)).card, needs=["sha256"])["sha256"]
    kept = freeze(campaign, details, horizon=params.label.horizon_months, model=model, jobs=jobs)
    print("\n".join(next_steps(kept)), flush=True)  # it is kept, whatever becomes of addresses
    for line in fill_outbox(kept, contacts, barred, mailing=campaign.mailing):
        print(line)


if __name__ == "__main__":
    main()
