"""The catalogue: what was seen running where and when, and which features that made.

It can be deleted at any time, since Git and the run history are the truth.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, delete, select

from reversion.adapters.catalogue_engine import open_engine, transaction
from reversion.adapters.catalogue_tables import (
    FeatureRow,
    InstanceRow,
    JudgementRow,
    ObservationRow,
    SnapshotRow,
)
from reversion.adapters.index_store import IndexStore
from reversion.environment import Instance, Observation
from reversion.errors import ServerFailed, SnapshotInvalid
from reversion.features.values import Feature
from reversion.snapshot import Recorded
from reversion.text import canonical_json, plain

KEPT_OBSERVATIONS = 500
KEPT_JUDGEMENTS = 50


class Catalogue:
    """One product's part of a database; `url` is any that SQLAlchemy knows."""

    def __init__(self, url: str, product: str = "") -> None:
        self._product = product
        self._engine = open_engine(url)

    def index(self) -> IndexStore:
        """Return the part that keeps what was read from the services' repositories."""
        return IndexStore(self._engine, self._product)

    def remember(self, recorded: Recorded) -> None:
        """Remember the tag object that a snapshot's name stands for.

        Raise SnapshotInvalid where the name is known to have stood for another one: somebody moved the tag.
        """
        try:
            self._remember(recorded)
        except ServerFailed as error:
            # Two processes saw a new tag at the same moment; the second look compares.
            if not isinstance(error.__cause__, IntegrityError):
                raise
            self._remember(recorded)

    def _remember(self, recorded: Recorded) -> None:
        with transaction(self._engine) as session:
            known = session.get(SnapshotRow, (self._product, recorded.tag))
            if known is None:
                session.add(self._snapshot_row(recorded))
            elif known.object_id != recorded.tag_object:
                raise SnapshotInvalid(
                    f"{recorded.tag} was moved: it was object {known.object_id[:12]} when first seen on "
                    f"{known.first_seen[:10]}, and is {recorded.tag_object[:12]} now.",
                    "Find out who moved it, and choose another snapshot.",
                )

    def record_observation(self, observation: Observation) -> None:
        """Record what an environment was seen to run; of older observations the newest 500 stay."""
        with transaction(self._engine) as session:
            seen_at = _as_text(observation.taken_at)
            row = ObservationRow(product=self._product, environment=observation.environment, seen_at=seen_at)
            session.add(row)
            session.flush()
            session.add_all(
                _instance_row(row.id or 0, place, seen) for place, seen in enumerate(observation.instances)
            )
            old = self._observations(session, observation.environment)[KEPT_OBSERVATIONS:]
            ids = [each.id for each in old]
            session.exec(delete(InstanceRow).where(col(InstanceRow.observation_id).in_(ids)))
            session.exec(delete(ObservationRow).where(col(ObservationRow.id).in_(ids)))

    def latest_observation(self, environment: str) -> Observation | None:
        """Return what the environment was last seen to run, or None where it was never looked at."""
        with transaction(self._engine) as session:
            rows = self._observations(session, environment)
            if not rows:
                return None
            seen = select(InstanceRow).where(InstanceRow.observation_id == rows[0].id)
            instances = session.exec(seen.order_by(col(InstanceRow.place))).all()
            return Observation(
                environment=environment,
                taken_at=datetime.fromisoformat(rows[0].seen_at),
                instances=tuple(_instance(row) for row in instances),
            )

    def record_features(
        self, environment: str, features: tuple[Feature, ...], judged_at: datetime, *, run: str = ""
    ) -> None:
        """Record how every feature stands in an environment; of older judgements the newest 50 stay."""
        with transaction(self._engine) as session:
            row = JudgementRow(product=self._product, environment=environment, run=run, judged_at=_as_text(judged_at))
            session.add(row)
            session.flush()
            session.add_all(_feature_row(row.id or 0, place, feature) for place, feature in enumerate(features))
            old = self._judgements(session, environment)[KEPT_JUDGEMENTS:]
            ids = [each.id for each in old]
            session.exec(delete(FeatureRow).where(col(FeatureRow.judgement_id).in_(ids)))
            session.exec(delete(JudgementRow).where(col(JudgementRow.id).in_(ids)))

    def latest_features(self, environment: str) -> tuple[Feature, ...]:
        """Return every feature as last judged in the environment, in the order they were recorded."""
        with transaction(self._engine) as session:
            rows = self._judgements(session, environment)
            wanted = select(FeatureRow).where(FeatureRow.judgement_id == (rows[0].id if rows else None))
            found = session.exec(wanted.order_by(col(FeatureRow.place))).all()
            return tuple(Feature.model_validate_json(row.document) for row in found)

    def judged_at(self, environment: str) -> datetime | None:
        """Return when the features of the environment were last judged."""
        with transaction(self._engine) as session:
            rows = self._judgements(session, environment)
            return datetime.fromisoformat(rows[0].judged_at) if rows else None

    def _observations(self, session: Session, environment: str) -> Sequence[ObservationRow]:
        mine = (ObservationRow.product == self._product, ObservationRow.environment == environment)
        order = (col(ObservationRow.seen_at).desc(), col(ObservationRow.id).desc())
        return session.exec(select(ObservationRow).where(*mine).order_by(*order)).all()

    def _judgements(self, session: Session, environment: str) -> Sequence[JudgementRow]:
        mine = (JudgementRow.product == self._product, JudgementRow.environment == environment)
        order = (col(JudgementRow.judged_at).desc(), col(JudgementRow.id).desc())
        return session.exec(select(JudgementRow).where(*mine).order_by(*order)).all()

    def _snapshot_row(self, recorded: Recorded) -> SnapshotRow:
        return SnapshotRow(
            product=self._product,
            tag=recorded.tag,
            object_id=recorded.tag_object,
            commit_id=recorded.snapshot.product_commit,
            first_seen=_as_text(datetime.now(UTC)),
        )


def _instance_row(observation: int, place: int, seen: Instance) -> InstanceRow:
    return InstanceRow(
        observation_id=observation,
        place=place,
        service=plain(seen.service),
        host=plain(seen.host),
        version=seen.version,
        problem=plain(seen.problem, 2000),
    )


def _instance(row: InstanceRow) -> Instance:
    return Instance(service=row.service, host=row.host, version=row.version, problem=row.problem)


def _feature_row(judgement: int, place: int, feature: Feature) -> FeatureRow:
    return FeatureRow(
        judgement_id=judgement,
        place=place,
        feature=feature.id,
        title=plain(feature.title, 500),
        kind=feature.kind,
        state=feature.state.value,
        document=canonical_json(feature.model_copy(update={"title": plain(feature.title, 500)})),
    )


def _as_text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="microseconds")
