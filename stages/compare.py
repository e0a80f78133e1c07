"""Compare: is the change real?

Reads data/evaluation/predictions.parquet of one Git revision (a branch, tag, commit or DVC
experiment) and of the workspace or a second revision; prints a Markdown table and a sentence.
Run by hand and by continuous integration: what neither DVC's cache nor a remote has is made in a
temporary clone.
"""

import argparse
from collections.abc import Sequence

from retention.core.running import stage
from retention.core.vocabulary import IDENTITY
from retention.evaluation.comparison import in_common, sentence
from retention.evaluation.revisions import by_same_key, of_workspace, predictions_of
from retention.stats.paired import Difference, log_loss_difference, roc_auc_difference

WORKSPACE = "workspace"


def markdown(
    auc: Difference, loss: Difference, names: Sequence[str], sizes: Sequence[int], shared: int
) -> str:
    """Return what was found as a Markdown table: a row a figure, a column a version."""
    old, new = (name.replace("|", "\\|") for name in names)
    lines = [
        f"| | {old} | {new} | difference | 95 % interval |",
        "|---|---:|---:|---:|---:|",
        f"| customers ({shared} in common) | {sizes[0]} | {sizes[1]} | | |",
    ]
    for name, found in (("ROC-AUC", auc), ("log-loss", loss)):
        lines.append(
            f"| {name} | {found.old:.4f} | {found.new:.4f} | {found.value:+.4f} "
            f"| {found.low:+.4f} to {found.high:+.4f} |"
        )
    smallest = f"{auc.smallest:.4f}" if not auc.alike else "(alike)"
    lines.append(f"| smallest ROC-AUC difference this data can show | | | {smallest} | |")
    return "\n".join(lines)


@stage
def main() -> None:
    """Print whether the newer version ranks the same customers better."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rev", required=True, help="branch, tag, commit or experiment: the old")
    parser.add_argument("--against", help="the new version (default: the workspace)")
    options = parser.parse_args()
    old_name, old = predictions_of(options.rev)
    if options.against is None:
        new_name, new = WORKSPACE, of_workspace()
    else:
        new_name, new = predictions_of(options.against)
    names = (old_name, new_name)
    old, new = by_same_key(old, new)
    both = in_common(old, new, names)
    columns = [both[name].to_numpy() for name in ("drop", "risk_old", "risk_new")]
    auc, loss = roc_auc_difference(*columns), log_loss_difference(*columns)
    sizes = [table[IDENTITY].nunique() for table in (old, new)]
    print(markdown(auc, loss, names, sizes, len(both)))
    print(f"\n{sentence(auc, names)}")


if __name__ == "__main__":
    main()
