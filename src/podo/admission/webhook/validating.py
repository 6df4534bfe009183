"""Validating webhooks: all at once; the refusal of the first in their order is told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from podo.admission.request import AdmissionRequest
from podo.admission.webhook.asking import Outside, ask
from podo.admission.webhook.choosing import kind_asked
from podo.admission.webhook.hooks import Hook


async def validate(hooks: Sequence[Hook], request: AdmissionRequest, outside: Outside) -> None:
    """Ask those of ``hooks`` that the request is for. Raises ApiError."""
    wanted = [(hook, kind) for hook in hooks if (kind := await kind_asked(hook, request, outside)) is not None]
    if not wanted:
        return
    asked = [
        ask(hook, request, kind, outside, f"round_0_index_{index}", mutating=False)
        for index, (hook, kind) in enumerate(wanted)
    ]
    if len(asked) == 1:
        await asked[0]
        return
    for found in await asyncio.gather(*asked, return_exceptions=True):
        if isinstance(found, BaseException):
            raise found
