"""The link at the foot of every mail: it ends all mail to one address.

Opening it changes nothing, because mail scanners open links; the button does, and so does the one POST that mail
programs make of it (RFC 8058).
"""

from hashlib import sha256
from time import time

from aiohttp import web

from bot.letters import PATH, StopLinks
from bot.web.answers import try_later
from bot.web.assets import Looks, language_of
from bot.web.hooks import Filer
from bot.words.say import text
from domain.messages import Channel, Filed
from domain.people import shown_address
from storage.filer import NotDurable


class MailPages:
    """Handlers of `/mail/stop/{token}`."""

    def __init__(self, links: StopLinks, looks: Looks, filer: Filer) -> None:
        self._links = links
        self._looks = looks
        self._filer = filer

    def routes(self) -> list[web.RouteDef]:
        """The addresses served here."""
        return [web.get(f"{PATH}{{token}}", self.ask), web.post(f"{PATH}{{token}}", self.stop)]

    async def ask(self, request: web.Request) -> web.StreamResponse:
        """Show whose mail would end, and the button."""
        return self._page(request, done=False)

    async def stop(self, request: web.Request) -> web.StreamResponse:
        """End all mail to the address."""
        token = request.match_info["token"]
        address = self._links.address(token)
        if address:
            gone = {"kind": "refused", "of": "say", "gone": True, "reason": "does not want mail", "code": "link"}
            # The address may be linked again later, and this link used again: the same within a minute is a repeat.
            ident = f"stop:{sha256(token.encode()).hexdigest()[:32]}:{int(time() // 60)}"
            try:
                await self._filer.file([Filed(Channel.EMAIL.value, ident, f"email:{address}", "result", gone)])
            except NotDurable:
                return try_later()
        return self._page(request, done=True)

    def _page(self, request: web.Request, *, done: bool) -> web.Response:
        language = language_of(request)
        address = self._links.address(request.match_info["token"])
        if not address:
            title, told = text("page_gone_title"), text("page_gone")
            return self._looks.page("missing.html", language, 404, title=title, text=told)
        return self._looks.page("mail_stop.html", language, done=done, address=shown_address(f"email:{address}"))
