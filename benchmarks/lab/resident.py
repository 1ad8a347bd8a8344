"""The resident Python of a host: runs what resident.c hands over in a fork, with all that modules import loaded.

So a module costs the host a tenth of the CPU of a fresh Python, which on a machine that plays all hosts would hide
what the one in control does. What Ansible's own modules are made of is compiled already, and nobody's certificates
are read, since services here speak HTTP. The argument is where Ansible's own package is: what modules share is loaded
from there, and what they bring along of it is then not read again.
"""

import importlib
import os
import signal
import socket
import ssl
import struct
import sys
import traceback
import types
import zipimport
from pathlib import Path

_OFTEN = """
argparse base64 datetime email.message encodings.cp437 filecmp glob grp hashlib http.client json locale platform pwd
runpy selectors shlex shutil ssl subprocess syslog tarfile tempfile urllib.request uuid zipfile
"""
_SHARED = """
basic urls common.file common.locale common.process common.sentinel _internal._ansiballz._loader
_internal._json._profiles._module_legacy_c2m _internal._json._profiles._module_legacy_m2c
"""
_MODULES = "command copy file stat unarchive uri"


def main() -> None:
    """Listen for ever."""
    sys.path.append(sys.argv[1])
    for name in (*_OFTEN.split(), *(f"ansible.module_utils.{shared}" for shared in _SHARED.split())):
        importlib.import_module(name)
    sys.path.remove(sys.argv[1])
    _compile_before(Path(sys.argv[1], "ansible", "modules"))
    ssl.SSLContext.set_default_verify_paths = lambda _: None  # type: ignore[method-assign]
    del sys.modules["ansible"]  # all else of it is what a module brings along
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind("/run/resident")
    listening.listen(64)
    while True:
        asked, _ = listening.accept()
        if not os.fork():
            listening.close()
            asked.sendall(bytes([_work(asked)]))
            os._exit(0)
        asked.close()


def _compile_before(folder: Path) -> None:
    """Let Python find the code of Ansible's modules where it would compile what comes along."""
    compile_now = zipimport._compile_source
    known = {
        source: compile_now(f"{name}.py", source)
        for name in _MODULES.split()
        for source in [(folder / f"{name}.py").read_bytes()]
    }
    zipimport._compile_source = lambda path, source: known.get(source) or compile_now(path, source)


def _work(asked: socket.socket) -> int:
    """Be the Python that was asked for; return its exit code."""
    told, files, _, _ = socket.recv_fds(asked, 1 << 20, 3)
    (size,) = struct.unpack("I", told[:4])
    while len(told) < size + 4:
        told += asked.recv(1 << 20)
    folder, script, *variables = told[4:-1].decode("utf-8", "surrogateescape").split("\0")
    for at, file in enumerate(files):
        os.dup2(file, at)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ |= dict(each.split("=", 1) for each in variables)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        return _run(script)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for at in range(3):
            os.close(at)


def _run(script: str) -> int:
    code = Path(script).read_text() if script else sys.stdin.read()
    sys.argv = [script]
    sys.modules["__main__"] = module = types.ModuleType("__main__")
    try:
        exec(compile(code, script or "<stdin>", "exec"), module.__dict__)  # noqa: S102  this is what a Python does
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    main()
