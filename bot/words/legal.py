"""Which terms and privacy notice people agree to; the texts themselves are web pages (`/legal/...`).

A consent is kept with this version, so a change of either text is a new version and asks again.
"""

TERMS_VERSION = "2026-11"
"""Year and month of the texts under bot/web/templates/legal_*.html."""
