"""The page: data and libraries put into a template, so that one file is the whole report.

Nothing is fetched by it: a content security policy forbids every request. Text from models is in JSON
in which no character can end a script, and the page inserts it as text.
"""

import base64
import html
import importlib.util
import json
import re
from pathlib import Path
from string import Template
from typing import Any

from openrs.errors import Mistake

HERE = Path(__file__).parent
PAGE, VENDOR = HERE / "page", HERE / "vendor"


def embedded(data: Any) -> str:
    """JSON that is inert inside a script element, whatever the strings in it say."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in ("<", ">", "&", "\u2028", "\u2029"):
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode("utf-8", "replace").decode()  # half of a surrogate pair is no text


def page(data: dict[str, Any]) -> str:
    """The report as one HTML document."""
    data = dict(data)
    viewer = data.pop("completions")
    tabulator = (VENDOR / "tabulator" / "tabulator_simple.min.css").read_text(encoding="utf-8")
    return Template((PAGE / "page.html").read_text(encoding="utf-8")).substitute(
        title=_escaped(data["title"]),
        abstract=_escaped(_abstract(data)),
        styles="\n".join((tabulator, _katex_css(), (PAGE / "page.css").read_text("utf-8"))),
        libraries="\n".join(f"<script>{script(text)}</script>" for text in _libraries()),
        plotly=script(_plotly().read_text(encoding="utf-8")),
        data=embedded(data),
        completions=embedded(viewer),
        code="\n".join(
            f"<script>{script((PAGE / name).read_text('utf-8'))}</script>"
            for name in ("tables.js", "plots.js", "viewer.js", "page.js")
        ),
    )


def _abstract(data: dict[str, Any]) -> str:
    """Question and answer as text, for readers that run no script."""
    question = [data["study"]["question"]] if data["study"] else []
    return " ".join([*question, *(text for part in data["parts"] for text in part["summary"])])


def _escaped(text: str) -> str:
    return html.escape(text.encode("utf-8", "replace").decode())


def script(text: str) -> str:
    """A library's code, which may neither end its element nor ask for its source map."""
    text = re.sub(r"^//# sourceMappingURL=.*$", "", text, flags=re.MULTILINE)
    return re.sub(r"</(script)", r"<\\/\1", text, flags=re.IGNORECASE)


def _libraries() -> list[str]:
    files = [
        VENDOR / "tabulator" / "tabulator.min.js",
        VENDOR / "katex" / "katex.min.js",
        VENDOR / "katex" / "auto-render.min.js",
    ]
    return [file.read_text(encoding="utf-8") for file in files]


def _plotly() -> Path:
    """plotly.js as the package plotly brings it; the package itself, which is slow, is not imported."""
    spec = importlib.util.find_spec("plotly")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (path := Path(folder) / "package_data" / "plotly.min.js").exists():
            return path
    raise Mistake("plotly: is not installed, and the report's plots need it. Run pip install plotly.")


def _katex_css() -> str:
    """KaTeX's style sheet with its fonts inside."""
    css = (VENDOR / "katex" / "katex.min.css").read_text(encoding="utf-8")
    css = re.sub(r',url\(fonts/[^)]*\.(?:woff|ttf)\) format\("[a-z]+"\)', "", css)

    def inlined(match: re.Match[str]) -> str:
        font = (VENDOR / "katex" / "fonts" / match[1]).read_bytes()
        return f"url(data:font/woff2;base64,{base64.b64encode(font).decode()})"

    return re.sub(r"url\(fonts/([^)]*\.woff2)\)", inlined, css)
