"""Write the generated pages of docs/: the tables from the contract, the Python names from their docstrings."""

from pathlib import Path

from pfsetl.declared import contracts
from tools import api_page, dictionary

DOCS = Path(__file__).parents[1] / "docs"


def main() -> None:
    (DOCS / "tables.md").write_text(dictionary.dictionary(contracts.load()), encoding="utf-8")
    pages = dictionary.dictionary(contracts.companions(), "Companions")
    (DOCS / "companions.md").write_text(pages, encoding="utf-8")
    (DOCS / "api.md").write_text(api_page.page(), encoding="utf-8")


if __name__ == "__main__":
    main()
