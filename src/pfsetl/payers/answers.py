"""What `benchmark` answers: a plain dictionary, with the type of every key and, for docs/api.md, its meaning."""

from datetime import date
from typing import Annotated, Any, TypedDict


class BenchmarkAnswer(TypedDict):
    """What came of a file of payers' rates beside Medicare's; the rates themselves are in the file that was written."""

    version: Annotated[int, "version of the store that was read"]
    format: Annotated[str, "the kind of file: `csv`, `in-network`, `hospital json` or `hospital csv`"]
    date: Annotated[date, "the day of rates that don't name theirs"]
    locality: Annotated[str, "the locality of rates that don't name theirs, or `national`"]
    rates: Annotated[int, "how many rates were compared"]
    rows: Annotated[int, "how many rows were written: one for each setting of a rate"]
    percentages: Annotated[int, "how many of them have a percentage of Medicare"]
    reasons: Annotated[dict[str, int], "why the others have none, and how many"]
    left_out: Annotated[dict[str, int], "rates that weren't asked for"]
    expired: Annotated[int, "rows whose rate had expired before the day"]
    notes: Annotated[list[str], "what else there is to know, in words"]
    files: Annotated[list[str], "what was written: rates, summary, and providers where the file names them"]
    summary: Annotated[
        list[dict[str, Any]], "the rows of the summary; without those of codes where they are over 1,000"
    ]
