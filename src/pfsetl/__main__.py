"""Run the command line as `python -m pfsetl`."""

from pfsetl.cli import main

main()
