"""A campaign answered by simulated customers and measured, as a person would at the prompt."""

import json
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import yaml

import answer
import measure
from clones import ENVIRONMENT
from dictionary import COLUMNS
from helpers import cells_of
from project import EDITED, FIXTURES, ROOT, lay_fixtures
from retention.core.hashing import uniform
from retention.core.params import load_params
from retention.core.spreadsheets import write_both
from retention.measurement.inputs import read_list
from simulation.export import EXPORT_DIALECTS, as_export, write_export
from simulation.shop import simulate_customers

pytestmark = pytest.mark.slow
CUSTOMERS = 3000
OFFERS = """# Edited by hand.
- code: mail
  effect: 0.05
- code: cart  # the best
  effect: 0.10
- code: rare
  effect: 0.02
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A folder with params, offers, truth, customers and a list; the ids begin with a minus."""
    folder = tmp_path_factory.mktemp("shop")
    rng = np.random.default_rng(1)
    lay_fixtures(folder)
    (folder / "offers.yaml").write_text(OFFERS, encoding="utf-8")
    for name in ("sample", "segments", "campaign"):
        (folder / "data" / name).mkdir(parents=True)
    ids = [str(place) for place in range(-CUSTOMERS, 0)]
    probability = rng.uniform(0.4, 0.9, CUSTOMERS)
    truth = pd.DataFrame({"customer_id": np.arange(-CUSTOMERS, 0), "probability": probability})
    truth.to_parquet(folder / "data/sample/truth.parquet", index=False)
    customers = pd.DataFrame({"customer_id": ids, "risk": probability.round(6), "drop": ""})
    customers["profit"] = rng.uniform(2, 6, CUSTOMERS).round(2)
    write_both(customers, folder / "data/segments/customers", dialect="ru")
    draw = uniform(pd.util.hash_array(np.array(ids, dtype=object)), seed=1, purpose="arm")
    share = load_params(FIXTURES / "params.yaml").campaign.control_share
    listed = pd.DataFrame(
        {
            "customer_id": ids,
            "segment": rng.choice(["full_carts", "promo high_profit", ""], CUSTOMERS),
            "offer": rng.choice(["mail", "cart", "rare"], CUSTOMERS, p=[0.5, 0.48, 0.02]),
            "channel": "on_site",
            "text": "Ждём вас, с подарком",
            "arm": np.where(draw < share, "control", "treatment"),
            "expected_gain": 0.1,
            "cost": 0.1,
            "reasons": "promo_share",
            "valid_until": "2026-12-31",
        }
    )
    listed["assumed_effect"] = listed["offer"].map({"mail": 0.05, "cart": 0.10, "rare": 0.02})
    write_both(listed, folder / "data/campaign/list", dialect="ru")
    return folder


def write(frame, path):
    frame.to_csv(path, index=False, encoding="utf-8-sig")


