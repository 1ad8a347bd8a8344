"""Write the tree of a commit as an artefact: REPOSITORY COMMIT ARTEFACT. Two at once do no harm."""

import os
import re
import subprocess
import sys
from pathlib import Path

repository, commit, artefact = sys.argv[1:]
if not re.fullmatch("[0-9a-f]{40}", commit):
    sys.exit(f"'{commit}' is no commit id, so there is nothing to release")
half = Path(f"{artefact}.{os.getpid()}")
half.parent.mkdir(parents=True, exist_ok=True)
subprocess.run(("git", "-C", repository, "archive", f"--output={half}", "--format=tar", commit), check=True)
half.rename(artefact)
