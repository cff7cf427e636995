"""pfsetl: Medicare Physician Fee Schedule releases as versioned Parquet, with exact payments.

>>> import pfsetl
>>> pfsetl.open("output").scan("rvu", "RVU26A").collect()  # doctest: +SKIP
"""

from pfsetl.pipeline import Build, build
from pfsetl.store import open_store
from pfsetl.version import Version
from pfsetl.version import open_version as open

__all__ = ["Build", "Version", "build", "open", "open_store"]
