"""PowerTranz on loopback: the gateway's card pages, sales and refunds, as its guide describes them."""

import json
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from aiohttp import web

from tests.standins import RefusedError, Standin

MERCHANT = "88800001"
PASSWORD = "gateway-pass"


class PowerTranzStandin(Standin):
    """The gateway as its guide describes it: a page for a sale, one use of a token, refunds of what was taken."""

    def __init__(self) -> None:
        super().__init__()
        self.pages: dict[str, dict[str, Any]] = {}
        """By token, what was asked for."""
        self.taken: dict[str, dict[str, Any]] = {}
        self.given_back: list[dict[str, Any]] = []
        self.iso = "00"
        self.changed: dict[str, Any] = {}
        """What a payment's answer says instead."""

    def routes(self) -> Iterable[web.RouteDef]:
        return [
            web.post("/api/spi/sale", self._sale),
            web.post("/api/spi/payment", self._payment),
            web.post("/api/refund", self._refund),
            web.get("/api/alive", self._alive),
        ]

    def _allowed(self, request: web.Request) -> None:
        given = (request.headers.get("PowerTranz-PowerTranzId"), request.headers.get("PowerTranz-PowerTranzPassword"))
        if given != (MERCHANT, PASSWORD):
            raise RefusedError(401, {"Errors": [{"Code": "401", "Message": "Unauthorized"}]})

    def callback(self, token: str, iso: str = "3D0") -> dict[str, str]:
        """The form that the card page has the payer's browser post to us once the card was typed."""
        order = self.pages[token]["OrderIdentifier"]
        said = {"OrderIdentifier": order, "IsoResponseCode": iso, "SpiToken": token, "Approved": False}
        return {"Response": json.dumps(said)}

    def balance(self) -> int:
        """What the gateway holds of ours, in minor units."""
        moves = [one["TotalAmount"] for one in self.taken.values() if one["Approved"]]
        moves += [-one["TotalAmount"] for one in self.given_back]
        return sum(round(amount * 100) for amount in moves)

    async def _sale(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()

        def take() -> Mapping[str, Any]:
            self._allowed(request)
            asked = json.loads(text)
            UUID(asked["TransactionIdentifier"])
            assert asked["ThreeDSecure"] is True
            assert asked["CurrencyCode"] in {"388", "840"}
            assert asked["ExtendedData"]["MerchantResponseUrl"].startswith("https://")
            assert asked["ExtendedData"]["HostedPage"] == {"PageSet": "PTZ/pardna", "PageName": "card"}
            if asked["TransactionIdentifier"] in {page["TransactionIdentifier"] for page in self.pages.values()}:
                raise RefusedError(200, {**asked, "Approved": False, "IsoResponseCode": "98"})
            token = f"spi-{self._next()}-abc"
            self.pages[token] = {**asked, "raw": text}
            html = f"<!DOCTYPE html><html><body><form method='post' action='{self.url}/page'></form></body></html>"
            return self._answer(token, False, "SP4") | {"SpiToken": token, "RedirectData": html}

        return await self.answer(request, "sale", take)

    def _answer(self, token: str, approved: bool, iso: str) -> dict[str, Any]:
        asked = self.pages[token]
        said = {name: asked[name] for name in ("TransactionIdentifier", "TotalAmount", "CurrencyCode")}
        said |= {"OrderIdentifier": asked["OrderIdentifier"], "TransactionType": 2}
        return {**said, "Approved": approved, "IsoResponseCode": iso}

    async def _payment(self, request: web.Request) -> web.StreamResponse:
        token = await request.json()

        def take() -> Mapping[str, Any]:
            if token not in self.pages or token in self.taken:
                raise RefusedError(400, {"Errors": [{"Code": "99", "Message": "SpiToken not found"}]})
            said = self._answer(token, self.iso == "00", self.iso) | self.changed
            self.taken[token] = said
            return said

        return await self.answer(request, "payment", take)

    async def _refund(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()

        def take() -> Mapping[str, Any]:
            self._allowed(request)
            sale = [s for s in self.taken.values() if s["TransactionIdentifier"] == asked["TransactionIdentifier"]]
            if not sale or asked["TotalAmount"] > sale[0]["TotalAmount"]:
                return {"Approved": False, "IsoResponseCode": "12", "ResponseMessage": "Invalid"}
            self.given_back.append(asked)
            return {"Approved": True, "IsoResponseCode": "00", "TransactionIdentifier": asked["ExternalIdentifier"]}

        return await self.answer(request, "refund", take)

    async def _alive(self, request: web.Request) -> web.StreamResponse:
        def take() -> Mapping[str, Any]:
            self._allowed(request)
            return {"Status": "Alive"}

        return await self.answer(request, "alive", take)
