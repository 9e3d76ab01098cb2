"""The documentation site: Sphinx with MyST, built by `make docs` without the network, warnings as errors."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "docs"), str(ROOT / "src")]

from lastiterate import __version__  # noqa: E402

project = "lastiterate"
author = "the lastiterate developers"
release = version = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton", "site_extension"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
html_math_renderer = "mathml"
html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
html_title = "lastiterate"
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_custom_sections = [("Common arguments", "params_style")]
default_role = "code"
highlight_language = "none"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
python_use_unqualified_type_names = True
exclude_patterns = ["_build"]
