"""manage.py on the deployment: ``python infra/hooks/manage_azure.py setup --company NT047``, and all other commands.

The database is asked with the login of the Azure CLI, the ring comes from the vault and goes into no file.
"""

import sys

from deployment import deployment, run_hook


def manage() -> None:
    """Hand the arguments on. Raises HookFailed."""
    here = deployment()
    sys.exit(here.manage(*sys.argv[1:], ring=here.ring()))


if __name__ == "__main__":
    run_hook(manage)
