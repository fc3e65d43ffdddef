"""azd's hook before packaging: what belongs into the app, unpacked under dist/flex, where azd takes it from."""

import shutil
import subprocess
import sys
import zipfile

from deployment import ROOT, HookFailed, run_hook


def unpack() -> None:
    """Have dev.py make the package, and unpack it. Raises HookFailed."""
    package, folder = ROOT / "dist" / "app-flex.zip", ROOT / "dist" / "flex"
    package.parent.mkdir(exist_ok=True)
    command = [sys.executable, str(ROOT / "dev.py"), "package", "--plan", "flex", "--output", str(package)]
    if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
        raise HookFailed("dev.py could not make the package; it has said why.")
    shutil.rmtree(folder, ignore_errors=True)
    with zipfile.ZipFile(package) as packed:
        packed.extractall(folder)
    # azd leaves out each __pycache__, and with it the bytecode, of a folder that has no such file.
    (folder / ".funcignore").write_text("# Everything that lies here is deployed.\n", encoding="utf-8")


if __name__ == "__main__":
    run_hook(unpack)
