"""azd's hook after a deployment: has new blobs told to the app, on Flex Consumption. Safe to repeat."""

import time

from deployment import ROOT, HookFailed, deployment, run_hook

_TRIES = 10
_PAUSE_SECONDS = 30


def subscribe() -> None:
    """Deploy the event subscription, once the app knows its function. Raises HookFailed."""
    here = deployment()
    if here["APP_PLAN"] != "flex":
        print("events of new blobs: not needed, the trigger polls")
        return
    template = ("--template-file", str(ROOT / "infra" / "events.bicep"))
    parameters = ("--parameters", f"appName={here['APP_NAME']}", f"storageName={here['STORAGE_NAME']}")
    group = ("--resource-group", here["AZURE_RESOURCE_GROUP"], "--name", "events", "--output", "none")
    for left in range(_TRIES, 0, -1):
        try:
            here.azure("deployment", "group", "create", *group, *template, *parameters)
        except HookFailed as error:
            if left == 1:
                raise
            # The key of the endpoint is made when the app has started with its blob function.
            print(f"events of new blobs: not yet ({str(error)[:200]}); next try in {_PAUSE_SECONDS} s")
            time.sleep(_PAUSE_SECONDS)
        else:
            print("events of new blobs: subscribed")
            return


if __name__ == "__main__":
    run_hook(subscribe)
