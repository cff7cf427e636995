"""The application, and the options that several commands share."""

from typing import Annotated

from cyclopts import App, Parameter, validators

OUTPUT_VARIABLE = "PFSETL_OUTPUT"
_STORE = "The store of published versions: a folder, or s3://bucket/prefix."
Output = Annotated[str, Parameter(name=["--output", "-o"], env_var=OUTPUT_VARIABLE, help=_STORE)]
DemoOutput = Annotated[str, Parameter(name=["--output", "-o"], help=_STORE)]  # a sample never goes where releases are
Json = Annotated[bool, Parameter(name="--json", negative="", help="Print data for machines.")]
_KEPT = "Where fetched archives are kept: a folder, or s3://bucket/prefix. Default: PFSETL_CACHE, else"
Cache = Annotated[
    str | None, Parameter(help=f"{_KEPT} archives/ in an --output that is a bucket, else the user's cache folder.")
]
CacheAlone = Annotated[  # of a command without --output
    str | None,
    Parameter(
        name="--cache",
        help=f"{_KEPT} archives/ in a {OUTPUT_VARIABLE} that is a bucket, else the user's cache folder.",
    ),
]
Offline = Annotated[
    bool, Parameter(name="--offline", negative="", help="Use the newest archive in the cache and don't contact CMS.")
]

Several = Annotated[tuple[str, ...], Parameter(negative="", show_default=False)]

MOST = 1_000_000  # of days, of rows to show: more is a slip of the finger
AtLeastNone = Annotated[int, Parameter(validator=validators.Number(gte=0, lte=MOST))]
AtLeastOne = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=MOST))]

AllFormats = Annotated[
    bool,
    Parameter(name="--all-formats", negative="", help="Compare the workbooks too; takes as long as the build itself."),
]

Sample = Annotated[
    bool,
    Parameter(
        name="--sample",
        negative="",
        help="A deliberate part of a release, marked as one; it needn't be complete.",
    ),
]
Strict = Annotated[
    bool, Parameter(name="--strict", negative="", help="Exit 1 when a wanted release is absent or a file unused.")
]
AcceptLoss = Annotated[
    bool,
    Parameter(name="--accept-loss", negative="", help="Publish a release even if rows or files are missing from it."),
]
FileSample = Annotated[
    bool,
    Parameter(name="--sample", negative="", help="A deliberate part of a file, marked as one; it needn't be complete."),
]
FileAcceptLoss = Annotated[
    bool,
    Parameter(name="--accept-loss", negative="", help="Load a file even if it lacks rows that one has that is loaded."),
]
AcceptDifferences = Annotated[
    bool,
    Parameter(
        name="--accept-differences",
        negative="",
        help="Publish a release even if its formats disagree on prices.",
    ),
]


def accepted(*, loss: bool, differences: bool = False) -> tuple[str, ...]:
    """Return the words of `pipeline.request.ACCEPTABLE` that the options name."""
    return tuple(word for word, given in (("loss", loss), ("differences", differences)) if given)


Descriptors = Annotated[
    bool,
    Parameter(name="--with-descriptors", negative="", help="Write CMS's descriptors too, which are licensed text."),
]
DescriptorsOutput = Annotated[
    str | None, Parameter(name="--descriptors-output", help="The store of the descriptors, apart from --output.")
]

EVERY_COMMAND = (
    "Every command takes --debug, which shows tracebacks; --log, which writes a line of JSON a step to stderr; and "
    "--schemas DIR (or PFSETL_SCHEMAS), a folder of declarations laid over the shipped ones, row by row."
)
app = App(
    name="pfsetl",
    help="Medicare Physician Fee Schedule releases as versioned Parquet, with exact payments.",
    help_epilogue=f"'pfsetl COMMAND --help' has examples. {EVERY_COMMAND}",
    result_action="return_value",
)
DEMO_OUTPUT = "output/demo"
DEFAULT_OUTPUT = "output"
