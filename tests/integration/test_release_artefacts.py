"""What the `release` module unpacks, and what it refuses; a refusal changes nothing."""

import fcntl
import hashlib
import http.server
import io
import os
import signal
import stat
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.server import wait_for
from tests.playing import release
from tests.released import add, names, sha256

Pack = Callable[[tarfile.TarFile], None]
SYMLINK, HARDLINK, DEVICE, PIPE = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE

EVIL: dict[str, tuple[str, Pack]] = {
    "a name with dots": ("would lie outside", lambda tar: add(tar, "app/../../evil", b"x")),
    "an absolute name": ("would lie outside", lambda tar: add(tar, "/tmp/reversion-evil", b"x")),
    "a link to an absolute path": ("is a link to /etc", lambda tar: add(tar, "etc", type=SYMLINK, linkname="/etc")),
    "a link out": ("leads out", lambda tar: add(tar, "up", type=SYMLINK, linkname="../..")),
    "links that lead out together": (
        "leads out",
        lambda tar: (
            add(tar, "a/b/top", type=SYMLINK, linkname="../.."),
            add(tar, "out", type=SYMLINK, linkname="a/b/top/../x"),
        )[-1],
    ),
    "a file below a link": (
        "below a link or a file",
        lambda tar: (add(tar, "here", type=SYMLINK, linkname="."), add(tar, "here/evil", b"x"))[-1],
    ),
    "a hard link out": ("can't be unpacked", lambda tar: add(tar, "passwd", type=HARDLINK, linkname="/etc/passwd")),
    "a device": ("is a device or a pipe", lambda tar: add(tar, "null", type=DEVICE, devmajor=1, devminor=3)),
    "a pipe": ("is a device or a pipe", lambda tar: add(tar, "pipe", type=PIPE)),
    "nothing": ("holds nothing", lambda _: None),
}


