"""What messages name is there: commands with their options, and the store they are about; files of declarations."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pfsetl
from pfsetl.cli.commands import COMMANDS
from pfsetl.cli.options import app
from pfsetl.declared import declarations

SOURCE = Path(pfsetl.__file__).parent
OF_EVERY_COMMAND = {"--schemas", "--debug", "--log", "--help", "--version"}
WITHOUT_A_STORE = {"list"}  # says which releases there are, whatever store it's asked of
MADE = {"releases.lock.csv", "places.csv"}  # files that pfsetl itself keeps, and no declarations


@cache
def options(command: str) -> set[str]:
    return {name for argument in app[command].assemble_argument_collection() for name in argument.names}


def of_flows() -> set[str]:
    """The options of the flows, which are the keywords of the function `command` of each."""
    return {name for path in (SOURCE / "flows").glob("*.py") for name in _keywords(ast.parse(path.read_text()))}


def _keywords(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == "command":
            yield from (f"--{one.arg.replace('_', '-')}" for one in node.args.kwonlyargs)


def texts(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield the strings of a module but docstrings, `{}` where a value goes, and if `command()` completes it."""
    tree = ast.parse(path.read_text())
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    skipped = {
        id(n.body[0].value) for n in ast.walk(tree) if isinstance(n, documented) and isinstance(n.body[0], ast.Expr)
    }
    completed = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "command" and not node.keywords:
            completed.add(id(node.args[0]))  # with a keyword, it's one of another program
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(part) for part in node.values}
            text = "".join(str(p.value) if isinstance(p, ast.Constant) else "{}" for p in node.values)
            yield text, id(node) in completed
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.value, id(node) in completed


@cache
def all_texts() -> list[tuple[Path, str, bool]]:
    return [(path, text, completed) for path in sorted(SOURCE.rglob("*.py")) for text, completed in texts(path)]


def commands() -> Iterator[tuple[str, str, bool]]:
    """Yield the command lines in all texts: the verb, what follows it, and if `command()` completes it."""
    for _, text, completed in all_texts():
        if completed:
            verb, _, rest = text.partition(" ")
            yield verb, rest, completed
        for found in re.finditer(r"(?:'|: )pfsetl ([a-z]+)([^'`]*)", text):
            yield found[1], found[2], completed


def test_a_command_that_a_message_names_has_the_options_that_it_names() -> None:
    named = list(commands())
    assert len(named) > 30  # they are found
    wrong = {
        (verb, option)
        for verb, rest, _ in named
        for option in ["", *re.findall(r"(?<!\S)--[a-z0-9-]+", rest)]
        if verb not in COMMANDS or (option and option not in options(verb) | OF_EVERY_COMMAND)
    }
    assert wrong == set()


def test_a_command_that_a_message_names_says_which_store() -> None:
    assert {
        verb
        for verb, rest, completed in commands()
        if "--output" in options(verb) and not completed and "--output" not in rest
    } == WITHOUT_A_STORE


def test_an_option_that_a_message_names_is_one() -> None:
    known = {option for command in COMMANDS for option in options(command)} | OF_EVERY_COMMAND
    wrong = {
        (str(path.relative_to(SOURCE)), option)
        for path, text, _ in all_texts()
        for option in re.findall(r"(?<![\w-])--[a-z]+(?:-[a-z]+)*\b(?!-?\{)", text)
        if option not in known | (of_flows() if path.parent.name == "flows" else set())
    }
    assert wrong == set()


def test_a_file_of_declarations_that_a_message_names_is_one() -> None:
    shipped = {p.relative_to(declarations.folder()).as_posix() for p in declarations.folder().rglob("*.csv")}
    wrong = {
        (str(path.relative_to(SOURCE)), name)
        for path, text, _ in all_texts()
        if path.name != "examples.py"  # whose files are the user's own
        for name in re.findall(r"(?<![\w{}./-])[a-z_]+(?:/[a-z_]+)?\.csv", text)
        if name not in shipped | MADE
    }
    assert wrong == set()
