"""The tables of a release held against what they must be: the contract, the law, each other, and other releases."""
