"""Browser profiles that tests use one after another: to make one costs half a second, to make a page a third.

A profile keeps the console's files, and a page. It is given on without its storage, cookies of others, sizes and colours.
"""

from dataclasses import dataclass, field

from playwright.sync_api import Browser, BrowserContext, Page

CONSOLE = "/api/manage/console"
VIEWPORT = {"width": 1440, "height": 900}

#: counts real key presses, and notes what a script of somebody else would do
_WATCH = """
window.__keys = 0;
addEventListener("keydown", (event) => { if (event.isTrusted) window.__keys += 1; }, true);
addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
"""


@dataclass
class Profile:
    """One profile with its page. ``key`` is the login that it is signed in with."""

    context: BrowserContext
    page: Page
    key: str | None = None
    cookies: list = field(default_factory=list)

    def sign_in(self, key):
        """Signs in, unless this login still is."""
        if self.key == key and self.context.cookies() == self.cookies:
            return
        self.context.clear_cookies()
        answer = self.context.request.post(
            f"{CONSOLE}/sign-in", data={"key": key}, headers={"sec-fetch-site": "same-origin"}
        )
        assert answer.ok, answer.text()
        self.key, self.cookies = key, self.context.cookies()

    def leave(self):
        """Ends what the page does, and forgets what it has stored."""
        for other in self.context.pages:
            if other is not self.page:
                other.close()
        if CONSOLE in self.page.url:
            self.page.evaluate("() => { sessionStorage.clear(); localStorage.clear(); }")
        self.page.unroute_all()
        # A page of the same host: any other would make a process of its own, and the next test another one.
        self.page.goto(f"{CONSOLE}/static/0/icon.svg")
        self.page.set_viewport_size(VIEWPORT)
        self.page.emulate_media(color_scheme="light")


class Profiles:
    """All profiles of a run. ``problems`` is what pages have said since the last look."""

    def __init__(self, browser: Browser, host: str) -> None:
        self._browser, self._host = browser, host
        self._free: list[Profile] = []
        self._used: list[Profile] = []
        self._own: list[BrowserContext] = []
        self.problems: list[str] = []

    def take(self, key=None):
        """A page that is signed in; free again at the end of the test."""
        fitting = [one for one in self._free if one.key == key] or self._free
        profile = fitting[0] if fitting else self._make()
        if fitting:
            self._free.remove(profile)
        self._used.append(profile)
        if key is not None:
            profile.sign_in(key)
        return profile.page

    def own(self, key=None, **options):
        """A page of a profile that nobody else gets: of another device, or to be signed out."""
        profile = self._make(**{"viewport": VIEWPORT, **options})
        self._own.append(profile.context)
        if key is not None:
            profile.sign_in(key)
        return profile.page

    def give_back(self):
        """Takes back what a test has used."""
        for context in self._own:
            context.close()
        self._own.clear()
        for profile in self._used:
            profile.leave()
        self._free += self._used
        self._used.clear()

    def _make(self, **options):
        context = self._browser.new_context(base_url=self._host, **{"viewport": VIEWPORT, **options})
        context.add_init_script(_WATCH)
        context.on("console", self._said)
        context.on("weberror", lambda problem: self.problems.append(str(problem.error)))
        # A question of the browser is one that a script has put: the console has dialogs of its own.
        context.on("dialog", self._asked)
        context.set_default_timeout(10_000)
        return Profile(context, context.new_page())

    def _said(self, message):
        # An answer that is an error is one that the test asked for.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.problems.append(message.text)

    def _asked(self, dialog):
        self.problems.append(f"a script ran: {dialog.message}")
        dialog.dismiss()
