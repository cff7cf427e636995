"""The commands by name, and how one is run: what its errors say, and with which code it exits."""

import logging
import os
import sys
from pathlib import Path

from cyclopts import CycloptsError, Group, MissingArgumentError, UnknownCommandError, UnusedCliTokensError

from pfsetl.cli import examples, terminal
from pfsetl.cli.options import DEFAULT_OUTPUT, EVERY_COMMAND, OUTPUT_VARIABLE, app
from pfsetl.declared import declarations
from pfsetl.errors import PfsetlError, Unexpected, UsageError, is_fault, refuse_undecoded, unexpected

MODULES = {
    "benchmarking": ("benchmark",),
    "building": ("demo", "build", "backfill", "check"),
    "declaring": ("declare",),
    "fetching": ("fetch", "discover"),
    "looking": ("site", "serve", "page"),
    "pricing": ("price", "claim", "load", "unload"),
    "proving": ("verify", "repair"),
    "exporting": ("export", "views", "sql"),
    "publishing": ("versions", "runs", "rollback", "withdraw", "prune"),
    "registering": ("iceberg",),
    "reading": ("list", "code", "diff", "trace"),
    "telling": ("history", "explain"),
    "watching": ("status",),
}
STANDARD_INPUT = "/dev/stdin"  # what `-` stands for
OUTPUT_CLOSED = 141  # as the shell says of a command that ends because nobody reads it any more
COMMANDS = {name: module for module, names in MODULES.items() for name in names}
GROUPS = {name: Group(name, sort_key=place) for place, name in enumerate(examples.HEADINGS)}
for command, module in COMMANDS.items():  # imported when it's run: a price needs nothing of what builds a release
    app.command(
        f"pfsetl.cli.{module}:{command if command != 'list' else 'list_'}",
        name=command,
        group=GROUPS[examples.heading(command)],
        help_epilogue="\n\n".join(("Examples:", *examples.EXAMPLES.get(command, ()), EVERY_COMMAND)),
    )
app.register_install_completion_command()


def run(arguments: list[str]) -> None:
    """Run a command line; no error reaches the user as a traceback unless --debug asks for it."""
    debug = "--debug" in arguments
    terminal.open_closed_streams()
    terminal.say_what_it_can(sys.stdout)
    if "--log" in arguments:
        logging.basicConfig(stream=sys.stderr, format="%(message)s")
        logging.getLogger("pfsetl").setLevel(logging.INFO)
    try:
        if os.environ.get(OUTPUT_VARIABLE) == "":
            raise UsageError(f"{OUTPUT_VARIABLE} is empty. Name a store in it, or unset it.")
        _refuse_unusable(arguments)
        arguments = _piped([a for a in _overlaid(arguments) if a not in ("--debug", "--log")])
        if not {"--version", *COMMANDS} & set(arguments):
            for command in COMMANDS:
                app[command]  # imports it, so that the list of commands says what each does
        app(arguments, exit_on_error=False, print_error=False)
    except PfsetlError as error:
        _fail(error, error.exit_code, debug)
    except CycloptsError as error:
        _fail(UsageError(_misunderstood(error)), 2, debug, error)
    except BrokenPipeError:
        # NOTE: what is left to write goes nowhere, so that nothing is said of it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(OUTPUT_CLOSED)
    except OSError as error:
        _fail(
            PfsetlError(
                f"{f'{error.filename}: ' if error.filename else ''}{error.strerror or error}. Check path and space."
            ),
            1,
            debug,
            error,
        )
    except BaseException as error:
        if not is_fault(error):
            raise
        _fail(_told(error, arguments), 1, debug, error)


def _piped(arguments: list[str]) -> list[str]:
    """Let `claim -` read a pipe; of every other command `-` is no argument, and refused."""
    if arguments[:1] != ["claim"]:
        return arguments
    return [STANDARD_INPUT if argument == "-" else argument for argument in arguments]


def _told(error: BaseException, arguments: list[str]) -> PfsetlError:
    """Return what a user is told of an error that isn't one of pfsetl's own."""
    from polars.exceptions import PolarsError  # here, because polars takes longer to import than some commands to run

    from pfsetl.remedies import command

    if not isinstance(error, PolarsError):
        return Unexpected(unexpected(error))
    return PfsetlError(
        f"a table can't be read ({type(error).__name__}). If a published file is damaged or out of reach, "
        f"{command('verify', _output(arguments))} names it; --debug shows where it happened."
    )


def _misunderstood(error: CycloptsError) -> str:
    """Return what a user is told of a command line that isn't understood, with the page that says what is."""
    command = " ".join(error.command_chain or ())
    one = error.argument
    if isinstance(error, UnknownCommandError):
        return f"{str(error).partition(' Available commands')[0]} 'pfsetl --help' lists all."
    if isinstance(error, MissingArgumentError) and one and (error.keyword or one.tokens):
        said = f"{error.keyword or one.name}: a value has to follow it."
    elif isinstance(error, MissingArgumentError) and one:
        name = one.name.removeprefix("--").upper() if one.field_info.is_positional else one.name
        said = f"{command}: {name} is missing."
    elif isinstance(error, UnusedCliTokensError):
        said = f"{command}: too many arguments: {', '.join(error.unused_tokens or ())}."
    else:
        said = str(error)
    return f"{said} 'pfsetl {command} --help' says what it takes." if command else said


def _output(arguments: list[str]) -> str:
    """Return the store that a command line names, for the messages of errors that know no store."""
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        name, equals, value = argument.partition("=")
        if name in ("--output", "-o"):
            return value if equals else following
    return os.environ.get(OUTPUT_VARIABLE) or DEFAULT_OUTPUT


def _refuse_unusable(arguments: list[str]) -> None:
    """Raise UsageError for an empty argument, as of a variable that is unset: left out, it means another thing.

    `trace --modifier ''` asks for the rows without one.
    """
    for before, argument in zip(["", *arguments], arguments, strict=False):
        refuse_undecoded(argument)
        option, equals, value = argument.partition("=")
        if equals and option.startswith("--"):
            before, argument = option, value
        if not argument.strip() and before not in ("--modifier", "--schemas"):
            what = f"{before}: " if before.startswith("-") else f"after {before!r}: " if before else ""
            raise UsageError(
                f"{what}an empty argument. Is a variable of the shell unset? Give a value or leave it out."
            )


def _overlaid(arguments: list[str]) -> list[str]:
    """Take --schemas DIR out of the arguments, and say what is laid over the shipped declarations."""
    left: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        name, equals, value = argument.partition("=")
        if name != "--schemas":
            left.append(argument)
            continue
        value = value if equals else next(rest, "")
        if not value:
            raise UsageError("--schemas: no folder. Name one: --schemas DIR.")
        os.environ[declarations.VARIABLE] = str(Path(value).expanduser().absolute())
    if path := declarations.own():
        told = ", ".join(f"{count} of {name}" for name, count in declarations.own_rows().items())
        print(f"declarations of {path}: {told or 'none'}", file=sys.stderr)
    return left


def _fail(error: Exception, exit_code: int, debug: bool, cause: BaseException | None = None) -> None:
    if debug:
        raise cause or error
    print(f"pfsetl: {terminal.plain(str(error))}", file=sys.stderr)
    sys.exit(exit_code)
