"""Drawing: pictures and papers as pure functions of kept facts. The same facts make the same bytes, at any time."""
