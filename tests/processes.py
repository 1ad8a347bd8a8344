"""What has become of processes that tests had started."""

from pathlib import Path


def is_alive(process: int) -> bool:
    """Tell whether a process is there and has not ended: one that nobody has waited for yet is not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
