"""`reversion doctor`: check a product wholly, and say what to mend."""

import click

from reversion.commands.printing import print_json
from reversion.operations.doctor import examine
from reversion.operations.findings import Finding
from reversion.text import counted, plain


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option("--offline", is_flag=True, help="Ask no remote repository for anything new.")
@click.pass_obj
def doctor_command(product: str, as_json: bool, offline: bool) -> int:
    """Check the product: file, repositories, environments, tests, snapshots, server. Exits with 1 on a failure."""
    findings = []
    for finding in examine(product, refresh=not offline):
        findings.append(finding)
        if not as_json:
            _tell(finding)
    failures = sum(finding.state == "fail" for finding in findings)
    warnings = sum(finding.state == "warn" for finding in findings)
    if as_json:
        print_json(tuple(findings))
    else:
        print(f"{counted(len(findings), 'check')}: {failures} failed, {warnings} with a warning.")
    return 1 if failures else 0


def _tell(finding: Finding) -> None:
    first, *more = finding.message.splitlines() or [""]
    print(f"{finding.state:4}  {finding.subject}: {plain(first, 1000)}", flush=True)
    for line in (*more, finding.todo):
        if line.strip():
            print(f"      {plain(line, 1000)}", flush=True)
