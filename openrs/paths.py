"""Where the checkout keeps what is not code."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONF = ROOT / "conf"
SWEEPS = ROOT / "sweeps"