def run(script, *arguments, folder):
    return subprocess.run(
        [sys.executable, ROOT / f"stages/{script}.py", *map(str, arguments)],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def answered(shop):
    """The campaign's answers: cart prevents 30 % of the drops, the others none."""
    done = run(
        "answer", "--list", "data/campaign/list.csv", "--effect", "cart=0.3",
        "--out", "answers.csv", folder=shop,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("answers.csv: 3000 customers, ")
    return pd.read_csv(shop / "answers.csv", dtype={"customer_id": "str"})


@pytest.fixture
def told(shop, monkeypatch, capsys):
    """Run measure in the shop's folder and return what it printed, or its one line of error."""

    def tell(*arguments, fails=False, out="measured"):
        monkeypatch.chdir(shop)
        monkeypatch.setattr(sys, "argv", ["measure.py", "--out", out, *map(str, arguments)])
        if not fails:
            measure.main()
            return capsys.readouterr().out
        with pytest.raises(SystemExit) as stopped:
            measure.main()
        shown = capsys.readouterr()
        assert (stopped.value.code, shown.out) == (1, "")
        (line,) = shown.err.splitlines()
        return line

    return tell


def test_planted_effects_are_found(shop, answered):
    done = run("measure", "--responses", "answers.csv", folder=shop)
    assert done.returncode == 0, done.stderr
    out = shop / "data/measured"
    assert (out / "measured.md").read_text(encoding="utf-8") == done.stdout
    content = json.loads((out / "measured.json").read_text(encoding="utf-8"))
    listed = pd.read_parquet(shop / "data/campaign/list.parquet")
    treated = (listed["arm"] == "treatment").to_numpy()
    customers = {"control": int((~treated).sum()), "treatment": int(treated.sum())}
    assert content["arms"]["listed"] == customers
    raw = {"control": ~treated, "treatment": treated}
    raw = {arm: answered["drop"][rows].mean() for arm, rows in raw.items()}
    assert content["arms"]["drop_share"] == pytest.approx(raw, abs=1e-6)
    of = content["drop"]["offer"]
    assert of["cart"]["prevented_low"] < 0.3 < of["cart"]["prevented_high"]
    assert of["cart"]["difference_high"] < 0
    assert of["mail"]["prevented_low"] < 0 < of["mail"]["prevented_high"]
    assert set(of["rare"]) == {"treatment", "control"}
    assert set(content["drop"]["segment"]) == {"full_carts", "promo", "high_profit"}
    assert content["drop"]["segment"]["promo"] == content["drop"]["segment"]["high_profit"]
    assert re.search(r"\| offer cart \|.*\| fewer drops \|\n", done.stdout)
    assert re.search(r"\| offer mail \|.*\| cannot be told \|\n", done.stdout)
    assert "as 100 an arm are needed (control and treatment): offer rare " in done.stdout


def old_words(table):
    return table.assign(arm=table["arm"].map({"treatment": "treated", "control": " untouched"}))


@pytest.mark.parametrize(
    ("separator", "mark", "encoding", "change"),
    [
        (";", ",", "utf-8-sig", lambda table: table),
        (",", ".", "utf-8", lambda table: table[table.columns[::-1]]),
        (";", ",", "cp1251", lambda table: table.sample(frac=1, random_state=5)),
        ("\t", ",", "utf-16", lambda table: table.sort_values("text")[sorted(table)]),
        (
            ";",
            ".",
            "utf-8-sig",
            lambda table: table.assign(note="a;b", arm=table["arm"].str.upper()),
        ),
        (",", ",", "cp1251", old_words),
    ],
)
def test_list_that_went_through_a_spreadsheet_keeps_its_arms(
    tmp_path, shop, separator, mark, encoding, change
):
    """Opened, changed and saved: another separator, decimal mark, encoding, order."""
    sent = pd.read_parquet(shop / "data/campaign/list.parquet")
    cells = change(cells_of(shop / "data/campaign/list.csv"))
    cells["customer_id"] = "'" + cells["customer_id"]  # as the guard stands in the file
    cells["cost"] = cells["cost"].str.replace(",", mark)
    cells.to_csv(tmp_path / "list.csv", index=False, sep=separator, encoding=encoding)
    found = read_list(tmp_path / "list.csv").set_index("customer_id").loc[sent["customer_id"]]
    assert found["arm"].tolist() == sent["arm"].tolist()
    assert found["treated"].tolist() == (sent["arm"] == "treatment").tolist()
    assert found["cost"].tolist() == [0.1] * CUSTOMERS
    assert found["offer"].tolist() == sent["offer"].tolist()


def test_money_is_effect_times_stake_less_cost(shop, answered):
    content = json.loads((shop / "data/measured/measured.json").read_text(encoding="utf-8"))
    customers = pd.read_parquet(shop / "data/segments/customers.parquet")
    listed = pd.read_parquet(shop / "data/campaign/list.parquet")
    campaign = load_params(FIXTURES / "params.yaml").campaign
    stake = (customers["profit"] * campaign.horizon_months * campaign.share_lost).to_numpy()
    on_cart = (listed["offer"] == "cart").to_numpy()
    treated = (listed["arm"] == "treatment").sum()
    expected = (0.3 * on_cart * customers["risk"] * stake).mean() * treated
    found = content["money"]
    assert found["saved_low"] < expected < found["saved_high"]
    assert found["cost"] == pytest.approx(0.1 * treated)
    plain = -content["drop"]["pooled"]["everyone"]["difference"] * stake.mean() * treated
    assert found["saved"] == pytest.approx(plain, rel=0.15)
    assert len(answered) == len(listed)


def test_catalogue_takes_the_measured_effects(shop, answered, told):
    told("--responses", "answers.csv")
    text = (shop / "measured/offers_measured.yaml").read_text(encoding="utf-8")
    found = {offer["code"]: offer["effect"] for offer in yaml.safe_load(text)}
    assert found["cart"] == pytest.approx(0.3, abs=0.1)
    assert found["mail"] < 0.1 < found["cart"]
    assert [line.split("  # measured")[0] for line in text.splitlines()] == [
        line if "effect" not in line else f"  effect: {effect:.4f}"
        for line, effect in zip(
            OFFERS.splitlines(), np.repeat([0, *found.values()], [1, 2, 2, 2]), strict=True
        )
    ]
    assert (shop / "offers.yaml").read_text(encoding="utf-8") == OFFERS
    assert len(answered) == CUSTOMERS


def test_same_answers_give_the_same_bytes(shop, answered, told):
    shuffled = answered.sample(frac=1, random_state=2)
    write(shuffled, shop / "shuffled.csv")
    first = told("--responses", "answers.csv", out="one")
    second = told("--responses", "shuffled.csv", out="two")
    assert first == second
    for name in ("measured.json", "measured.md", "offers_measured.yaml"):
        assert (shop / "one" / name).read_bytes() == (shop / "two" / name).read_bytes()


def test_measuring_twice_gives_the_same_bytes(shop, answered, told):
    """The measured catalogue put in place and the same answers measured again: nothing moves."""
    first = told("--responses", "answers.csv", out="one")
    proposed = (shop / "one/offers_measured.yaml").read_bytes()
    assert b"# measured:" in proposed
    try:
        (shop / "offers.yaml").write_bytes(proposed)
        assert told("--responses", "answers.csv", out="two") == first
        for name in ("measured.json", "measured.md", "offers_measured.yaml"):
            assert (shop / "one" / name).read_bytes() == (shop / "two" / name).read_bytes()
    finally:
        (shop / "offers.yaml").write_text(OFFERS, encoding="utf-8")
    assert len(answered) == CUSTOMERS


def test_list_of_an_older_version_proposes_no_effects(shop, answered, told):
    listed = pd.read_parquet(shop / "data/campaign/list.parquet").drop(columns="assumed_effect")
    write(listed, shop / "old.csv")
    out = told("--responses", "answers.csv", "--list", "old.csv", out="old")
    assert "Add a column assumed_effect to the list" in out
    assert not (shop / "old/offers_measured.yaml").exists()
    assert len(answered) == CUSTOMERS


def test_revenue_alone(shop, answered, told):
    listed = pd.read_parquet(shop / "data/campaign/list.parquet")
    treated = listed["arm"] == "treatment"
    rng = np.random.default_rng(1)
    money = (5000 + 100 * treated + rng.normal(0, 300, CUSTOMERS)).round(2).astype("str")
    answers = pd.DataFrame({"id": answered["customer_id"], "Выручка": money.str.replace(".", ",")})
    answers.to_csv(shop / "revenue.csv", index=False, sep=";", encoding="cp1251")
    out = told("--responses", "revenue.csv", out="revenue")
    row = re.search(r"\| everyone \| \d+ \| \d+ \| (\S+) \| (\S+) \| (\S+) \((\S+) to (\S+)\) "
                    r"\| more revenue \|", out)  # fmt: skip
    low, high = float(row[4]), float(row[5])
    assert low < 100 < high
    assert high - low == pytest.approx(4 * 300 * np.sqrt(4 / CUSTOMERS), rel=0.1)
    assert "## Drops" not in out
    assert not (shop / "revenue/offers_measured.yaml").exists()


def test_missing_outcomes_of_one_arm_are_a_warning(shop, answered, told):
    treated = pd.read_parquet(shop / "data/campaign/list.parquet")["arm"] == "treatment"
    lost = np.flatnonzero(treated)[:40]
    write(answered.drop(index=lost), shop / "attrition.csv")
    out = told("--responses", "attrition.csv")
    assert re.search(
        r"\*\*Warning:\*\* drop is missing for 0 customers in control and 40 in treatment", out
    )
    even = answered.drop(index=[*lost, *np.flatnonzero(~treated)[:40]])
    write(even, shop / "attrition.csv")
    out = told("--responses", "attrition.csv")
    assert "missing for 40 customers in control and 40 in treatment, no more unevenly" in out
    assert "Warning" not in out


def test_corrupted_split_is_refused(shop, answered, told):
    treated = pd.read_parquet(shop / "data/campaign/list.parquet")["arm"] == "treatment"
    write(answered.drop(index=np.flatnonzero(~treated)[:400]), shop / "split.csv")
    line = told("--responses", "split.csv", fails=True, out="refused")
    assert line.startswith("error: the split of those of known drop is broken: ")
    assert not (shop / "refused").exists()
    listed = pd.read_parquet(shop / "data/campaign/list.parquet")
    write(listed.drop(index=np.flatnonzero(~treated)[:400]), shop / "list.csv")
    line = told("--responses", "answers.csv", "--list", "list.csv", fails=True)
    assert line.startswith("error: the split of the list is broken: ")
    assert len(answered) == CUSTOMERS


def test_list_and_customers_as_people_have_them_measure_the_same(shop, answered, told):
    first = told("--responses", "answers.csv", out="one")
    files = {"--list": "data/campaign/list.csv", "--customers": "data/segments/customers.csv"}
    assert told("--responses", "answers.csv", *sum(files.items(), ()), out="two") == first
    assert (shop / "one/measured.json").read_bytes() == (shop / "two/measured.json").read_bytes()
    assert len(answered) == CUSTOMERS


def test_strangers_and_repeated_rows_are_told(shop, answered, told):
    more = pd.concat([answered, answered[:3], answered[:2].assign(customer_id=["x1", "x2"])])
    write(more, shop / "more.csv")
    out = told("--responses", "more.csv")
    assert "2 customers of the file are not on the list and were left out, such as x1." in out
    assert "3 rows stood twice and were counted once." in out
    assert "The answers: matched 3,000 of 3,002 customers." in out
    plain = told("--responses", "answers.csv")
    assert out.split("## Drops")[1] == plain.split("## Drops")[1]


def test_answers_whose_ids_a_program_changed(shop, answered, told):
    """Read where they can be known, and refused with both spellings where they cannot."""
    plain = told("--responses", "answers.csv")
    notes = "просил\nне звонить"
    spelled = answered.assign(customer_id='="' + answered["customer_id"] + '"', note=notes)
    write(spelled, shop / "spelled.csv")
    assert told("--responses", "spelled.csv") == plain
    zeros = answered.assign(customer_id=answered["customer_id"].str.replace("-", "-0"))
    write(zeros, shop / "zeros.csv")
    line = told("--responses", "zeros.csv", fails=True)
    assert "zeros.csv has '-0" in line
    assert "they differ by zeros, separators, case or look-alikes alone" in line


def test_few_answers_tell_nothing(shop, answered, told):
    write(answered[:40], shop / "few.csv")
    out = told("--responses", "few.csv")
    assert "as 30 an arm are needed (control and treatment): everyone " in out
    assert "Nothing can be told: the assumed effects stay." in out
    assert not (shop / "measured/offers_measured.yaml").exists()


@pytest.mark.usefixtures("answered")
def test_files_that_do_not_belong_together(shop, told):
    write(pd.DataFrame({"customer_id": ["x"], "drop": [1]}), shop / "other.csv")
    line = told("--responses", "other.csv", fails=True)
    assert line == "error: no customer of the answers is on the list; are both of one campaign?"
    write(pd.read_parquet(shop / "data/segments/customers.parquet")[1:], shop / "customers.csv")
    line = told("--responses", "answers.csv", "--customers", "customers.csv", fails=True)
    assert line.startswith("error: customer -3000 of the list has no risk; ")
    line = told("--responses", "answers.csv", "--list", "nowhere.csv", fails=True)
    assert line == "error: nowhere.csv is not there yet; run `dvc repro`, which makes it"
    assert "nowhere.csv is not there" in told("--responses", "nowhere.csv", fails=True)


def test_outcomes_of_one_arm_or_of_nobody(shop, answered, told):
    treated = pd.read_parquet(shop / "data/campaign/list.parquet")["arm"] == "treatment"
    write(answered[treated.to_numpy()][:5], shop / "one_arm.csv")
    out = told("--responses", "one_arm.csv")
    assert re.search(r"\| drop share as it came, % \| +\| \d+\.0 \|", out)
    write(answered.assign(drop=""), shop / "blank.csv")
    line = told("--responses", "blank.csv", fails=True)
    assert line == "error: blank.csv has no outcome of any customer of the list"
    listed = pd.read_parquet(shop / "data/campaign/list.parquet")
    write(listed[treated][:5], shop / "list.csv")
    line = told("--responses", "answers.csv", "--list", "list.csv", fails=True)
    assert line.startswith("error: all of the list are of one arm")


def test_bad_effect_is_one_line(shop, monkeypatch, capsys):
    monkeypatch.chdir(shop)
    words = ["--list", "data/campaign/list.csv", "--effect", "cat=0.1", "--out", "x.csv"]
    monkeypatch.setattr(sys, "argv", ["answer.py", *words])
    with pytest.raises(SystemExit):
        answer.main()
    line = "error: --effect 'cat=0.1': no offer cat on the list; valid: cart, mail, rare\n"
    assert capsys.readouterr().err == line
    assert not (shop / "x.csv").exists()


def test_simulate_without_arguments_makes_the_shop_and_nothing_else(tmp_path):
    lay_fixtures(tmp_path)
    text = (tmp_path / "params.yaml").read_text(encoding="utf-8")
    small = re.sub(r"^  customers: \d+$", "  customers: 300", text, flags=re.M)
    (tmp_path / "params.yaml").write_text(small, encoding="utf-8")
    assert run("simulate", folder=tmp_path).returncode == 0
    made = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    names = ["market_file.csv", "market_money.csv", "market_time.csv", "money.csv"]
    names += ["suppression.csv", "truth.parquet"]
    assert (tmp_path / "data/sample/suppression.csv").read_bytes() == b"customer_id\n"
    assert made == {*EDITED, *(f"data/sample/{name}" for name in names)}
    params = load_params(tmp_path / "params.yaml").simulate
    shop = simulate_customers(300, unlabelled=params.unlabelled, seed=params.seed)
    for name, table in as_export(shop, columns=COLUMNS, seed=params.seed).items():
        plain = tmp_path / f"{name}.csv"
        write_export(table, plain, **EXPORT_DIALECTS.get(name, {}))
        assert plain.read_bytes() == (tmp_path / f"data/sample/{name}.csv").read_bytes()
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "data/sample/truth.parquet"), shop.truth
    )
