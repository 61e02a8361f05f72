"""A kept conversation as a file: Word or Markdown."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Request, Response

from ingest.errors import StoreError
from web.export import Transcript, file_name, to_markdown, transcribe
from web.identity import owner_of
from web.store import Store
from web.word import to_word

_WRITERS: dict[str, tuple[str, Callable[[Transcript], bytes]]] = {
    "docx": ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", to_word),
    "md": ("text/markdown; charset=utf-8", lambda transcript: to_markdown(transcript).encode()),
}


def downloads_router(store: Store) -> APIRouter:
    """Serve ``/conversations/<key>.docx`` and ``.md``; another's conversation is as good as none."""
    router = APIRouter()

    @router.get("/conversations/{key}.{suffix}")
    def download(key: str, suffix: str, request: Request) -> Response:
        if suffix not in _WRITERS:
            raise HTTPException(404)
        owner = owner_of(request)
        try:
            conversation = store.conversation(owner, key)
            transcript = transcribe(conversation, store.turns(owner, key))
        except StoreError as error:
            raise HTTPException(404, str(error)) from error
        kind, write = _WRITERS[suffix]
        name = quote(file_name(conversation.title, conversation.updated_at, suffix))
        return Response(
            write(transcript), media_type=kind, headers={"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
        )

    return router
