"""Run the command line as ``python -m mriseg``."""

from mriseg.cli import main

main()
