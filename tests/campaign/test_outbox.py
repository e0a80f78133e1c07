"""Addresses for a mailing service: of whoever may be written to as of this moment, nobody else."""

import contextlib
import stat
import subprocess
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from launch_shop import (
    OFFERS,
    export_consent,
    lay_shop,
    listed_rows,
    run_launch,
    sent_to,
    set_params,
    suppress,
)
from retention.campaign.outbox import SERVICES, write_outbox
from retention.core import paths
from retention.core.arms import in_global_control
from retention.core.errors import InputError
from retention.core.files import read_json, write_json
from retention.core.kept_campaigns import KeptCampaign, fingerprints_of
from retention.core.params import Campaign

IDS = [str(number) for number in range(300100, 300112)]
MESSAGE = "relevant_mailings"
FILE = paths.OUTBOX / "2026-winter" / "message.csv"


def write_contacts(path, people):
    """Write e-mail and phone of people, by their ids as the file spells them."""
    rows = [f"{one};{email};{phone}" for one, (email, phone) in people.items()]
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text("\n".join(["customer_id;email;phone", *rows]) + "\n", encoding="utf-8")


def everyone(ids):
    """An address of each customer."""
    return {one: (f"p{one}@shop.example", f"8900{one.zfill(7)[-7:]}") for one in ids}


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """Six customers who are to get a message, four of the control, two who are met on the site."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    arms = ["treatment"] * 6 + ["control"] * 4 + ["treatment"] * 2
    lay_shop(folder, listed_rows(IDS, arms, [MESSAGE] * 10 + ["free_delivery"] * 2))
    contacts = tmp_path / "crm" / "contacts.csv"
    write_contacts(contacts, everyone(IDS))
    set_params(folder, contacts=contacts)
    return folder


def refused(monkeypatch, capsys, *options):
    """The line in which the script ends."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        run_launch(monkeypatch, *options)
    assert end.value.code == 1
    said = capsys.readouterr()
    assert not said.out
    return said.err


def assert_sent_or_refused(said, monkeypatch, capsys):
    """Launch: all are sent to, or it is refused with what is `said` and nothing is sent."""
    if said is None:
        run_launch(monkeypatch)
        assert len(sent_to()) == 6
    else:
        assert said in refused(monkeypatch, capsys)
        assert not paths.OUTBOX.exists()


def anew(monkeypatch, capsys):
    """What the script says when it makes the addresses of the launched campaign anew."""
    capsys.readouterr()
    run_launch(monkeypatch, "--outbox", "2026-winter")
    return capsys.readouterr().out.splitlines()


@pytest.mark.usefixtures("shop")
def test_a_launch_writes_the_addresses_of_those_who_get_a_message(monkeypatch, capsys):
    run_launch(monkeypatch)
    content = FILE.read_text(encoding="utf-8")
    assert content.splitlines()[0].split("\t") == [
        *("email", "phone", "customer_id", "segment", "offer", "text", "valid_until")
    ]
    rows = sent_to()
    assert rows["customer_id"].tolist() == IDS[:6]
    assert rows.iloc[0].to_dict() == {
        "email": "p300100@shop.example",
        "phone": "79000300100",
        "customer_id": "300100",
        "segment": "rest",
        "offer": MESSAGE,
        "text": 'Здравствуйте; relevant_mailings "10 %" ваши',  # line break and tab are gone
        "valid_until": "2026-12-31",
    }
    said = capsys.readouterr().out
    assert "outbox/2026-winter/message.csv for sendsay: 6 of 6 customers" in said
    assert "shop.example" not in said


@pytest.mark.parametrize(
    ("mailing", "head"),
    [
        ("sendsay", "email\tphone\tcustomer_id\t"),
        ("unisender", "email;phone;customer_id;"),
        ("mindbox", "Email;MobilePhone;customer_id;"),
    ],
)
def test_each_service_gets_the_form_that_it_imports(shop, mailing, head, monkeypatch):
    set_params(shop, mailing=mailing)
    run_launch(monkeypatch)
    content = FILE.read_bytes()
    assert content.decode("utf-8").startswith(head)
    assert content.count(b"\r\n") == content.count(b"\n") == 7


def test_the_table_of_services_has_every_valid_value():
    valid = Campaign.model_fields["mailing"].annotation.__args__
    assert set(SERVICES) == set(valid)


@pytest.mark.usefixtures("shop")
def test_nobody_else_may_read_the_addresses(monkeypatch):
    paths.OUTBOX.mkdir(mode=0o755)
    run_launch(monkeypatch)
    modes = [stat.S_IMODE(one.stat().st_mode) for one in (FILE, FILE.parent, paths.OUTBOX)]
    assert [oct(mode) for mode in modes] == ["0o600", "0o700", "0o700"]
    assert [one.name for one in FILE.parent.iterdir()] == ["message.csv"]


