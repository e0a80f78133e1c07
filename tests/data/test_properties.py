"""The order and the dialect of the files do not matter; twins stay together; nobody moves."""

import copy
import gzip
import io
import random
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dictionary import COLUMNS, TABLES
from helpers import export_text, scrambled
from project import FIXTURES
from retention.core.files import read_parquet, settled
from retention.core.hashing import folds
from retention.core.params import load_params
from retention.data.customer_table import make_table
from retention.data.leakage import LEAK
from retention.data.preparation import clean_exports, prepare_customers
from retention.stats.ranking import ranking

pytestmark = pytest.mark.slow
PARAMS = load_params(FIXTURES / "params.yaml", columns=COLUMNS)
few = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

dialects = st.fixed_dictionaries(
    {
        "encoding": st.sampled_from(
            ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1251", "scrambled"]
        ),
        "separator": st.sampled_from([",", ";", "\t"]),
        "decimal": st.sampled_from([".", ","]),
        "quoted": st.booleans(),
        "end": st.sampled_from(["\n", "\r\n"]),
        "header": st.sampled_from(["as it is", "lower", "upper", "spaces", "stray"]),
        "ending": st.sampled_from([".csv", ".csv.gz", ".parquet", "typed .parquet"]),
        "index": st.integers(0, 2),
        "order": st.integers(0, 2**32 - 1),
    }
)
mixes = st.fixed_dictionaries(dict.fromkeys(TABLES, dialects))

HEADERS = {
    "as it is": str,
    "lower": str.lower,
    "upper": str.upper,
    "spaces": lambda name: name.replace("_", " "),
    "stray": lambda name: f" {name}\u00a0",
}


def written(rows, dialect):
    """The file's bytes and the ending of its name."""
    shuffle = random.Random(dialect["order"])
    header, body = rows[0], rows[1:]
    columns = list(range(len(header)))
    shuffle.shuffle(columns)
    shuffle.shuffle(body)
    header = [HEADERS[dialect["header"]](header[place]) for place in columns]
    body = [[row[place] for place in columns] for row in body]
    for leftover in range(dialect["index"]):
        header.insert(0, f"Unnamed: {leftover}")
        body = [[str(place), *row] for place, row in enumerate(body)]
    if dialect["ending"].endswith(".parquet"):
        frame = pd.DataFrame(body, columns=header)
        if dialect["ending"] == "typed .parquet":
            for name in frame:
                numbers = pd.to_numeric(frame[name], errors="coerce")
                frame[name] = numbers if numbers.notna().all() else frame[name]
        buffer = io.BytesIO()
        frame.to_parquet(buffer, index=False)
        return buffer.getvalue(), ".parquet"
    keys = ("separator", "decimal", "quoted", "end")
    text = export_text([header, *body], **{key: dialect[key] for key in keys})
    encoding = dialect["encoding"]
    raw = scrambled(text).encode() if encoding == "scrambled" else text.encode(encoding)
    if dialect["ending"] == ".csv.gz":
        return gzip.compress(raw, mtime=0), ".csv.gz"
    return raw, ".csv"


PLAIN = {"encoding": "utf-8", "separator": ",", "decimal": ".", "quoted": False, "end": "\n",
         "header": "as it is", "ending": ".csv", "index": 0, "order": 0}  # fmt: skip


class Content(bytes):
    """What a file holds; too much to show."""

    def __repr__(self):
        return f"{len(self)} bytes"


