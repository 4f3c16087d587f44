"""Build the wheel and use it the way a stranger would: outside of this checkout.

Runs by ``make package``. The versions are those of ``requirements/dev.txt``, so after
``make setup`` pip finds everything in its cache.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command and return what it printed; a failure ends the check."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"failed with {done.returncode}: {command}\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build = (sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder)
        run(*build, cwd=ROOT)
        wheel = next(folder.glob("*.whl"))
        print(f"built {wheel.name}, {wheel.stat().st_size // 1024} KiB")

        pins = re.findall(
            r"^[a-z0-9-]+==[^\\\n]+", (ROOT / "requirements/dev.txt").read_text(), re.M
        )
        (folder / "pins.txt").write_text("\n".join(pins) + "\n")
        venv.create(folder / "venv", with_pip=True)
        install = ("-m", "pip", "install", "-q", "--disable-pip-version-check", "-c", "pins.txt")
        run(folder / "venv/bin/python", *install, f"{wheel}[local]", cwd=folder)

        command = folder / "venv/bin/provisioner"
        print(run(command, "--version", cwd=folder))
        print(run(command, "--project", ROOT, "validate", cwd=folder))
        run(command, "init", "fresh", cwd=folder)
        print(run(command, "validate", cwd=folder / "fresh"))
        applied = run(command, "apply", "-e", "local", "--auto-approve", cwd=folder / "fresh")
        print(applied.splitlines()[-1])
        page = run(command, "status", "-e", "local", "-o", "html", cwd=folder / "fresh")
        print(re.findall("<title>.*</title>", page)[0])


if __name__ == "__main__":
    main()
