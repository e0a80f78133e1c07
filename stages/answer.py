"""Answer: how would the simulated customers answer a campaign?

Reads the list that was sent (of a campaign that was launched the global control too) and
data/sample/truth.parquet; writes the answers as a CRM returns them, drawn from the truth with
effects planted. With --months it writes the exports of the
simulated shop's months instead, as they are when every campaign of campaigns/ has had its effect:
the shop lives on, and others hear of it in the next folder. Run by hand.
"""

import argparse
from pathlib import Path

from retention.core import paths
from retention.core.columns import load_columns
from retention.core.files import read_parquet
from retention.core.months import newest
from retention.core.params import load_params
from retention.core.running import stage
from retention.core.spreadsheets import write_for_people
from retention.measurement.inputs import read_list, with_global_control
from simulation.answers import parse_effects, protected_by, simulate_responses
from simulation.month_exports import write_months
from simulation.months import simulate_months, with_campaigns


@stage
def main() -> None:
    """Write the answers of the simulated customers, or the months of a shop that had campaigns."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--list",
        type=Path,
        default=paths.CAMPAIGN_LIST,
        help=f"that was sent (default {paths.CAMPAIGN_LIST})",
    )
    parser.add_argument(
        "--effect",
        action="append",
        default=[],
        help="share of drops prevented: 0.1 for every offer, CODE=0.2 for one; may be repeated",
    )
    to = parser.add_mutually_exclusive_group(required=True)
    to.add_argument("--out", type=Path, help="CSV file to write")
    to.add_argument("--months", type=Path, help="folder whose months to write")
    parser.add_argument("--last", help="last month to write, YYYY-MM (default: all)")
    parser.add_argument("--seed", type=int, help="of the customers' luck (default: simulate.seed)")
    options = parser.parse_args()
    seed = load_params().simulate.seed if options.seed is None else options.seed
    if options.months is not None:
        live(options.months, options.effect, last=options.last, seed=seed)
        return
    listed = with_global_control(read_list(options.list), options.list)
    effects = parse_effects(options.effect, set(listed["offer"]))
    truth = newest(read_parquet(paths.TRUTH))
    responses = simulate_responses(listed, truth, effects, seed=seed)
    write_for_people(responses, options.out, dialect="en")
    print(f"{options.out}: {len(responses)} customers, {responses['drop'].sum()} of them dropped")


def live(folder: Path, effects: list[str], *, last: str | None, seed: int) -> None:
    """Write the simulated months up to `last` into `folder`, every campaign's effect in them."""
    params = load_params().simulate
    found = sorted(paths.CAMPAIGNS.glob(f"*/{paths.CAMPAIGN_LIST.name}"))
    lists = {path.parent.name: read_parquet(path) for path in found}
    planted = parse_effects(effects, {offer for rows in lists.values() for offer in rows["offer"]})
    shop = simulate_months(params)
    lived = with_campaigns(shop, protected_by(shop, lists, planted, seed=seed))
    write_months(lived, folder, columns=load_columns(), seed=params.seed, last=last)
    print(f"{folder}: months up to {last or shop.months[-1]}, {len(lists)} campaigns in them")


if __name__ == "__main__":
    main()
