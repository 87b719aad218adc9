"""`python -m imagenetq`: the command line, as the installed command runs it."""

import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:
        # The working directory, which the installed command does not search either.
        del sys.path[0]
    from imagenetq.cli import main

    main()
