"""Whether what stages wrote is of the params, the code and the files that are there now."""

import json
import subprocess
import sys
from collections.abc import Sequence

from retention.core.errors import InputError


def refuse_stale(stages: Sequence[str], *, with_deps: bool = False) -> None:
    """Raise an InputError if what a stage wrote is not of what it reads now, as DVC recorded it.

    A model and an evaluation that do not belong together would tell of another model's grade; a
    list that was made before the consents of today would go to whoever has withdrawn theirs.

    Parameters
    ----------
    stages : sequence of str
        Names of stages, the last of the pipeline last.
    with_deps : bool
        Whether all that these stages stand on is asked too, what is kept in DVC among it.
    """
    asked = ["--with-deps"] if with_deps else []
    command = [sys.executable, "-m", "dvc", "status", "--json", *asked, *stages]
    done = subprocess.run(command, capture_output=True, check=False, text=True, encoding="utf-8")
    try:
        changed = json.loads(done.stdout)
    except ValueError:
        said = (done.stderr.strip() or "it says nothing").splitlines()[-1]
        raise InputError(f"`dvc status` cannot tell what belongs together: {said}") from None
    # Of a file of DVC's own only what lies beside it can differ; a stage may be behind for it.
    asked_of = sorted(changed, key=lambda name: name.endswith(".dvc")) if with_deps else stages
    stale = next((name for name in asked_of if name in changed), None)
    if stale is None:
        return
    if stale.endswith(".dvc"):
        raise InputError(
            f"what lies beside {stale} is not what DVC recorded; `dvc add` records it, "
            f"`dvc checkout {stale}` brings back what was; then run `dvc repro {stages[-1]}`"
        )
    raise InputError(
        f"what {stale} wrote is not of the params, code and files that are there now; run "
        f"`dvc repro {stages[-1]}` first"
    )