@pytest.mark.usefixtures("shop")
def test_who_must_not_be_contacted_by_now_is_left_out_and_counted(monkeypatch, capsys):
    run_launch(monkeypatch)
    suppress(Path(), [IDS[0], IDS[1], IDS[10]])
    export_consent(Path(), dict.fromkeys(IDS, "да") | {IDS[1]: "нет", IDS[2]: "нет"})
    said = anew(monkeypatch, capsys)
    assert sent_to()["customer_id"].tolist() == IDS[3:6]
    assert said == [
        "outbox/2026-winter/message.csv for sendsay: 3 of 6 customers who are to get a message",
        "left out: 2 on the suppression list by now, 1 without consent to messages by now",
    ]


def test_a_global_control_that_grew_is_left_out(shop, monkeypatch, capsys):
    run_launch(monkeypatch)
    share = 0.5
    apart = in_global_control(pd.Series(IDS[:6], dtype="str"), seed=1, share=share)
    assert 0 < apart.sum() < 6
    set_params(shop, global_control_share=share)
    said = anew(monkeypatch, capsys)
    assert sent_to()["customer_id"].tolist() == [
        one for one, out in zip(IDS, apart, strict=False) if not out
    ]
    assert f"{apart.sum()} of the global control" in said[1]


@pytest.mark.usefixtures("shop")
def test_the_global_control_of_the_launch_is_left_out_as_well(monkeypatch, capsys):
    """Should it be on the list in spite of all: params may say less by now."""
    run_launch(monkeypatch)
    kept = KeptCampaign(paths.CAMPAIGNS / "2026-winter")
    set_params(kept.folder, global_control_share=0.5)
    said = kept.said | {"global_control": {"seed": 1, "share": 0.5}}
    write_json(said | {"files": fingerprints_of(kept.frozen)}, kept.launch)
    anew(monkeypatch, capsys)
    apart = in_global_control(pd.Series(IDS[:6], dtype="str"), seed=1, share=0.5)
    assert sent_to()["customer_id"].tolist() == [
        one for one, out in zip(IDS, apart, strict=False) if not out
    ]
    assert len(sent_to()) == 6 - apart.sum() < 6


@pytest.mark.usefixtures("shop")
def test_of_all_addresses_only_those_of_the_treated_are_written(monkeypatch):
    run_launch(monkeypatch)
    addresses = pd.DataFrame({"email": "a@shop.example", "phone": ""}, IDS)
    kept = KeptCampaign(paths.CAMPAIGNS / "2026-winter")
    assert write_outbox(kept, addresses, [IDS[2], IDS[8]], mailing="sendsay") == 5
    assert sent_to()["customer_id"].tolist() == [*IDS[:2], *IDS[3:6]]


def test_an_address_that_somebody_else_has_too_is_not_written_to(shop, monkeypatch, capsys):
    """The control, who is suppressed, and people of no list at all."""
    people = everyone(IDS) | {IDS[6]: ("P300100@shop.example", ""), "777777": ("", "+79000300101")}
    write_contacts(shop.parent / "crm/contacts.csv", people)
    run_launch(monkeypatch)
    assert sent_to()["customer_id"].tolist() == IDS[2:6]
    assert "left out: 2 whose address is another customer's too" in capsys.readouterr().out


def test_who_has_withdrawn_shares_no_address_with_whom_is_written_to(shop, monkeypatch, capsys):
    people = everyone(IDS) | {IDS[1]: everyone(IDS)[IDS[0]]}
    write_contacts(shop.parent / "crm/contacts.csv", people)
    run_launch(monkeypatch)
    suppress(shop, [IDS[1]])
    said = anew(monkeypatch, capsys)
    assert sent_to()["customer_id"].tolist() == IDS[2:6]
    assert said[1] == (
        "left out: 1 on the suppression list by now, 1 whose address is another customer's too"
    )


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    "fault", ["suppression", "contacts", "export", "ended", "known", "terms", "edited"]
)
def test_where_it_cannot_be_told_who_may_be_written_to_no_older_file_is_left(
    fault, monkeypatch, capsys
):
    run_launch(monkeypatch)
    assert FILE.exists()
    options = ["--outbox", "2026-winter"]
    if fault == "suppression":
        paths.EMPTY_LIST.write_text("customer_id\n3001e9,9\n")
    elif fault == "contacts":
        Path("../crm/contacts.csv").write_text("nonsense\n")
    elif fault == "export":
        (paths.SAMPLE / "market_file.csv").unlink()
    elif fault == "ended":
        options += ["--as-of", "2027-01-01"]
    elif fault == "known":  # by now others may have a later campaign's offer
        launch = paths.CAMPAIGNS / "2026-winter/launch.json"
        write_json(read_json(launch) | {"valid_until": "2027-12-31"}, launch)
        options += ["--as-of", "2027-03-01"]
    elif fault == "terms":
        launch = paths.CAMPAIGNS / "2026-winter/launch.json"
        write_json(read_json(launch) | {"global_control": {"seed": 1}}, launch)
    else:
        (paths.CAMPAIGNS / "2026-winter/params.yaml").write_text("")
    found = refused(monkeypatch, capsys, *options)
    assert not FILE.exists()
    assert ("the outcome of 2026-winter is known since 2027-03-01" in found) == (fault == "known")


