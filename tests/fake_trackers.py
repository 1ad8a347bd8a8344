"""Trackers on the loopback that answer in the forms that their makers document."""

import json
import re
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Heard:
    """One request; `query` has each parameter's values."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Reply:
    """One answer: `body` is written as it is where it is bytes, else as JSON."""

    body: Any = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Answer = Callable[[Heard], Reply]


class FakeTracker:
    """A server that says what `answer` says, and remembers what it heard; while `held`, it says nothing."""

    def __init__(self, answer: Answer, context: ssl.SSLContext | None = None) -> None:
        self.answer = answer
        self.heard: list[Heard] = []
        self.held = False
        self.over = threading.Event()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._reply()

            def do_POST(self) -> None:
                self._reply()

            def _reply(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = json.loads(self.rfile.read(length) or b"null")
                parts = urlsplit(self.path)
                heard = Heard(self.command, parts.path, parse_qs(parts.query), dict(self.headers), body)
                fake.heard.append(heard)
                if fake.held:
                    fake.over.wait(60)
                reply = fake.answer(heard)
                self.send_response(reply.status)
                for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode())

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                """Say nothing where the asker has gone."""

        self.http = Server(("127.0.0.1", 0), Handler)
        if context:
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        scheme = "https" if context else "http"
        self.url = f"{scheme}://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.over.set()
        self.http.shutdown()
        self.http.server_close()


@contextmanager
def a_fake_tracker(answer: Answer, context: ssl.SSLContext | None = None) -> Iterator[FakeTracker]:
    fake = FakeTracker(answer, context)
    try:
        yield fake
    finally:
        fake.close()


def jira_issue(key: str, summary: str, kind: str = "Story", labels: tuple[str, ...] = ()) -> dict[str, Any]:
    fields = {
        "summary": summary,
        "issuetype": {"id": "10001", "name": kind, "subtask": False},
        "status": {"id": "3", "name": "In Progress", "statusCategory": {"key": "indeterminate"}},
        "labels": list(labels),
    }
    return {"id": "10002", "key": key, "self": f"https://jira.example/rest/api/3/issue/{key}", "fields": fields}


def jira_cloud(*issues: dict[str, Any], moved: Mapping[str, str] | None = None) -> Answer:
    """Bulk fetch: what is not found is left out, and a moved issue comes under its new key."""
    known = {issue["key"]: issue for issue in issues}

    def answer(heard: Heard) -> Reply:
        if (heard.method, heard.path) != ("POST", "/rest/api/3/issue/bulkfetch") or len(
            heard.body["issueIdsOrKeys"]
        ) > 100:
            return Reply({"errorMessages": ["dead link"]}, 404 if heard.path[:6] != "/rest/" else 400)
        keys = [(moved or {}).get(key, key) for key in heard.body["issueIdsOrKeys"]]
        return Reply({"expand": "names", "issues": [known[key] for key in keys if key in known], "issueErrors": []})

    return answer


def jira_data_center(*issues: dict[str, Any]) -> Answer:
    """Search: one key that nothing has spoils the query, unless it is not validated."""
    known = {issue["key"]: issue for issue in issues}

    def answer(heard: Heard) -> Reply:
        if (heard.method, heard.path) != ("POST", "/rest/api/2/search"):
            return Reply({"errorMessages": ["dead link"]}, 404)
        keys = re.findall(r"[A-Z]+-[0-9]+", heard.body["jql"])
        missing = [key for key in keys if key not in known]
        if missing and heard.body["validateQuery"] is not False:
            said = f"An issue with key '{missing[0]}' does not exist for field 'key'."
            return Reply({"errorMessages": [said], "errors": {}}, 400)
        found = [known[key] for key in keys if key in known]
        return Reply({"startAt": 0, "maxResults": 100, "total": len(found), "issues": found})

    return answer


def github(repositories: Mapping[str, Mapping[int, dict[str, Any]]]) -> Answer:
    """GraphQL: what is not found is null, and an error says so beside it."""

    def answer(heard: Heard) -> Reply:
        if (heard.method, heard.path) != ("POST", "/api/graphql"):
            return Reply({"message": "Not Found"}, 404)
        path = "{owner}/{name}".format(**heard.body["variables"])
        asked = re.findall(r"(\w+): issueOrPullRequest\(number: ([0-9]+)\)", heard.body["query"])
        if path not in repositories:
            said = f"Could not resolve to a Repository with the name '{path}'."
            error = {"type": "NOT_FOUND", "path": ["repository"], "message": said}
            return Reply({"data": {"repository": None}, "errors": [error]})
        found = {name: repositories[path].get(int(number)) for name, number in asked}
        errors = [
            {
                "type": "NOT_FOUND",
                "path": ["repository", name],
                "message": f"Could not resolve to an issue or pull request with the number of {name[1:]}.",
            }
            for name, one in found.items()
            if one is None
        ]
        return Reply({"data": {"repository": found}} | ({"errors": errors} if errors else {}))

    return answer


def github_issue(title: str, *labels: str) -> dict[str, Any]:
    return {"title": title, "issueState": "OPEN", "labels": {"nodes": [{"name": label} for label in labels]}}


def github_pull_request(title: str) -> dict[str, Any]:
    return {"title": title, "pullState": "MERGED", "labels": {"nodes": []}}


def gitlab(projects: Mapping[str, list[dict[str, Any]]]) -> Answer:
    """Lists of merge requests or issues, of the numbers asked for; `projects` are by path and list."""

    def answer(heard: Heard) -> Reply:
        listed = projects.get(heard.path.removeprefix("/api/v4/projects/"))
        if listed is None:
            return Reply({"message": "404 Project Not Found"}, 404)
        return Reply([one for one in listed if str(one["iid"]) in heard.query["iids[]"]])

    return answer


def gitlab_numbered(iid: int, title: str, *labels: str, state: str = "merged") -> dict[str, Any]:
    return {"id": 1000 + iid, "iid": iid, "project_id": 3, "title": title, "state": state, "labels": list(labels)}


def trello(cards: Mapping[str, dict[str, Any]]) -> Answer:
    """A batch: a list of one part for each path, under the status that it would have had alone."""

    def answer(heard: Heard) -> Reply:
        paths = heard.query["urls"][0].split(",")
        if heard.path != "/1/batch" or len(paths) > 10:
            return Reply(b"invalid", 400)
        missing = {"name": "NotFoundError", "message": "The requested resource was not found.", "statusCode": 404}
        found = [cards.get(path.removeprefix("/cards/")) for path in paths]
        return Reply([{"200": card} if card else missing for card in found])

    return answer


def trello_card(name: str, *labels: str, closed: bool = False) -> dict[str, Any]:
    named = [{"id": "5", "idBoard": "6", "name": label, "color": "red"} for label in labels]
    return {"id": "5abbe4b7ddc1b351ef961414", "name": name, "desc": "", "closed": closed, "labels": named}
