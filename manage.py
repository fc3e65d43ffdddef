"""Operations on a deployment or a laptop: database, keys, usage, quotas. Dispatches to ``shared_code/cli``."""

import sys

from shared_code.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
