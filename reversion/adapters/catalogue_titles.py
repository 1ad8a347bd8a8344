"""What trackers said about features, kept in the catalogue until they can be asked again."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from sqlmodel import select
from sqlmodel.sql.expression import SelectOfScalar

from reversion.adapters.catalogue_engine import open_engine, transaction
from reversion.adapters.catalogue_title_tables import TitleRow, TrackerRow
from reversion.features.titles import Title

_NOTHING = {"title": "", "kind": "", "url": "", "status": "", "asked_at": ""}


class Kept(NamedTuple):
    """What a tracker last called a feature (None: it knew none such), and when that was asked."""

    title: Title | None
    asked_at: datetime


class TitleCache:
    """One product's titles in the catalogue's database; a `source` is a tracker."""

    def __init__(self, url: str, product: str) -> None:
        self._product = product
        self._engine = open_engine(url)

    def read(self, source: str) -> dict[str, Kept]:
        """Return all that is kept of a tracker, by feature id."""
        with transaction(self._engine) as session:
            return {row.feature: _kept(row) for row in session.exec(self._rows(source))}

    def write(self, source: str, titles: Mapping[str, Title | None], asked_at: datetime) -> None:
        """Keep what a tracker said; a title that was known stays where the tracker no longer knows the feature."""
        now = _as_text(asked_at)
        with transaction(self._engine) as session:
            known = {row.feature: row for row in session.exec(self._rows(source))}
            for feature, title in sorted(titles.items()):
                row = known.get(feature) or TitleRow(
                    **_NOTHING, product=self._product, tracker=source, feature=feature
                )
                if title is not None:
                    row.title, row.kind = title.title, title.kind or ""
                    row.url, row.status = title.url, title.status
                row.asked_at = now
                session.add(row)

    def silent_until(self, source: str) -> datetime | None:
        """Return until when a tracker is to be left alone, if it was ever to be."""
        with transaction(self._engine) as session:
            row = session.get(TrackerRow, (self._product, source))
            return datetime.fromisoformat(row.silent_until) if row else None

    def silence(self, source: str, until: datetime) -> None:
        """Leave a tracker alone until then."""
        with transaction(self._engine) as session:
            session.merge(TrackerRow(product=self._product, tracker=source, silent_until=_as_text(until)))

    def _rows(self, source: str) -> SelectOfScalar[TitleRow]:
        return select(TitleRow).where(TitleRow.product == self._product, TitleRow.tracker == source)


def _kept(row: TitleRow) -> Kept:
    document = {"title": row.title, "kind": row.kind or None, "url": row.url, "status": row.status}
    return Kept(Title.model_validate(document) if row.title else None, datetime.fromisoformat(row.asked_at))


def _as_text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="microseconds")
