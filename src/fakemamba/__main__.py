"""`python -m fakemamba` is the command line."""

from fakemamba.cli import main

main()
