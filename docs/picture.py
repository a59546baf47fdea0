"""Takes the picture of the report page that README shows: `python docs/picture.py OUTPUTS`."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).with_name("report.png")
WIDTH, HEIGHT = 1200, 800


def take(outputs: str) -> None:
    """Makes the page of these outputs and photographs its first screen."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page = Path(folder, "report.html")
        subprocess.run([sys.executable, "-m", "openrs", "report", outputs, "-o", page], check=True)
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"], timeout=0
        )
        screen = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        screen.set_default_timeout(0)  # a busy machine takes long to draw, and the picture waits for it
        screen.goto(page.as_uri())
        screen.wait_for_selector("html[data-ready=true]")
        screen.screenshot(path=PICTURE)
        browser.close()


if __name__ == "__main__":
    take(*sys.argv[1:])
