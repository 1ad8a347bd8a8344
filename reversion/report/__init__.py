"""What people read: the review, the console and the outcome, as Markdown. Pure."""

from reversion.report.console import (
    Column,
    Reversal,
    board_key,
    board_pages,
    environment_key,
    environment_pages,
    standing,
)
from reversion.report.explanations import explanation, reasons_key, reasons_page
from reversion.report.outcomes import CaseRow, check_rows, outcome
from reversion.report.pages import Page, key_of, outdated
from reversion.report.records import Record, decided, record
from reversion.report.reviews import ROWS_IN_FORM, approval, review, review_pages
from reversion.report.tables import ROWS, parts, way

__all__ = [
    "ROWS",
    "ROWS_IN_FORM",
    "CaseRow",
    "Column",
    "Page",
    "Record",
    "Reversal",
    "approval",
    "board_key",
    "board_pages",
    "check_rows",
    "decided",
    "environment_key",
    "environment_pages",
    "explanation",
    "key_of",
    "outcome",
    "outdated",
    "parts",
    "reasons_key",
    "reasons_page",
    "record",
    "review",
    "review_pages",
    "standing",
    "way",
]
