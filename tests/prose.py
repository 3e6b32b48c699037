"""What holds a lesson's prose to what its notebook shows."""

import re


def numbers(text):
    """Find the numbers of two digits and more, without their thousands separators."""
    return [found.replace(",", "") for found in re.findall(r"\d+(?:,\d{3})+|\d{2,}", text)]


def outputs(cells):
    """The texts and the tables that a notebook's cells show."""
    for cell in cells:
        for output in cell.get("outputs", []):
            yield str(output.get("text", ""))
            yield str(output.get("data", {}).get("text/html", ""))
