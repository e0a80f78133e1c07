"""A list that is made under the name of a campaign that was launched: the same one, or none.

The campaign of the present name does not count against itself, so that a run after its launch
changes nothing. Under its name another list would contact whom it left untouched.
"""

from retention.campaign.launched_terms import LaunchedTerms
from retention.core import paths
from retention.core.arms import Arm
from retention.core.errors import InputError
from retention.core.files import read_batches
from retention.core.kept_campaigns import KeptCampaign
from retention.core.params import Campaign
from retention.core.vocabulary import IDENTITY
from retention.data.ids import clean_ids
from retention.data.treated import read_sent


def refuse_other_terms(kept: KeptCampaign, terms: LaunchedTerms | None, campaign: Campaign) -> None:
    """Raise an InputError if params are not those that the campaign of their name was launched by.

    Parameters
    ----------
    kept : KeptCampaign
        The campaign of the present name.
    terms : LaunchedTerms or None
        None of one of which a list alone is kept: that tells the day of the start.
    campaign : Campaign
        The params, with the day of the start.
    """
    now = {key: getattr(campaign, key) for key in ("date", "seed", "control_share")}
    if terms is None:
        starts = read_sent(kept).listed["start"].dt.date
        then = {"date": next((day for day in starts if day != campaign.date), campaign.date)}
    else:
        then = {key: getattr(terms, key) for key in now}
    for key, value in then.items():
        if value != now[key]:
            raise InputError(
                f"{kept.name} was launched with {key} {value}, now params.yaml: campaign.{key} "
                f"gives {now[key]}; valid: another campaign.name"
            )


def refuse_other_list(name: str) -> None:
    """Raise an InputError if a list would contact whom the launched one of its name did not.

    One that contacts fewer is fine: customers withdraw.

    Parameters
    ----------
    name : str
        Params ``campaign.name``; the list is the one in ``data/campaign/``.
    """
    kept = KeptCampaign(paths.CAMPAIGNS / name)
    if not kept.folder.exists():
        return
    listed = read_sent(kept).listed
    treated = listed.index[listed["treatment"]].astype(object)
    for rows in read_batches(paths.CAMPAIGN_LIST, [IDENTITY, "arm"]):
        now = rows.loc[rows["arm"] == Arm.TREATMENT, IDENTITY].astype("str")
        if (treated.get_indexer(clean_ids(now)[0].astype(object)) < 0).any():
            raise InputError(
                f"{name} was launched already with another list; valid: another campaign.name"
            )
