"""The unixODBC driver manager, which pyodbc needs on Linux. Only connections to Azure SQL use it."""

import ctypes.util
import os
import shutil
import subprocess
import sys

from devstack.setup.console import SetupProblem, say

#: driver manager, and what Microsoft's driver loads
_PACKAGES = ("unixodbc", "libkrb5-3", "libgssapi-krb5-2", "libltdl7")


def ensure_odbc() -> None:
    """Install the driver manager where Debian's apt-get can and we may. Raises SetupProblem that says what to do."""
    if not sys.platform.startswith("linux") or ctypes.util.find_library("odbc"):
        return
    command = ["apt-get", "install", "-y", "--no-install-recommends", *_PACKAGES]
    advice = f"Tests on Azure SQL need unixODBC. Install it: sudo {' '.join(command)}"
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise SetupProblem(advice)
    say("setup: installing unixODBC with apt-get")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for step in (["apt-get", "update", "-q"], command):
        done = subprocess.run(
            step, env=environment, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        if done.returncode:
            say(done.stdout + done.stderr)
            raise SetupProblem(f"`{' '.join(step)}` failed. {advice}")
