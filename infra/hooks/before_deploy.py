"""azd's hook before a deployment: the schema that the new code needs. Steps only add: the old code goes on."""

from deployment import HookFailed, deployment, run_hook


def upgrade() -> None:
    """Bring the schema up to date. Raises HookFailed."""
    if deployment().manage("db", "upgrade") != 0:
        raise HookFailed("the schema is not up to date, so the new code would not start; nothing was deployed.")


if __name__ == "__main__":
    run_hook(upgrade)