def test_a_shop_without_a_suppression_list_of_its_own_is_told_so(shop, monkeypatch, capsys):
    run_launch(monkeypatch)
    assert not capsys.readouterr().err
    (shop / "data/raw").mkdir()
    (paths.SAMPLE / "market_file.csv").rename("data/raw/market_file.csv")
    text = paths.PARAMS.read_text(encoding="utf-8").replace("dir: data/sample", "dir: data/raw")
    paths.PARAMS.write_text(text, encoding="utf-8")
    run_launch(monkeypatch, "--outbox", "2026-winter")
    assert "no suppression list of the shop's own is in use" in capsys.readouterr().err
    assert len(sent_to()) == 6


@pytest.mark.usefixtures("shop")
def test_where_nobody_is_left_there_is_no_file(monkeypatch, capsys):
    run_launch(monkeypatch)
    suppress(Path(), IDS[:6])
    said = anew(monkeypatch, capsys)
    assert said[0] == "no addresses: 0 of 6 customers who are to get a message"
    assert not FILE.exists()


@pytest.mark.usefixtures("shop")
def test_contacts_that_cannot_be_read_launch_nothing(monkeypatch, capsys):
    Path("../crm/contacts.csv").write_text("customer_id\n300100\n")
    assert "has no column email and none phone" in refused(monkeypatch, capsys)
    assert list(paths.CAMPAIGNS.iterdir()) == []
    assert not paths.OUTBOX.exists()


@pytest.mark.usefixtures("shop")
def test_what_was_kept_is_told_though_the_addresses_fail(monkeypatch, capsys):
    def fails(*_, **__):
        raise InputError("the disk is full")

    monkeypatch.setattr("launch.fill_outbox", fails)
    with pytest.raises(SystemExit):
        run_launch(monkeypatch)
    said = capsys.readouterr()
    assert "dvc add campaigns/2026-winter" in said.out.splitlines()
    assert said.err == "error: the disk is full\n"


def test_no_addresses_are_made_of_no_contacts(shop, monkeypatch, capsys):
    run_launch(monkeypatch)
    set_params(shop, contacts="")
    found = refused(monkeypatch, capsys, "--outbox", "2026-winter")
    assert found.startswith("error: params.yaml: campaign.contacts is empty")
    assert not FILE.exists()


@pytest.mark.parametrize("name", ["nowhere", "../crm", "a/b", ""])
def test_addresses_of_no_launched_campaign_are_refused(shop, name, monkeypatch, capsys):
    beside = shop.parent / "crm/message.csv"
    beside.write_text("somebody's own")
    found = refused(monkeypatch, capsys, "--outbox", name)
    assert ("was not launched; launched: none yet" in found) == (name == "nowhere")
    assert ("is no name of a campaign" in found) == (name != "nowhere")
    assert beside.read_text() == "somebody's own"


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("data/sample/contacts.csv", "lies in data/sample, which a stage reads or writes"),
        ("data/campaign/contacts.csv", "lies in data/campaign, which a stage reads or writes"),
        ("crm/contacts.csv", "is kept by DVC (crm.dvc)"),
        ("contacts.csv", "is seen by Git"),
        ("plots/contacts.csv", "lies in plots, which a stage reads or writes"),
        ("data/contacts.csv", None),
    ],
)
def test_contacts_lie_where_nothing_keeps_them(shop, place, said, monkeypatch, capsys):
    subprocess.run(["git", "init", "-q"], check=True)
    Path(".gitignore").write_text("/data/*\n")
    Path("dvc.yaml").write_text(
        "stages: {segment: {deps: ['${data.dir}'], "
        "outs: [data/campaign, models: {persist: true}], plots: [plots: {cache: false}]}}"
    )
    Path("crm.dvc").write_text("outs: []\n")
    write_contacts(shop / place, everyone(IDS))
    set_params(shop, contacts=place)
    assert_sent_or_refused(said, monkeypatch, capsys)


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("data/sample/contacts.csv", "lies in data/sample, which a stage reads or writes"),
        ("crm/contacts.csv", "is kept by DVC (crm.dvc)"),
        ("data/../contacts.csv", "is seen by Git"),
        ("data/contacts.csv", None),
    ],
)
def test_a_link_to_contacts_lies_where_nothing_keeps_them_either(
    shop, link, said, monkeypatch, capsys
):
    """What keeps the folder would keep what the link points to."""
    subprocess.run(["git", "init", "-q"], check=True)
    Path(".gitignore").write_text("/data/*\n")
    Path("crm.dvc").write_text("outs: []\n")
    Path(link).parent.mkdir(exist_ok=True)
    Path(link).symlink_to(shop.parent / "crm/contacts.csv")
    set_params(shop, contacts=link)
    assert_sent_or_refused(said, monkeypatch, capsys)


