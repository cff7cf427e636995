"""The command line: one function per command. Exit 0 done, 1 data refused, 2 usage, 3 source unavailable."""

import logging
import sys

from cyclopts import CycloptsError
from polars.exceptions import PolarsError

from pfsetl.cli import building, pricing, proving, publishing, reading, terminal  # noqa: F401  most register commands
from pfsetl.cli.options import app
from pfsetl.errors import PfsetlError, Unexpected, is_fault, unexpected


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
        what = f"a table can't be read ({type(error).__name__})"
        remedy = (
            "If a published file is damaged or out of reach, 'pfsetl verify' names it; --debug shows where it happened."
        )
        _fail(PfsetlError(f"{what}. {remedy}"), 1, debug, error)
    except KeyboardInterrupt:
        sys.exit(130)
    except BaseException as error:
        if not is_fault(error):
            raise
        _fail(Unexpected(unexpected(error)), 1, debug, error)


def _fail(error: Exception, exit_code: int, debug: bool, cause: BaseException | None = None) -> None:
    if debug:
        raise cause or error
    print(f"pfsetl: {terminal.plain(str(error))}", file=sys.stderr)
    sys.exit(exit_code)
