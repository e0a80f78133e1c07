"""How long do prepare and featurize take beside a DuckDB query on the same files?

The query reads, pivots and joins the four exports and writes a parquet file: what any tool must
do. Each runs in a process of its own, one after the other in one run, imports included; pictures
and correlations, which look at a sample, are timed apart.

Usage: python benchmarks/data.py [--customers 1000 100000 1000000]
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
JOBS = {
    "simulate": "import simulate; simulate.main()",
    "DuckDB": "",
    "prepare": "import prepare; prepare.main()",
    "featurize": "import featurize; from retention.core.params import load_params; "
    "from retention.core.columns import load_columns; "
    "featurize.make_table(load_params().features, columns=load_columns())",
    "featurize with pictures": "import featurize; featurize.main()",
}
QUERY = """
COPY (
    SELECT * FROM read_csv('data/sample/market_file.csv') AS behaviour
    JOIN (PIVOT (SELECT id, "Период", "Выручка" FROM read_csv('data/sample/market_money.csv'))
          ON "Период" USING first("Выручка") GROUP BY id) AS money USING (id)
    JOIN (PIVOT (SELECT id, "Период", "минут" FROM read_csv('data/sample/market_time.csv'))
          ON "Период" USING first("минут") GROUP BY id) AS minutes USING (id)
    JOIN read_csv('data/sample/money.csv', delim=';', decimal_separator=',') AS profit USING (id)
) TO 'joined.parquet'
"""


def child(job: str) -> None:
    """Run one job in this process and print its peak memory in MB."""
    if job == "DuckDB":
        import duckdb

        duckdb.connect(config={"threads": os.cpu_count()}).execute(QUERY)
    else:
        sys.path.insert(0, str(ROOT / "stages"))
        exec(JOBS[job])  # a line of this file
    print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def measure(job: str, folder: str) -> tuple[float, float]:
    """Return the seconds and the peak MB of a job in a process of its own."""
    began = time.perf_counter()
    command = [sys.executable, str(Path(__file__).resolve()), "--child", job]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{job} failed:\n{done.stderr}")
    return time.perf_counter() - began, json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Print the table, a row a size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    parser.add_argument("--child")
    options = parser.parse_args()
    if options.child:
        child(options.child)
        return
    params = (ROOT / "params.yaml").read_text(encoding="utf-8")
    assert params.count("  customers: 1300") == 1
    print("| customers | prepare, s | featurize, s | peak, MB | DuckDB, s | ratio | pictures, s |")
    print("|---|---|---|---|---|---|---|")
    for customers in options.customers:
        with tempfile.TemporaryDirectory() as folder:
            text = params.replace("  customers: 1300", f"  customers: {customers}")
            (Path(folder) / "params.yaml").write_text(text, encoding="utf-8")
            shutil.copy(ROOT / "columns.yaml", folder)
            measure("simulate", folder)
            measure("DuckDB", folder)  # once unmeasured, so that both find the files in memory
            found = {job: measure(job, folder) for job in list(JOBS)[1:]}
        seconds = {job: pair[0] for job, pair in found.items()}
        ours = seconds["prepare"] + seconds["featurize"]
        peak = max(found["prepare"][1], found["featurize"][1])
        pictures = seconds["featurize with pictures"] - seconds["featurize"]
        print(
            f"| {customers:,} | {seconds['prepare']:.1f} | {seconds['featurize']:.1f} | {peak:.0f} "
            f"| {seconds['DuckDB']:.1f} | {ours / seconds['DuckDB']:.1f} | {pictures:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
