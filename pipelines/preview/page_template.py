"""The page's own files, put together: a Jinja2 template, a style sheet, and JavaScript modules as an import map.

Each module becomes a data URL under its name (`preview/viewer.js`), so that modules stay modules, import each other by
name, and need neither a server nor a bundler.
"""

from collections.abc import Iterator
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from pipelines.pages.house import environment
from pipelines.preview.embedded import embedded_json

_FOLDER = files("pipelines.preview") / "page"
MODULES = (
    "app", "address", "theme", "gallery", "scrub", "sample_data", "disparity",
    "viewer", "viewer_keys", "stack", "zoom", "divider", "pointer", "overlay", "overlay_layer", "marks", "readout",
    "picture_choice", "sample_facts", "loupe", "hold_button",
    "lens_setting", "lens_sliders", "focus_scale",
    "live_view", "live_scene", "live_renderer", "live_shader", "background", "pupil",
)  # fmt: skip


def page_parts(**values: Any) -> Iterator[str]:
    """The page's text, part by part: `samples` may be a generator that makes them on the way."""
    templates = environment("pipelines.preview", "page")
    templates.filters["embedded"] = lambda value: Markup(embedded_json(value))
    return templates.get_template("page.html").generate(
        style=Markup(_source("style.css")), import_map=Markup(embedded_json(import_map())), raw=Markup, **values
    )


def import_map() -> dict[str, dict[str, str]]:
    """Name to data URL of every module."""
    scripts = {f"preview/{name}.js": quote(_source(f"js/{name}.js")) for name in MODULES}
    return {"imports": {name: f"data:text/javascript;charset=utf-8,{script}" for name, script in scripts.items()}}


def _source(name: str) -> str:
    return _FOLDER.joinpath(*name.split("/")).read_text(encoding="utf-8")
