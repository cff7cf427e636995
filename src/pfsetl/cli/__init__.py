"""The command line: one function per command. Exit 0 done, 1 data refused, 2 usage, 3 source unavailable."""

import logging
import sys

from cyclopts import CycloptsError
from polars.exceptions import PolarsError

from pfsetl.cli import building, pricing, proving, publishing, reading  # noqa: F401  each registers its commands
from pfsetl.cli.options import app
from pfsetl.cli.terminal import printable
from pfsetl.errors import PfsetlError


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; no error reaches the user as a traceback unless --debug asks for it."""
    arguments = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in arguments
    if "--log" in arguments:
        logging.basicConfig(stream=sys.stderr, format="%(message)s")
        logging.getLogger("pfsetl").setLevel(logging.INFO)
    try:
        app([a for a in arguments if a not in ("--debug", "--log")], exit_on_error=False, print_error=False)
    except PfsetlError as error:
        _fail(error, error.exit_code, debug)
    except CycloptsError as error:
        _fail(error, 2, debug)
    except BrokenPipeError:
        sys.stderr.close()
    except OSError as error:
        _fail(
            PfsetlError(f"{error.filename or 'output'}: {error.strerror or error}. Check path and space."),
            1,
            debug,
            error,
        )
    except PolarsError as error:
        what = str(error).splitlines()[0].rstrip(".")
        remedy = (
            "If a published file is damaged or out of reach, 'pfsetl verify' names it; --debug shows where it happened."
        )
        _fail(PfsetlError(f"{what}. {remedy}"), 1, debug, error)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        # NOTE: the last resort, so that what nobody foresaw is still an error with a place and a remedy.
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        _fail(PfsetlError(f"{what}. This wasn't foreseen; --debug shows where it happened."), 1, debug, error)


def _fail(error: Exception, exit_code: int, debug: bool, cause: Exception | None = None) -> None:
    if debug:
        raise cause or error
    print(f"pfsetl: {printable(str(error))}", file=sys.stderr)
    sys.exit(exit_code)
