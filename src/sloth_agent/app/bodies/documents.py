"""Files, what became of them, and the index of them."""

from collections.abc import Sequence

from sloth_agent.app.bodies.values import Body, error_of, moment_of
from sloth_agent.knowledge.intake import FileOutcome, IngestReport, Outcome
from sloth_agent.knowledge.models import Document, Unread, VectorStore


def ingest_body(report: IngestReport) -> Body:
    return {
        "files": [file_body(file) for file in report.files],
        **{status.value: report.count(status) for status in Outcome},
        "seconds": round(report.seconds, 3),
    }


def file_body(file: FileOutcome) -> Body:
    return {
        "path": file.path,
        "status": file.status.value,
        "document_id": str(file.document_id) if file.document_id else None,
        "job_id": str(file.job_id) if file.job_id else None,
        "pages": file.pages,
        "chunks": file.chunks,
        "error": error_of(file.problem),
        "unread": _unread(file.unread),
    }


def document_body(document: Document) -> Body:
    return {
        "id": str(document.id),
        "title": document.title,
        "source": document.source,
        "type": document.media_type,
        "size": document.size_bytes,
        "digest": document.digest,
        "status": document.status.value,
        "error": error_of(document.problem),
        "pages": document.pages,
        "chunks": document.chunks,
        "unread": _unread(document.unread),
        "created_at": document.created_at.isoformat(),
        "processed_at": moment_of(document.processed_at),
    }


def _unread(parts: Sequence[Unread]) -> list[Body]:
    return [{"part": part.part, "code": part.code, "message": part.message} for part in parts]


def index_body(store: VectorStore) -> Body:
    return {
        "embedding_model": store.space,
        "dimensions": store.dimensions,
        "chunk_size": store.chunk_size,
        "chunk_overlap": store.chunk_overlap,
        "chunks": store.chunks,
        "built_at": store.created_at.isoformat() if store.created_at else None,
    }
