"""The customers of the exports beside the ids on some list, part by part."""

from collections.abc import Callable, Sequence
from functools import partial

import pandas as pd

from retention.core.customer_parts import CustomerPart
from retention.core.parts import map_parts
from retention.data.id_forms import telling


def known_customers(
    parts: Sequence[CustomerPart], *, jobs: int
) -> Callable[[pd.Series], pd.Series]:
    """Return what picks, for the ids on a list, the known ones that ``id_forms.telling`` tells."""

    def known(ids: pd.Series) -> pd.Series:
        found = map_parts(
            partial(_telling, ids=ids), parts, jobs=jobs, what="reading ids", light=True
        )
        # The first id of all stands first, as if they lay in one part.
        told = sorted((one for one in found if len(one)), key=lambda one: one.iloc[0])
        return pd.concat(told, ignore_index=True)

    return known


def _telling(part: CustomerPart, *, ids: pd.Series) -> pd.Series:
    return telling(part.known_ids(), ids)
