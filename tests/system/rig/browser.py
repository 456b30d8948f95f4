# SPDX-License-Identifier: Apache-2.0
"""A user at a browser: follows redirects, keeps cookies, fills in the forms of a login page."""

import html.parser
import http.cookiejar
import urllib.error
import urllib.parse
import urllib.request

# A login and a consent, each a page and an answer, with the redirects between them.
PAGES_MAX = 8


class _Form(html.parser.HTMLParser):
    """The first form of a page: where it goes, and its fields."""

    def __init__(self, page):
        super().__init__()
        self.action = None
        self.fields = {}
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form" and self.action is None:
            self.action = attributes["action"]
        elif tag == "input":
            self.fields[attributes["name"]] = attributes.get("value") or ""


class _StayHere(urllib.request.HTTPRedirectHandler):
    """Follows redirects within a site; one that leads elsewhere is where the visit ends."""

    def __init__(self, site):
        self._site = site

    def redirect_request(self, request, answer, code, message, headers, url):
        if not url.startswith(f"{self._site}/"):
            return None
        return super().redirect_request(request, answer, code, message, headers, url)


class Browser:
    """Visits one site, whose certificate is checked with the context `trust`."""

    def __init__(self, site, trust):
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=trust),
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
            _StayHere(site),
        )

    def _open(self, url, fields=None):
        """(the page, None), or (None, the address elsewhere that it leads to)."""
        data = urllib.parse.urlencode(fields).encode() if fields is not None else None
        try:
            with self._opener.open(url, data, timeout=30) as answer:
                return answer.read().decode(), None
        except urllib.error.HTTPError as error:
            with error:
                if error.code in (302, 303):
                    return None, error.headers["Location"]
                raise AssertionError(f"{url} answers {error.code}: {error.read()[:500]}") from None

    def visit(self, url, **answers):
        """Opens a page and sends its forms, answered by these, until it leads to another site;
        that address."""
        page, elsewhere = self._open(url)
        for _ in range(PAGES_MAX):
            if elsewhere:
                return elsewhere
            form = _Form(page)
            assert form.action, f"a page without a form: {page[:500]}"
            fields = form.fields | {name: answers[name] for name in form.fields if name in answers}
            page, elsewhere = self._open(form.action, fields)
        raise AssertionError(f"{url} shows one page after another")
