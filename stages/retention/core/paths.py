"""Every path of the project, once: what a person edits, and what each stage writes."""

import os
from dataclasses import dataclass
from pathlib import Path

PARAMS = Path("params.yaml")
COLUMNS = Path("columns.yaml")
OFFERS = Path("offers.yaml")
METRICS = Path("metrics")
"""A file a stage: the headline numbers that people compare."""
PLOTS = Path("plots")
"""A folder a stage."""
TEMPLATES = Path("stages/retention/report/templates")

SAMPLE = Path("data/sample")
"""Folder of the simulated shop's exports."""
TRUTH = SAMPLE / "truth.parquet"
"""Each simulated customer's true probability of a drop."""
EMPTY_LIST = SAMPLE / "suppression.csv"
"""The simulated shop's suppression list, which names nobody."""

PREPARED = Path("data/prepared/customers.parquet")
SET_ASIDE = Path("data/prepared/set_aside.parquet")
QUARANTINE = Path("data/prepared/quarantine.csv")
READINESS = Path("data/prepared/readiness")
"""Findings, as .parquet and .csv."""
PREPARED_DETAILS = Path("data/prepared/details.json")
PREPARED_SCRATCH = Path("data/prepared/.parts")
"""Where a shop of many parts lies while it is prepared."""

FEATURES = Path("data/features/features.parquet")
"""The one table of customers after featurize."""
LEFT_OUT = Path("data/features/left_out.parquet")
"""Ids of customers of the exports who are not in that table."""
DICTIONARY = Path("data/features/dictionary.json")
FEATURES_DETAILS = Path("data/features/details.json")


@dataclass(frozen=True)
class ModelFolder:
    """Where a trained model lies: that of train, or one that was kept under ``models/``."""

    folder: Path

    def __str__(self) -> str:
        return str(self.folder)

    @property
    def model(self) -> Path:
        """The fitted model."""
        return self.folder / "model.skops"

    @property
    def card(self) -> Path:
        """What later stages need to know of it."""
        return self.folder / "model.json"

    @property
    def out_of_fold(self) -> Path:
        """The risk of each row that taught it, by models that have not seen the row."""
        return self.folder / "out_of_fold.parquet"

    @property
    def details(self) -> Path:
        """What training found."""
        return self.folder / "details.json"

    @property
    def explanation(self) -> Path:
        """What explain found when the model was kept; that of train has none."""
        return self.folder / "explanation.json"

    @property
    def evaluation(self) -> Path:
        """Of a model that was kept: the details of evaluate of that day."""
        return self.folder / "evaluation.json"

    @property
    def reliability(self) -> Path:
        """Of a model that was kept: the bins of its risk of that day."""
        return self.folder / "reliability.parquet"


TRAINED = ModelFolder(Path("data/model"))
"""The model that train makes."""
MODELS = Path("models")
"""Models that were kept, a folder each."""
CAMPAIGNS = Path("campaigns")
"""What was sent, a folder a campaign."""
PROGRAMME = Path("campaigns/programme.json")
"""What all measured campaigns show together; names nobody, so that it is in Git."""
OUTBOX = Path("outbox")
"""Contacts for mailing services, a folder a campaign; neither in Git nor in DVC."""
FORECASTS = Path("forecasts")
"""What was foretold of each month before its outcome was known."""

RISKS = Path("data/scores/risk.parquet")
"""Everyone's risk by a model that has not seen the customer's label."""

PREDICTIONS = Path("data/evaluation/predictions.parquet")
RELIABILITY = Path("data/evaluation/reliability.parquet")
EVALUATION_DETAILS = Path("data/evaluation/details.json")
FORECAST = Path("data/evaluation/forecast.json")
"""What is expected of the last month; a copy is kept under ``forecasts/``."""
MONTH_SCORES = Path("data/evaluation/months")
"""Each month's scores beside what was foretold, as .parquet, .csv and .png."""

REASONS = Path("data/explained/reasons.parquet")
WHAT_IF = Path("data/explained/what_if.parquet")
EXPLANATION_DETAILS = Path("data/explained/details.json")

SEGMENTS = Path("data/segments")
CUSTOMERS = Path("data/segments/customers.parquet")
"""Each customer's risk, profit, segments and reasons."""
CUSTOMERS_BOOK = Path("data/segments/customers.xlsx")
"""The same for people, up to the rows of a sheet."""
PORTRAITS = Path("data/segments/portraits.parquet")
CATEGORIES = Path("data/segments/categories.parquet")
SEGMENT_DETAILS = Path("data/segments/details.json")

CAMPAIGN = Path("data/campaign")
CAMPAIGN_LIST = Path("data/campaign/list.parquet")
CAMPAIGN_GLOBAL = Path("data/campaign/global_control.parquet")
"""Who would be on the list but is contacted by no campaign."""
CAMPAIGN_EXCLUDED = Path("data/campaign/excluded.parquet")
"""Who gets no offer, each with the gate."""
CAMPAIGN_SEND = Path("data/campaign/send")
"""What is to be sent: a workbook a channel."""
CAMPAIGN_CONTROL = Path("data/campaign/control.xlsx")
"""Who is not to be contacted, so that the effect can be measured: for the analyst."""
BUDGETS = Path("data/campaign/budgets.parquet")

REPORT = Path("report")
OVERVIEW = Path("report/overview.json")
"""What the page adds up from the tables of a run."""

MEASURED = Path("data/measured")
"""Where measure writes, unless it is told another folder."""


def is_sample(folder: Path | str) -> bool:
    """Tell whether a folder of exports is the simulated shop's, however its path is written."""
    return os.path.realpath(folder) == os.path.realpath(SAMPLE)
