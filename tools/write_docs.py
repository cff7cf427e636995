"""Write the generated pages of docs/ from the contract."""

from pathlib import Path

from pfsetl.declared import contracts, dictionary

DOCS = Path(__file__).parents[1] / "docs"


def main() -> None:
    (DOCS / "tables.md").write_text(dictionary.dictionary(contracts.load()), encoding="utf-8")


if __name__ == "__main__":
    main()
