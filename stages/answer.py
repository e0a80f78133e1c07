"""Answer: how would the simulated customers answer a campaign?

Reads the list that was sent and data/sample/truth.parquet; writes the answers as a CRM returns
them, drawn from the truth with effects planted. Run by hand, to try a campaign's measurement.
"""

import argparse
from pathlib import Path

from retention.core import paths
from retention.core.files import read_parquet
from retention.core.params import load_params
from retention.core.running import stage
from retention.core.spreadsheets import write_for_people
from retention.measurement.inputs import read_list
from simulation.answers import parse_effects, simulate_responses


@stage
def main() -> None:
    """Write the answers of the simulated customers to a campaign."""
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
    parser.add_argument("--out", type=Path, required=True, help="CSV file to write")
    parser.add_argument("--seed", type=int, help="of the customers' luck (default: simulate.seed)")
    options = parser.parse_args()
    seed = load_params().simulate.seed if options.seed is None else options.seed
    listed = read_list(options.list)
    effects = parse_effects(options.effect, set(listed["offer"]))
    truth = read_parquet(paths.TRUTH)
    responses = simulate_responses(listed, truth, effects, seed=seed)
    write_for_people(responses, options.out, dialect="en")
    print(f"{options.out}: {len(responses)} customers, {responses['drop'].sum()} of them dropped")


if __name__ == "__main__":
    main()
