"""Samples by the hash of the behaviour: parts find together the rows that a whole table gives."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.core.sampling import Sampling


@settings(max_examples=100, deadline=None)
@given(
    keys=st.lists(st.integers(0, 12), min_size=1, max_size=50),
    most=st.integers(1, 50),
    seed=st.integers(0, 9),
)
def test_rows_that_a_cut_reaches_give_the_sample_of_all(keys, most, seed):
    sampling = Sampling(most, seed=seed, purpose="test")
    rows = pd.DataFrame({"twin_key": np.array(keys, dtype="uint64"), "row": np.arange(len(keys))})
    parts = rows[rows["row"] % 3 == 0], rows[rows["row"] % 3 > 0]
    cut = sampling.cut(rows["twin_key"].to_numpy())
    reached = [part[sampling.reached(part["twin_key"].to_numpy(), cut)] for part in parts]
    gathered = pd.concat(reached).sort_values("row", kind="stable")
    whole = sampling.lowest(rows)
    assert sampling.lowest(gathered)["row"].tolist() == whole["row"].tolist()
    assert len(whole) == min(most, len(keys))
    # No more than the sample and who ties with its last comes out of the parts.
    assert gathered["twin_key"].nunique() == whole["twin_key"].nunique()


def test_seed_and_purpose_draw_other_rows():
    rows = pd.DataFrame({"twin_key": np.arange(1000, dtype="uint64")})
    samples = [
        set(Sampling(100, seed=seed, purpose=purpose).lowest(rows)["twin_key"])
        for seed, purpose in ((1, "one"), (2, "one"), (1, "other"))
    ]
    assert all(len(sample) == 100 for sample in samples)
    assert all(len(samples[0] & other) < 40 for other in samples[1:])
