"""The request builder: what it writes is run."""

from __future__ import annotations

import ast
import json
import shlex

from tickd.web.pages import requests

URL = "https://tickd.example.com/v1/jobs"
BODY = {"name": 'it\'s "quoted" $HOME `x`\nline two', "paused": True, "limit": None, "tags": ["ä", "b"]}


def test_the_curl_line_survives_the_shell() -> None:
    words = shlex.split(dict(requests.snippets("POST", URL, BODY))["curl"].replace("\\\n", " "))
    assert words[:4] == ["curl", "-X", "POST", URL]
    assert json.loads(words[words.index("-d") + 1]) == BODY


def test_the_python_is_python_and_sends_the_body() -> None:
    tree = ast.parse(dict(requests.snippets("PATCH", URL, BODY))["Python"])
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "json"]
    assert ast.literal_eval(calls[0].value) == BODY


def test_the_node_sends_the_body() -> None:
    code = dict(requests.snippets("POST", URL, BODY))["Node"]
    sent = code[code.index("JSON.stringify(") + len("JSON.stringify(") : code.index("),\n});")]
    assert json.loads(sent) == BODY


def test_a_call_without_a_body_has_none() -> None:
    for _, code in requests.snippets("DELETE", URL):
        assert "Content-Type" not in code
        assert "json=" not in code
    ast.parse(dict(requests.snippets("DELETE", URL))["Python"])
    assert "{}" in dict(requests.snippets("POST", URL, {}))["Python"]