def test_what_a_spreadsheet_would_run_is_guarded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    listed = listed_rows(["=1+1", "@b", "c3"], ["treatment"] * 3, [MESSAGE] * 3)
    listed["text"] = ["=HYPERLINK(1)", "+7", "plain"]
    lay_shop(tmp_path, listed)
    export_consent(tmp_path, {"=1+1": "да", "@b": "да", "c3": "да"})
    people = {one: (f"p{place}@shop.example", "") for place, one in enumerate(["=1+1", "@b", "c3"])}
    write_contacts(tmp_path / "crm/contacts.csv", people)
    set_params(tmp_path, contacts="crm/contacts.csv")
    run_launch(monkeypatch)
    rows = sent_to()
    assert rows["customer_id"].tolist() == ["'=1+1", "'@b", "c3"]
    assert rows["text"].tolist() == ["'=HYPERLINK(1)", "'+7", "plain"]


def spelled(draw, number):
    """A way in which programs write an id of digits."""
    ways = ["{}", " {}", "{}.0", '"=""{}"""', "'{}", "{}\u200b"]
    return draw(st.sampled_from(ways)).format(number)


@pytest.mark.slow
@given(data=st.data())
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_whatever_happens_nobody_else_is_in_the_outbox(data, capsys):
    """Random lists, withdrawals, shared addresses and spellings of ids, after the launch."""
    draw = data.draw
    ids = list(
        map(str, draw(st.lists(st.integers(1000, 9999), min_size=4, max_size=9, unique=True)))
    )
    arms = [draw(st.sampled_from(["treatment", "control"])) for _ in ids]
    arms[0] = "treatment"
    codes = [draw(st.sampled_from(list(OFFERS))) for _ in ids]
    codes[0] = MESSAGE
    some = st.lists(st.sampled_from(ids), unique=True)
    suppressed, silent, share = draw(some), draw(some), draw(st.sampled_from([0, 0.3]))
    owner = {one: draw(st.sampled_from([one, ids[0], ""])) for one in ids}  # of whose address
    owner[ids[-1]] = ids[-1]
    alone = [one for one in ids if owner[one] and list(owner.values()).count(owner[one]) == 1]
    apart = in_global_control(pd.Series(ids, dtype="str"), seed=1, share=share)
    allowed = {
        one
        for one, arm, code, out in zip(ids, arms, codes, apart, strict=True)
        if arm == "treatment" and code == MESSAGE and not out
    } - {*suppressed, *silent}
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        pytest.MonkeyPatch.context() as patch,
    ):
        lay_shop(Path(), listed_rows(ids, arms, codes), excluded=["1"])
        run_launch(patch)
        suppress(Path(), [spelled(draw, one) for one in suppressed])
        told = {one: "нет" if one in silent else "да" for one in ids}
        export_consent(Path(), {spelled(draw, one): word for one, word in told.items()})
        people = {
            spelled(draw, one): (f"p{mine}@shop.example" if mine else "", "")
            for one, mine in owner.items()
        }
        write_contacts(Path("crm/contacts.csv"), people)
        set_params(Path(), contacts="crm/contacts.csv", global_control_share=share)
        try:
            run_launch(patch, "--outbox", "2026-winter")
        except SystemExit:
            assert "knows none of" in capsys.readouterr().err
            assert not allowed & {one for one, mine in owner.items() if mine}
        rows = sent_to()
        assert set(rows["customer_id"]) == allowed & set(alone)
        assert set(rows["email"]) == {f"p{owner[one]}@shop.example" for one in allowed & set(alone)}