def features(export, mix=None):
    """Prepare and featurize the export, each file in its dialect; return the customers' table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for table, dialect in (mix or dict.fromkeys(TABLES, PLAIN)).items():
            raw, ending = written(export[table], dialect)
            (folder / f"{table}{ending}").write_bytes(raw)
        how = {"columns": COLUMNS, "scratch": folder, "jobs": 1}
        exports = clean_exports(folder, PARAMS.prepare, **how)
        tables = {name: folder / f"{name}.parquet" for name in ("customers", "set_aside")}
        prepare_customers(exports, PARAMS.prepare, folder=folder, **tables)
        customers = read_parquet(tables["customers"])
    return make_table(customers, PARAMS.features, columns=COLUMNS).table


def as_file(table):
    """The bytes of features.parquet."""
    buffer = io.BytesIO()
    settled(table).to_parquet(buffer, index=False)
    return Content(buffer.getvalue())


@pytest.fixture(scope="module")
def everyone(clean_rows):
    return features(clean_rows)


@pytest.fixture(scope="module")
def expected(everyone):
    return as_file(everyone)


@few
@given(mix=mixes)
def test_order_and_dialect_do_not_matter(clean_rows, expected, mix):
    assert as_file(features(clean_rows, mix)) == expected


@pytest.mark.parametrize("encoding", ["utf-16", "cp1251", "scrambled"])
def test_all_files_in_one_foreign_dialect(clean_rows, expected, encoding):
    foreign = PLAIN | {"encoding": encoding, "separator": ";", "decimal": ",", "end": "\r\n"}
    mix = {table: foreign | {"order": place} for place, table in enumerate(TABLES)}
    assert as_file(features(clean_rows, mix)) == expected


def test_another_value_gives_another_file(clean_rows, expected):
    """Or the properties above would hold of a constant."""
    export = copy.deepcopy(clean_rows)
    export["market_time"][5][2] = str(int(export["market_time"][5][2]) + 1)
    assert as_file(features(export)) != expected


labelled_pairs = st.lists(st.integers(0, 520), min_size=4, max_size=12, unique=True)


@settings(few, max_examples=8)
@given(places=labelled_pairs, labels=st.integers(0, 2**12 - 1), mix=mixes)
def test_twins_share_side_and_fold(clean_rows, places, labels, mix):
    export = copy.deepcopy(clean_rows)
    words = ("Снизилась", "Прежний уровень")
    pairs = list(zip(places[::2], places[1::2], strict=False))
    ids = []
    for bit, (one, two) in enumerate(pairs):
        rows = [export["market_file"][1:][place] for place in (one, two)]
        rows[1][2:] = rows[0][2:]
        rows[1][1] = words[words.index(rows[0][1]) ^ labels >> bit & 1]
        ids.append((rows[0][0], rows[1][0]))
        for table in ("market_money", "market_time"):
            amounts = {row[1]: row[2] for row in export[table] if row[0] == rows[0][0]}
            for row in export[table]:
                if row[0] == rows[1][0]:
                    row[2] = amounts[row[1]]
    table = features(export, mix).set_index("customer_id")
    fold = pd.Series(folds(table["twin_key"].to_numpy(), count=5, seed=3), table.index)
    for bit, (one, two) in enumerate(ids):
        assert table.at[one, "twin_key"] == table.at[two, "twin_key"]
        assert table.at[one, "split"] == table.at[two, "split"] != "score"
        assert fold[one] == fold[two]
        both = table.loc[[one, two], "scored"].sum()
        assert both == (2 if labels >> bit & 1 else 1)
    assert (~table["scored"]).sum() == sum(1 for bit in range(len(ids)) if not labels >> bit & 1)


@settings(few, max_examples=8)
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0.5, 0.95), mix=mixes)
def test_customers_who_come_move_nobody(clean_rows, everyone, seed, share, mix):
    grown = everyone.set_index("customer_id")
    chosen = set(grown.index[np.random.default_rng(seed).random(len(grown)) < share])
    export = {
        table: [rows[0], *(row for row in rows[1:] if row[0] in chosen)]
        for table, rows in clean_rows.items()
    }
    before = features(export, mix).set_index("customer_id")
    assert set(before.index) == chosen
    pd.testing.assert_frame_equal(before, grown.loc[before.index])
    key = before["twin_key"].to_numpy()
    later = folds(grown.loc[before.index, "twin_key"].to_numpy(), count=5, seed=7)
    np.testing.assert_array_equal(folds(key, count=5, seed=7), later)


def test_sides_have_the_asked_share_and_score_rows_have_no_label(everyone):
    assert set(everyone["split"]) == {"train", "test", "score"}
    assert (everyone["split"].eq("score") == everyone["drop"].isna()).all()
    labelled = everyone[everyone["split"] != "score"]
    assert 0.2 < (labelled["split"] == "test").mean() < 0.3


@pytest.mark.parametrize("words", [("yes", "no"), ("a", "b", "c", "d", "e", "f")])
@pytest.mark.parametrize("drops", [50, 200])
def test_a_word_that_tells_nothing_is_no_leak(words, drops):
    """Each word has the same share of drops."""
    label = pd.Series(np.arange(500 * len(words)) % 500 < drops).astype("int64")
    column = pd.Series(np.repeat(words, 500))
    assert ranking(column, label) < LEAK
