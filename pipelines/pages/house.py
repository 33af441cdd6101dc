"""Templates in one house style: dark or light as the system is, and every value text unless it was made as markup."""

from importlib.resources import files

import jinja2
from markupsafe import Markup


def environment(package: str, folder: str = ".") -> jinja2.Environment:
    """Templates of a package's folder; `house_style` and the filter `number` are known to all of them."""
    templates = files(package) / folder
    made = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (templates / name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["number"] = number
    made.globals["house_style"] = Markup((files("pipelines.pages") / "house.css").read_text(encoding="utf-8"))
    return made


def number(value: float) -> str:
    """Three digits that matter, without exponents where one can do without."""
    return f"{value:,.0f}".replace(",", "\u202f") if abs(value) >= 1000 else f"{value:.3g}"
