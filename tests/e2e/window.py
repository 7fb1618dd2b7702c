"""A browser window that keeps what its pages complain of."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, Page

WAIT_SECONDS = 30.0


@dataclass
class Window:
    """Pages of one test.

    Attributes:
        complaints: Lines of consoles, errors of scripts, and requests to another place than the
            page's own: none of these may be.
    """

    browser: "Browser"
    complaints: list[str] = field(default_factory=list)
    contexts: list["BrowserContext"] = field(default_factory=list)

    async def open(self, url: str, **more: Any) -> "Page":
        """The page at ``url``, in a context with options of its own."""
        context = await self.browser.new_context(
            viewport={"width": 1280, "height": 800}, locale="en-GB", **more
        )
        self.contexts.append(context)
        page = await context.new_page()
        page.set_default_timeout(WAIT_SECONDS * 1000)
        here = urlsplit(url).netloc

        def look_at(asked: str) -> None:
            if urlsplit(asked).netloc != here:
                self.complaints.append(f"asked elsewhere: {urlsplit(asked).netloc}")

        page.on("console", lambda line: self.complaints.append(f"{line.type}: {line.text}"))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: look_at(request.url))
        await page.goto(url)
        return page

    async def close(self) -> None:
        """Close all pages."""
        for context in self.contexts:
            await context.close()
