"""Photos, and what was seen in them."""

from sloth_agent.app.bodies.values import Body, error_of
from sloth_agent.errors import Problem
from sloth_agent.knowledge.models import Photo


def photo_body(photo: Photo) -> Body:
    return {
        "id": str(photo.id),
        "title": photo.title,
        "type": photo.media_type,
        "size": photo.size_bytes,
        "width": photo.width,
        "height": photo.height,
        "status": photo.status.value,
        "created_at": photo.created_at.isoformat(),
    }


def photo_analysis_body(photo: Photo) -> Body:
    return {
        "id": str(photo.id),
        "status": photo.status.value,
        "labels": list(photo.labels),
        "text": photo.text,
        "objects": list(photo.objects),
        "faces": photo.faces,
        "error": error_of(photo.problem),
    }


def photo_file_body(path: str, kept: Photo | Problem) -> Body:
    """What became of one file: the photo that it is now, or why it is none."""
    problem = kept if isinstance(kept, Problem) else None
    photo = kept if isinstance(kept, Photo) else None
    return {
        "path": path,
        "photo": photo_body(photo) if photo else None,
        "error": error_of(problem),
    }
