"""An aiohttp handler that does nothing: the ceiling for any web hook server on it."""

from aiohttp import web

from benchmarks.rivals.serving import Replies, options, serve


def make_app() -> web.Application:
    """Answer 200 to the same POST that the service gets."""
    replies = Replies()

    async def nothing(_request: web.Request) -> web.Response:
        replies.add()
        return web.Response()

    app = web.Application()
    app.router.add_post("/hooks/whatsapp", nothing)
    app.router.add_get("/replies", replies.show)
    return app


if __name__ == "__main__":
    serve(make_app, options().parse_args())
