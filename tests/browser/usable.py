"""Whether everybody can use a page: axe-core, both colour schemes, and no width that is wider than its window."""

from functools import cache

from axe_playwright_python.sync_playwright import Axe

from .profiles import VIEWPORT

NARROW, WIDE = 360, 2560
#: WCAG 2.2 AA; what else axe knows has no serious finding
_LEVELS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
#: rules whose findings depend on colours or on the width; the others are the same in every form of a page
_OF_LOOKS = ("color-contrast", "scrollable-region-focusable", "target-size", "link-in-text-block")


def require_usable(page):
    """Everything of a page that is loaded; it is light and of the usual width after it."""
    _none(findings(page), "light")
    for width in (NARROW, WIDE, 3840):
        page.set_viewport_size({"width": width, "height": VIEWPORT["height"]})
        _none(overflow(page), f"{width} px")
        if width == NARROW:
            page.emulate_media(color_scheme="dark")
            _none(findings(page, rules=_OF_LOOKS), "dark and narrow")
            page.emulate_media(color_scheme="light")
    page.set_viewport_size(VIEWPORT)


def require_usable_dialog(page):
    """The same of the dialog that is open."""
    page.get_by_role("dialog").wait_for()
    _none(findings(page, "dialog"), "light")
    page.set_viewport_size({"width": NARROW, "height": VIEWPORT["height"]})
    page.emulate_media(color_scheme="dark")
    _none(overflow(page, "dialog"), "narrow")
    _none(findings(page, "dialog", rules=_OF_LOOKS), "dark and narrow")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(VIEWPORT)


def _none(found, where):
    assert not found, f"{where}: {found}"


def findings(page, within=None, *, rules=None):
    """Serious and critical ones."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(_axe())
    wanted = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": _LEVELS}
    # Without "preload" it asks for no style sheet again.
    options = {"resultTypes": ["violations"], "preload": False, "runOnly": wanted}
    found = page.evaluate("([within, options]) => axe.run(within ?? document, options)", [within, options])
    return [
        (one["id"], [node["html"][:200] for node in one["nodes"]][:3])
        for one in found["violations"]
        if one["impact"] in {"serious", "critical"}
    ]


def overflow(page, within=None):
    """What makes the page, or the open dialog, wider than it may be; empty when nothing does."""
    return page.evaluate(
        """async (within) => {
          await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
          const whole = within ? document.querySelector(within) : document.documentElement;
          if (whole.scrollWidth <= whole.clientWidth) return [];
          const edge = whole.getBoundingClientRect().left + whole.clientWidth + 1;
          const beyond = [...whole.querySelectorAll("*")].filter((one) => one.getBoundingClientRect().right > edge);
          return [`${whole.scrollWidth} px`, ...beyond.slice(0, 5).map((one) => one.outerHTML.slice(0, 120))];
        }""",
        within,
    )


@cache
def _axe():
    return Axe().axe_script
