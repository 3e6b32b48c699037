"""What students check their answers with: it notes them, and knows no right one."""

import json
import os
from pathlib import Path

from IPython.display import publish_display_data

DESK = Path(os.environ.get("CNNLESSON_DESK", "."))


def check(question, answer):
    """Note an answer; of a function, what it returns for the numbers laid out, if any are."""
    if callable(answer):
        cases = DESK / "cases.json"
        answer = [answer(each) for each in json.loads(cases.read_text())] if cases.exists() else []
    noted = {"application/vnd.numbers.answer+json": answer, "text/plain": "Your answer is noted."}
    publish_display_data(noted)
