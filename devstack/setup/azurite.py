"""Installs Azurite, Microsoft's storage emulator, from npm under ``.devstack/node``.

Made in a folder of another name and renamed when complete, so a set-up that was cut off leaves nothing that looks done.
"""

import os
import shutil
import subprocess
import time
from pathlib import Path

from devstack.setup.console import SetupProblem, say

#: 3.36 and later want Node 22.
VERSION = "3.35.0"
_ENTRY = Path("node_modules/azurite/dist/src/azurite.js")
_STAMP = "azurite-version"


def ensure_azurite(root: Path) -> list[str]:
    """Command that starts Azurite, installed first if need be. Raises SetupProblem."""
    node = shutil.which("node")
    if node is None:
        raise SetupProblem(_no_node("node"))
    folder = root / ".devstack" / "node"
    if not _is_complete(folder):
        _install(folder)
    return [node, str(folder / _ENTRY)]


def binary(root: Path) -> Path:
    """The executable that npm makes, for tests that start an Azurite of their own."""
    return root / ".devstack" / "node" / "node_modules" / ".bin" / ("azurite.cmd" if os.name == "nt" else "azurite")


def storage_arguments(location: Path, *, blob: int, queue: int, table: int) -> list[str]:
    """Arguments for three services on loopback with data under ``location``."""
    return [
        "--silent",
        # azure-storage-blob speaks a newer API version than Azurite knows by name, and is refused without this.
        "--skipApiVersionCheck",
        "--disableTelemetry",
        *("--location", str(location)),
        *("--blobHost", "127.0.0.1", "--blobPort", str(blob)),
        *("--queueHost", "127.0.0.1", "--queuePort", str(queue)),
        *("--tableHost", "127.0.0.1", "--tablePort", str(table)),
    ]


def connection_string(*, blob: int, queue: int, table: int) -> str:
    """Connection string of a local Azurite. The account and its key are the emulator's published ones, no secret."""
    account = "devstoreaccount1"
    key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
    return (
        f"DefaultEndpointsProtocol=http;AccountName={account};AccountKey={key};"
        f"BlobEndpoint=http://127.0.0.1:{blob}/{account};"
        f"QueueEndpoint=http://127.0.0.1:{queue}/{account};"
        f"TableEndpoint=http://127.0.0.1:{table}/{account};"
    )


def _is_complete(folder: Path) -> bool:
    try:
        return (folder / _STAMP).read_text(encoding="utf-8") == VERSION and (folder / _ENTRY).exists()
    except OSError:
        return False


def _install(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise SetupProblem(_no_node("npm"))
    say(f"setup: installing Azurite {VERSION} from npm; about a minute")
    started = time.monotonic()
    part = folder.with_name("node.part")
    for stale in (part, folder):
        if stale.exists():
            shutil.rmtree(stale)
    part.mkdir(parents=True)
    (part / "package.json").write_text('{"private": true}\n', encoding="utf-8")
    done = subprocess.run(
        [
            *(npm, "install", "--no-audit", "--no-fund", "--no-update-notifier", "--no-package-lock"),
            *("--ignore-scripts", "--loglevel=error", f"azurite@{VERSION}"),
        ],
        cwd=part,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        raise SetupProblem(f"npm could not install Azurite (exit {done.returncode}); see its lines above.")
    (part / _STAMP).write_text(VERSION, encoding="utf-8")
    part.rename(folder)
    say(f"setup: Azurite installed in {time.monotonic() - started:.0f} s")


def _no_node(missing: str) -> str:
    return (
        f"Local blob storage needs Node.js 20 or newer with npm, and no `{missing}` is on PATH.\n"
        "Install it (Debian: sudo apt install nodejs npm; macOS: brew install node; "
        "Windows: winget install OpenJS.NodeJS.LTS), then start dev.py again."
    )
