"""pfsetl: Medicare Physician Fee Schedule releases as versioned Parquet, with exact payments.

The folders are the steps, in the order data flows: `declared`, `source`, `parsing`, `tables`, `publication`, `pricing`;
`pipeline` joins them and `cli` offers them.

>>> import pfsetl
>>> pfsetl.open("output").scan("rvu", "RVU26A").collect()  # doctest: +SKIP
"""

from pfsetl.pipeline import Build, build
from pfsetl.pricing.price import claim, price
from pfsetl.publication.store import open_store
from pfsetl.publication.version import Version
from pfsetl.publication.version import open_version as open

__all__ = ["Build", "Version", "build", "claim", "open", "open_store", "price"]
