"""Do parts, engines and forms of export change anything, of shops of any kind?

Random small shops, odd but valid (those of `make fuzz-shops`), are each led through every stage in
one part from CSV, in three from Parquet by the loop, and in seven from CSV by Dask. Everything that
is made must be equal: tables with rows in the order of ids, floats as written, JSON and plotted
figures. A shop that a stage refuses must be refused alike.

Usage: python benchmarks/parts.py [--shops 20] [--first 0]
"""

import argparse
import random
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

from shops import ROOT

sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "fuzz")]

from fuzz_shops import draw_params, draw_shop, furnish

from part_runs import PLAIN, WAYS, Way, differences, lead, prepare_folder
from retention.core.progress import progress
from retention.core.vocabulary import IDENTITY, REVENUE


def run(seed: int, folder: Path) -> tuple[str, list[str]]:
    """Lead a random shop through the stages in each way; return how it ended and what differs."""
    rng = random.Random(seed)
    shop, _ = draw_shop(rng)
    params = draw_params(rng, model="usual")
    known = shop.customers[list(REVENUE)].notna().mean().min()
    params["prepare"]["regular_only"] &= bool(known > 0.9)
    params["train"]["jobs"] = 2
    suppressed = rng.sample(list(shop.customers[IDENTITY].astype("str")), rng.choice((0, 1, 20)))
    source = folder / "source"
    source.mkdir()
    furnish(source, shop, params, suppressed, {})
    exports = source / params["data"]["dir"]
    ends, found = {}, []
    for way in (PLAIN, *WAYS):
        own = folder / name_of(way)
        own.mkdir()
        furnish(own, shop, params, suppressed, {})
        prepare_folder(own, way, exports, params)
        ends[way] = lead(own, way)
        if ends[way] != ends[PLAIN]:
            found.append(f"{way}: {ends[way] or 'ended well'}, not: {ends[PLAIN] or 'ended well'}")
        elif not ends[way]:
            same = {"same_form": way.form == PLAIN.form}
            apart = differences(folder / name_of(PLAIN), own, **same)
            found += [f"{way}: {one}" for one in apart]
    return ends[PLAIN], found


def name_of(way: Way) -> str:
    """Return the folder of a way."""
    return f"{way.parts} {way.engine} {way.form}"


def main() -> None:
    """Print what differed, and how many shops were equal."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shops", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    told: Counter[str] = Counter()
    seeds = range(options.first, options.first + options.shops)
    for seed in progress(seeds, what="parts", unit="shops"):
        with tempfile.TemporaryDirectory() as folder:
            end, found = run(seed, Path(folder))
        kind = "differ" if found else "refused alike" if end else "equal in every way"
        told[kind] += 1
        for one in found:
            print(f"shop {seed}: {one}", flush=True)
    print(f"of {options.shops} shops: " + ", ".join(f"{n} {kind}" for kind, n in told.items()))
    sys.exit(1 if told["differ"] else 0)


if __name__ == "__main__":
    main()
