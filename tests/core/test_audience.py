import pandas as pd
import pytest

from retention.core.audience import audience_of, is_ahead, is_rehearsal


@pytest.mark.parametrize(
    ("drop", "audience", "rehearsal"),
    [([1, None, 0, None], [1, 3], False), ([1, 0, 0], [0, 1, 2], True), ([None], [0], False)],
)
def test_who_is_ahead_is_the_audience_and_everyone_where_nobody_is(drop, audience, rehearsal):
    customers = pd.DataFrame({"drop": pd.array(drop, dtype="Int8")})
    assert audience_of(customers).index.tolist() == audience
    assert is_rehearsal(customers) == rehearsal
    assert is_ahead(customers).tolist() == [one is None for one in drop]
