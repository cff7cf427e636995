"""What is declared as data: the files of `schemas/`, the releases, the contract, the calendar."""