def a_tar(path: Path, pack: Pack, mode: Any = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        pack(archive)
    return path


def ordinary(archive: tarfile.TarFile) -> None:
    add(archive, "app-1.4/bin/run", b"#!/bin/sh\n", mode=0o6777)
    add(archive, "app-1.4/notes", b"text", mode=0o664, mtime=1_000_000)
    add(archive, "app-1.4/latest", type=SYMLINK, linkname="bin/run")
    add(archive, "app-1.4/same", type=HARDLINK, linkname="app-1.4/notes")


def wanted(root: Path, src: Path | str, **more: Any) -> dict[str, Any]:
    return {"root": str(root), "version": "1.4", "src": str(src), **more}


def test_an_artefact_that_reaches_out_is_refused_whole(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    sources = [a_tar(tmp_path / "made" / f"{number}.tar", pack) for number, (_, pack) in enumerate(EVIL.values())]

    results = release(tmp_path, *(wanted(tmp_path / "app", source) for source in sources))

    for (case, (told, _)), result in zip(EVIL.items(), results, strict=True):
        assert result["failed"], case
        assert told in result["msg"], case
    assert names(tmp_path / "app") == ["releases"]
    assert names(tmp_path / "app" / "releases") == []
    assert not Path("/tmp/reversion-evil").exists()


def test_a_zip_is_held_to_the_same_rules(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("etc")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    for name, member, content in (("dots", "../evil", "x"), ("link", link, "/etc")):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            archive.writestr(member, content)
    (tmp_path / "torn.zip").write_bytes(b"PK\x03\x04torn")

    dots, led, torn = release(
        tmp_path, *(wanted(tmp_path / "app", tmp_path / f"{name}.zip") for name in ("dots", "link", "torn"))
    )

    assert "'../evil' would lie outside of the release" in dots["msg"]
    assert "'etc' is a link to /etc" in led["msg"]
    assert "torn.zip can't be unpacked" in torn["msg"]


@pytest.mark.parametrize("ending", ["tar", "tar.gz", "tar.xz", "tar.bz2"])
def test_a_tar_is_unpacked_without_its_first_folder_and_without_dangerous_bits(tmp_path: Path, ending: str) -> None:
    packing = ending.partition(".")[2]
    source = a_tar(tmp_path / f"app.{ending}", ordinary, f"w:{packing}")

    (done,) = release(tmp_path, wanted(tmp_path / "app", source, strip=1, checksum=sha256(source)))

    release_path = Path(done["release_path"])
    assert names(release_path) == [".release.json", "bin", "latest", "notes", "same"]
    assert stat.S_IMODE((release_path / "bin" / "run").stat().st_mode) == 0o755
    assert (stat.S_IMODE((release_path / "notes").stat().st_mode), (release_path / "notes").stat().st_mtime) == (
        0o644,
        1_000_000,
    )
    assert (release_path / "latest").readlink() == Path("bin/run")
    assert (release_path / "same").read_text() == "text"


def test_zips_folders_and_single_files_are_artefacts_too(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "app.zip", "w") as archive:
        archive.writestr("bin/run", "zip")
    folder = tmp_path / "built"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "run").write_text("folder")
    (folder / "link").symlink_to("bin/run")
    (tmp_path / "app-1.4.jar").write_bytes((tmp_path / "app.zip").read_bytes())

    zipped, copied, single = release(
        tmp_path,
        wanted(tmp_path / "zip", tmp_path / "app.zip"),
        wanted(tmp_path / "folder", folder),
        wanted(tmp_path / "single", tmp_path / "app-1.4.jar", file_name="app.jar"),
    )

    assert not any(result["failed"] for result in (zipped, copied, single))
    assert (tmp_path / "zip/current/bin/run").read_text() == "zip"
    assert (tmp_path / "folder/current/link").read_text() == "folder"
    assert stat.S_IMODE((tmp_path / "single/current/app.jar").stat().st_mode) == 0o755


def test_what_is_wanted_wrongly_is_refused_with_the_mend(tmp_path: Path) -> None:
    source, root = a_tar(tmp_path / "app.tar", ordinary), tmp_path / "app"
    zeros = "sha256:" + "0" * 64
    good = wanted(root, source)
    config = {"content": ""}
    cases: dict[str, dict[str, Any]] = {
        "is not the wanted artefact: its checksum is sha256:": {"checksum": zeros},
        "checksum 'md5:1' is not sha256: and 64 digits. Correct it": {"checksum": "md5:1"},
        "there is no /nowhere on this host. Bring the artefact there first": {"src": "/nowhere"},
        "release 1.4 is not in": {"src": None},
        "src 'app.tar' is neither a whole path nor": {"src": "app.tar"},
        "src http://127.0.0.1:9/app.tar is not encrypted. Give its checksum": {
            "src": "http://127.0.0.1:9/app.tar?t=1"
        },
        "src has a user or password": {"src": "https://ana:pw@127.0.0.1:9/app.tar"},
        "'../1.4' is not a version. Use letters": {"version": "../1.4"},
        "'-1.4' is not a version": {"version": "-1.4"},
        "'1.4 5' is not a version": {"version": "1.4\n5"},
        "is not a whole path below /": {"root": "/"},
        "systemd '-x' is not a name": {"systemd": "-x"},
        "config: '../out' is no path of a file": {"config": [{"dest": "../out", **config}]},
        "config: /etc/app.conf is not below": {"config": [{"dest": "/etc/app.conf", **config}]},
        "app/current/x lies in a release": {"config": [{"dest": f"{root}/current/x", **config}]},
        "app/current lies in a release": {"config": [{"dest": f"{root}/current", **config}]},
        "the mode of x is no octal number": {"config": [{"dest": "x", "mode": "rw", **config}]},
        "there is no user 'nobody-here'": {"config": [{"dest": "x", "owner": "nobody-here", **config}]},
        "the command is empty": {"command": []},
        "parameters are mutually exclusive": {"systemd": "a", "supervisor": "b"},
        "one of the following is required: url, file, command": {"health": {}},
    }

    results = release(tmp_path, *({**good, **case} for case in cases.values()))

    for told, result in zip(cases, results, strict=True):
        assert result["failed"], told
        assert told in result["msg"]
        assert "pw" not in str(result)
    assert not (root / "current").exists()
    assert not (root / "releases").exists() or names(root / "releases") == []


def test_a_release_from_another_artefact_is_not_taken_for_the_wanted_one(tmp_path: Path) -> None:
    source = a_tar(tmp_path / "app.tar", ordinary)

    first, other = release(
        tmp_path,
        wanted(tmp_path / "app", source, checksum=sha256(source)),
        wanted(tmp_path / "app", source, checksum="sha256:" + "0" * 64),
    )

    assert not first["failed"]
    assert "was unpacked from another artefact" in other["msg"]


def test_configuration_does_not_follow_a_link_of_a_release_out_of_it(tmp_path: Path) -> None:
    by_hand = tmp_path / "app" / "releases" / "1.4"
    by_hand.mkdir(parents=True)
    (by_hand / "conf").symlink_to(tmp_path)

    (refused,) = release(
        tmp_path, {"root": str(tmp_path / "app"), "version": "1.4", "config": [{"dest": "conf/x", "content": "x"}]}
    )

    assert "out of the release" in refused["msg"]
    assert not (tmp_path / "x").exists()


def test_a_write_that_fails_leaves_everything_as_it_was(tmp_path: Path) -> None:
    small = a_tar(tmp_path / "small.tar", ordinary)
    big = a_tar(tmp_path / "big.tar", lambda tar: add(tar, "big", b"x" * 4_000_000))
    config = tmp_path / "app" / "app.conf"
    limited = tmp_path / "python"
    limited.write_text(f'#!/bin/sh\nulimit -f 4000\nexec {sys.executable} "$@"\n')
    limited.chmod(0o755)
    (tmp_path / "app").mkdir()
    config.write_text("old")

    settings = [{"dest": str(config), "content": "new"}, {"dest": f"{config}/below", "content": "x"}]
    _, unpacked, configured = release(
        tmp_path,
        wanted(tmp_path / "app", small, version="1.3"),
        wanted(tmp_path / "app", big),
        wanted(tmp_path / "app", small, version="1.5", config=settings, command=["true"]),
        python=str(limited),
    )

    assert unpacked["msg"].startswith("app: file too large")
    assert configured["msg"].startswith(f"app: file exists: {config}")
    assert names(tmp_path / "app") == ["app.conf", "current", "releases"]
    assert (config.read_text(), names(tmp_path / "app" / "releases")) == ("old", ["1.3", "1.5"])
    assert (tmp_path / "app" / "current").readlink() == Path("releases/1.3")


class Store(http.server.BaseHTTPRequestHandler):
    """Serves one artefact to who has the token, at the end of a redirect that must not get the token."""

    content = b""
    tokens: list[str | None] = []

    def do_GET(self) -> None:
        self.tokens.append(self.headers.get("Authorization"))
        self.send_response(302 if self.path.startswith("/app") else 200)
        self.send_header("Location", "/store/app.tar")
        self.end_headers()
        self.wfile.write(b"" if self.path.startswith("/app") else self.content)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def store() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Store)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/app.tar"
    server.shutdown()
    server.server_close()


def test_an_artefact_is_downloaded_with_a_token_that_a_redirect_does_not_get(tmp_path: Path, store: str) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        ordinary(archive)
    Store.content, Store.tokens = packed.getvalue(), []
    checksum = f"sha256:{hashlib.sha256(Store.content).hexdigest()}"
    headers = {"Authorization": "Bearer t0k3n"}

    bad, good = release(
        tmp_path,
        wanted(tmp_path / "app", store, checksum="sha256:" + "0" * 64),
        wanted(tmp_path / "app", f"{store}?signature=s1gned", checksum=checksum, headers=headers),
    )

    assert "is not the wanted artefact" in bad["msg"]
    assert (good["changed_parts"], Store.tokens[2:]) == (["release", "current"], ["Bearer t0k3n", None])
    assert "s1gned" not in str(good)
    assert names(tmp_path / "app" / "releases") == ["1.4"]


def test_a_run_killed_while_it_unpacks_leaves_no_half_release(tmp_path: Path) -> None:
    source, root = tmp_path / "built", tmp_path / "app"
    source.mkdir()
    for name in ("first", "last"):
        (source / name).write_text(name)
    call = wanted(root, source)
    half = root / "releases" / ".new-1.4"

    with kept_from_readers(source / "last"):
        player = subprocess.Popen(
            [sys.executable, "-c", f"from tests.playing import *\nrelease(Path({str(tmp_path)!r}), {call!r})"],
            cwd=Path(__file__).parents[2],
            start_new_session=True,
        )
        wait_for((half / "first").exists, 60, "the module to unpack the first file", every=0.05)
        modules = having_open(root)
        for process in modules:
            os.kill(process, signal.SIGKILL)
        player.wait()
    left = (len(modules), names(half), names(root / "releases"), os.path.lexists(root / "current"))
    (done,) = release(tmp_path, call)

    assert left == (1, ["first"], [".new-1.4"], False)
    assert done["changed_parts"] == ["release", "current"]
    assert names(root / "releases") == ["1.4"]
    assert {"first", "last"} <= set(names(root / "releases" / "1.4"))


@contextmanager
def kept_from_readers(path: Path) -> Iterator[None]:
    """Let whoever opens the file wait, by a lease on it; the kernel takes it away after 45 s."""
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)  # with which the kernel asks for the lease
    handle = os.open(path, os.O_RDWR)
    try:
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        yield
    finally:
        os.close(handle)
        signal.signal(signal.SIGIO, before)


def having_open(path: Path) -> list[int]:
    """Return the processes that have the file or folder open."""
    found = []
    for process in filter(str.isdecimal, names(Path("/proc"))):
        try:
            opened = [str(link.readlink()) for link in Path(f"/proc/{process}/fd").iterdir()]
        except OSError:
            continue
        if str(path) in opened:
            found.append(int(process))
    return found
