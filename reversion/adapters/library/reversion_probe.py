"""Read the versions of all services of a host in one go, side by side. Ansible runs this on the host.

Each of `asks` has `way` (url, file or command) and `what`: its address, its path, or the command's words. Where a
text could not be told, it is null. With `wanted` the answer is expected to hold that text; `settled` says whether all
do.
Needs Python 3.8 and nothing else.
"""

from __future__ import annotations

import base64
import http.client
import os
import queue
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import IO, Any

from ansible.module_utils.basic import AnsibleModule

THREADS = 32
URL_TIMEOUT = 10
COMMAND_TIMEOUT = 25
ROOM = 400_000
"""How many characters all answers may have together: Ansible's runner drops results of more than 700,000."""


def main() -> None:
    module = AnsibleModule(
        argument_spec={"asks": {"type": "list", "elements": "dict", "required": True}}, supports_check_mode=True
    )
    asks = module.params["asks"]
    answers = answer_all(asks, min(65_536, ROOM // max(len(asks), 1)))
    module.exit_json(changed=False, answers=answers, settled=all(map(is_settled, asks, answers)))


def is_settled(ask: dict[str, Any], answer: dict[str, Any]) -> bool:
    return not ask.get("wanted") or ask["wanted"] in answer.get("text", "")


def answer_all(asks: list[dict[str, Any]], longest: int) -> list[dict[str, Any]]:
    """Return an answer for each; threads that hang are left behind when the time is up."""
    waiting: queue.SimpleQueue[tuple[int, dict[str, Any]]] = queue.SimpleQueue()
    answers: list[dict[str, Any]] = [{"problem": "it did not answer in time"} for _ in asks]
    for place, ask in enumerate(asks):
        waiting.put((place, ask))

    def work() -> None:
        while True:
            try:
                place, ask = waiting.get_nowait()
            except queue.Empty:
                return
            answers[place] = answer(ask, longest)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(THREADS, len(asks)))]
    for thread in threads:
        thread.start()
    end = time.monotonic() + (COMMAND_TIMEOUT + 5) * -(-len(asks) // THREADS)
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return list(answers)


def answer(ask: dict[str, Any], longest: int) -> dict[str, Any]:
    what = ask["what"]
    if any(text is None for text in what):
        return {"undefined": True}
    try:
        if ask["way"] == "url":
            return read_url(what[0], longest)
        if ask["way"] == "file":
            return read_file(what[0], longest)
        return read_command(what, longest)
    except Exception as error:
        return {"problem": f"{type(error).__name__}: {error}"}


def read_url(address: str, longest: int) -> dict[str, Any]:
    parts = urllib.parse.urlsplit(address)
    if parts.scheme not in ("http", "https"):
        return {"problem": f"the address is no http:// or https:// URL: {address}"}
    headers = {"User-Agent": "reversion"}
    if parts.username is not None:
        told = ":".join(map(urllib.parse.unquote, (parts.username, parts.password or "")))
        headers["Authorization"] = "Basic " + base64.b64encode(told.encode()).decode()
        parts = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    request = urllib.request.Request(parts.geturl(), headers=headers)
    try:
        with web().open(request, timeout=URL_TIMEOUT) as response:
            return as_text(response.read(longest + 1), longest)
    except urllib.error.HTTPError as error:
        return {"problem": f"the service answered HTTP {error.code}"}
    except (OSError, http.client.HTTPException) as error:
        return {"problem": in_words(getattr(error, "reason", error))}


def web() -> urllib.request.OpenerDirector:
    """Speak HTTP and HTTPS and nothing else, through no proxy."""
    director = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPRedirectHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
    ):
        director.add_handler(handler())
    return director


def in_words(reason: object) -> str:
    if isinstance(reason, ConnectionRefusedError):
        return "the service refused the connection"
    if isinstance(reason, TimeoutError) or "timed out" in str(reason):
        return "the service did not answer in time"
    return str(reason) or type(reason).__name__


def read_file(path: str, longest: int) -> dict[str, Any]:
    try:
        with open(os.path.expanduser(path), "rb") as file:
            return as_text(file.read(longest + 1), longest)
    except FileNotFoundError:
        return {"problem": f"File not found: {path}"}
    except OSError as error:
        return {"problem": f"{error.strerror}: {path}"}


def read_command(words: list[str], longest: int) -> dict[str, Any]:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            ended = subprocess.run(
                words, stdin=subprocess.DEVNULL, stdout=out, stderr=err, timeout=COMMAND_TIMEOUT, check=False
            )
        except subprocess.TimeoutExpired:
            return {"problem": f"the command was not done within {COMMAND_TIMEOUT} seconds"}
        except OSError as error:
            return {"problem": f"the command can't be run: {error.strerror}: {words[0]}"}
        if ended.returncode:
            said = tail(err) or tail(out)
            return {"problem": f"non-zero return code {ended.returncode}{': ' if said else ''}{said}"}
        out.seek(0)
        return as_text(out.read(longest + 1), longest)


def tail(file: IO[bytes]) -> str:
    file.seek(0, os.SEEK_END)
    file.seek(max(0, file.tell() - 2000))
    return " ".join(file.read().decode("utf-8", "replace").split()[-60:])


def as_text(content: bytes, longest: int) -> dict[str, Any]:
    if len(content) > longest:
        return {"problem": "the answer is too long or missing"}
    return {"text": content.decode("utf-8", "replace")}


if __name__ == "__main__":
    main()
