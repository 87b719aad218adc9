"""Run the command line as `python -m imagenetq`, just as the installed command does."""

import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:
        # The installed command does not search the working directory, so this must not either.
        del sys.path[0]
    from imagenetq.cli import main

    main()
