"""A Hub that takes pull requests, which is all that `hub_server` lacks for the leaderboard."""

import json

from hub_server import MAIN, HubServer
from hub_server.messages import Request, Response

_COMMIT = "/commit/"


class PullingHub(HubServer):
    """A commit with `create_pr` leaves the main branch alone, and gets a ref of its own."""

    def answer(self, request: Request) -> Response:
        """The right answer to a request."""
        if _COMMIT not in request.path or request.query.get("create_pr") != "1":
            return super().answer(request)
        name = request.path.removeprefix("/api/datasets/").partition(_COMMIT)[0]
        before = self.repositories[name].refs[MAIN] if name in self.repositories else ""
        response = super().answer(request)
        if response.status != 200:
            return response
        refs = self.repositories[name].refs
        number = 1 + sum(ref.startswith("refs/pr/") for ref in refs)
        refs[f"refs/pr/{number}"], refs[MAIN] = refs[MAIN], before
        page = f"{request.host}/datasets/{name}/discussions/{number}"
        return Response.of(json.loads(response.body) | {"pullRequestUrl": page})
