"""A Hub, or a proxy before it, that answers with success and with something else: one line."""

import pytest

HTML = b"<!DOCTYPE html><title>Log in to the network</title>"
ASKED_TO_PUSH = [
    "/api/whoami",
    "/api/datasets/org/q",
    "/refs",
    "/api/repos/create",
    "/preupload/",
    "/objects/batch",
    "/commit/",
    "/settings",
    "/tag/",
]


def require_true_cause(answer: object) -> None:
    assert isinstance(answer, dict), answer
    assert answer["error"] in ("PublishError", "SourceError", "StorageError"), answer
    assert "\n" not in answer["message"]
    assert "org/q" in answer["message"]
    assert "a proxy or a login page may have answered instead" in answer["message"]


@pytest.mark.parametrize("where", ASKED_TO_PUSH)
@pytest.mark.parametrize("body", [b"[]", b"null", HTML, b""])
def test_a_push_says_so(hub, client, built, where: str, body: bytes) -> None:
    hub.distort(where, body=body, times=1000)
    require_true_cause(client.push(built))


def test_an_object_without_fields_is_no_defect(hub, client, built) -> None:
    """Where nothing that is needed is in it, so; where nothing is needed, the push goes on."""
    for where in ASKED_TO_PUSH:
        hub.forget()
        hub.distort(where, body=b"{}", times=1)
        pushed = client.push(built)
        assert pushed.get("tag") == "v1.0.0" or pushed["error"] == "PublishError", pushed


@pytest.mark.parametrize("where", ["/api/datasets/org/q", "/tree/"])
@pytest.mark.parametrize("body", [b"null", HTML, b""])
def test_an_evaluation_says_so(hub, client, built, where: str, body: bytes) -> None:
    hub.add("org/q", {"README.md": b"x", "manifest.json": (built / "manifest.json").read_bytes()})
    hub.distort(where, body=body, times=1000)
    require_true_cause(client.do("read", spec="hf:org/q"))


SERVED_INSTEAD = {
    b"[]": "the JSON []",
    b"null": "the JSON null",
    b'{"error": "Too many requests"}': "the error",
    b"Internal error": "what is no JSON",
    HTML: "a web page",
    b"": "nothing",
}


@pytest.mark.parametrize("body", SERVED_INSTEAD)
def test_an_answer_that_is_no_manifest_is_not_called_a_damaged_one(
    hub, client, built, body: bytes
) -> None:
    hub.add("org/q", {"README.md": b"x", "manifest.json": (built / "manifest.json").read_bytes()})
    hub.distort("/resolve/", body=body, times=1000)
    answer = client.do("read", spec="hf:org/q")
    require_true_cause(answer)
    assert f"manifest.json: the server sent {SERVED_INSTEAD[body]}" in answer["message"]


def test_a_manifest_of_another_kind_is_a_damaged_one(hub, client) -> None:
    hub.add("org/q", {"README.md": b"x", "manifest.json": b"{}"})
    answer = client.do("read", spec="hf:org/q")
    assert answer["error"] == "FolderError"
    assert "manifest.json: damaged or of another version" in answer["message"]
