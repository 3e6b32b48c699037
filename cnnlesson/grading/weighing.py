"""How much JSON some bytes hold, told before they are parsed, since values take the memory."""

import re

# A text, closed or not, or a character that a value begins, follows or ends with. Possessive, since
# to go back and try again would take memory and time without bound.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{},]', re.DOTALL)
_NEST = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def excess(content: bytes, *, values: int, nesting: int) -> str:
    """Say what some JSON holds too much of; nothing if it may be parsed.

    Args:
        content: the text, which may be anything.
        values: how many texts, commas and brackets it may hold.
        nesting: how deep its lists and objects may lie in each other.
    """
    depth = 0
    for number, token in enumerate(_TOKEN.finditer(content), 1):
        depth += _NEST.get(content[token.start()], 0)
        if number > values:
            return f"more than {values:,} values"
        if depth > nesting:
            return f"lists and objects that lie more than {nesting:,} deep in each other"
    return ""
