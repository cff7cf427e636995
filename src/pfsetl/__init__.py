"""pfsetl: Medicare Physician Fee Schedule releases as versioned Parquet, with exact payments.

The folders are the steps, in the order data flows: `declared`, `source`, `parsing`, `tables`, `publication`, `pricing`,
`story`; `pipeline` joins them and `cli` offers them.

>>> import pfsetl
>>> pfsetl.open("output").scan("rvu", "RVU26A").collect()  # doctest: +SKIP
"""

from importlib import import_module

__version__ = "1.0.0"

TYPE_CHECKING = False  # as type checkers read it; importing typing costs as much as starting Python
if TYPE_CHECKING:
    from pfsetl.errors import PfsetlError
    from pfsetl.payers.answers import BenchmarkAnswer
    from pfsetl.payers.benchmark import benchmark
    from pfsetl.pipeline.build import Build, build
    from pfsetl.pricing.answers import (
        ClaimAnswer,
        LineAnswer,
        PriceAnswer,
        ProblemAnswer,
        SourceAnswer,
        StepAnswer,
        WorkIndexAnswer,
    )
    from pfsetl.pricing.price import claim, price
    from pfsetl.publication.companions import Companion
    from pfsetl.publication.version import Version
    from pfsetl.publication.version import open_version as open
    from pfsetl.storage.opening import open_store
    from pfsetl.story.answers import CodeEditAnswer, HistoryAnswer, ProfileAnswer, RelationAnswer
    from pfsetl.story.history import History, history
    from pfsetl.story.profile import Profile, profile

__all__ = [
    "BenchmarkAnswer", "Build", "ClaimAnswer", "CodeEditAnswer", "Companion", "History", "HistoryAnswer", "LineAnswer",
    "PfsetlError", "PriceAnswer", "ProblemAnswer", "Profile", "ProfileAnswer", "RelationAnswer", "SourceAnswer",
    "StepAnswer", "Version", "WorkIndexAnswer", "benchmark", "build", "claim", "history", "open", "open_store",
    "price", "profile",
]  # fmt: skip

_ANSWERS = [name for name in __all__ if name.endswith("Answer")]
_FROM = {
    "Build": "pfsetl.pipeline.build:Build",
    "Companion": "pfsetl.publication.companions:Companion",
    "PfsetlError": "pfsetl.errors:PfsetlError",
    "Version": "pfsetl.publication.version:Version",
    "benchmark": "pfsetl.payers.benchmark:benchmark",
    "build": "pfsetl.pipeline.build:build",
    "claim": "pfsetl.pricing.price:claim",
    "open": "pfsetl.publication.version:open_version",
    "open_store": "pfsetl.storage.opening:open_store",
    "price": "pfsetl.pricing.price:price",
    **{name: f"pfsetl.pricing.answers:{name}" for name in _ANSWERS},
    "History": "pfsetl.story.history:History",
    "BenchmarkAnswer": "pfsetl.payers.answers:BenchmarkAnswer",
    "HistoryAnswer": "pfsetl.story.answers:HistoryAnswer",
    "CodeEditAnswer": "pfsetl.story.answers:CodeEditAnswer",
    "Profile": "pfsetl.story.profile:Profile",
    "ProfileAnswer": "pfsetl.story.answers:ProfileAnswer",
    "RelationAnswer": "pfsetl.story.answers:RelationAnswer",
    "history": "pfsetl.story.history:history",
    "profile": "pfsetl.story.profile:profile",
}


if not TYPE_CHECKING:  # so that type checkers see the names above and no others

    def __getattr__(name: str) -> object:
        """Import each name when it is first used: pricing a service needs nothing of what builds a release."""
        if name not in _FROM:
            raise AttributeError(f"module 'pfsetl' has no attribute {name!r}")
        module, _, attribute = _FROM[name].partition(":")
        found = globals()[name] = getattr(import_module(module), attribute)
        return found


def __dir__() -> list[str]:
    return __all__
