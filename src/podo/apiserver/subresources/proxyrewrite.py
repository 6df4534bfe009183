"""Links of proxied answers, for browsers: what names the backend's own root is put below the proxy's path.

Applies to the Location of redirects and to the attributes of HTML that hold URLs. Relative links stay as they are.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from html import escape, unescape
from urllib.parse import urlsplit

#: Attributes that hold a URL (HTML Living Standard, "Attributes"; and the obsolete ones).
_ATTRIBUTES = (
    "action|background|cite|classid|codebase|data|formaction|href|icon|longdesc|manifest|poster|profile|src|usemap"
)
_TAG = re.compile(r"<[a-zA-Z][^<>]*>")
_LINK = re.compile(rf"""(\s(?:{_ATTRIBUTES})\s*=\s*)("[^"]*"|'[^']*'|[^\s"'>]+)""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rewriting:
    """``base``: the path up to ``/proxy``. ``asked``: the Host of the client's request; ``backend``: of the target."""

    base: str
    asked: str
    backend: str

    def link(self, url: str) -> str:
        """``url`` as the client has to ask for it."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return url
        if parts.netloc not in ("", self.asked, self.backend) or not parts.path.startswith("/"):
            return url
        if parts.netloc != self.asked:
            parts = parts._replace(scheme="", netloc="")
        if parts.path != self.base and not parts.path.startswith(f"{self.base}/"):
            parts = parts._replace(path=self.base + parts.path)
        return parts.geturl()

    def page(self, html: bytes, coding: str, limit: int) -> bytes | None:
        """An HTML page with its links rewritten, not encoded any more; None where it cannot be read within ``limit``
        bytes. Bytes that are no ASCII pass as they are, whatever they mean."""
        plain = decoded(html, coding.strip().lower(), limit)
        if plain is None:
            return None
        return _TAG.sub(self._tag, plain.decode("latin-1")).encode("latin-1", "xmlcharrefreplace")

    def _tag(self, tag: re.Match[str]) -> str:
        return _LINK.sub(self._attribute, tag.group())

    def _attribute(self, found: re.Match[str]) -> str:
        before, value = found.groups()
        quote = value[0] if value[0] in "\"'" else ""
        url = unescape(value.strip(quote) if quote else value)
        changed = self.link(url)
        if changed == url:
            return found.group()
        return f'{before}"{escape(changed)}"'


def decoded(body: bytes, coding: str, limit: int) -> bytes | None:
    """The body without its Content-Encoding; None for one that is unknown, broken or longer than ``limit``."""
    if coding in ("", "identity"):
        return body
    if coding not in ("gzip", "deflate"):
        return None
    unpacking = zlib.decompressobj(47)  # the header says whether it is gzip or zlib
    try:
        plain = unpacking.decompress(body, limit)
    except zlib.error:
        return None
    return plain if unpacking.eof else None
