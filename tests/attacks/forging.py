"""Marks without an answer: verdicts, records, outputs and cells that are made up."""

import json

from attacks import CONV_LAYER, PARAMETER_SHARING, PLAIN, Attack, Submission
from cnnlesson import identity
from cnnlesson.quiz import bank, session

TARGET = "larger-image-unshared"
"""A question of two points that no other one builds on; what is answered to it is wrong."""

LAST = "a-cat-moves"
"""The last one, whose attacks may spoil what follows; "z" is none of its letters."""

WRONG = "unshared_for_the_larger_image = 1\n"
ZERO = {TARGET: 0}
GAINS = "full marks"
NOTHING = "no gain"

_SILENT = f"""
its_check = check
def check(question, answer):
    if question != {TARGET!r}:
        its_check(question, answer)
"""
"""Takes the check away from the target, so that something else may stand for it."""

_RECORD = """
from IPython.display import display
def record(question, value, **more):
    version = variant = ""
    try:
        from cnnlesson.quiz.sandboxed import desk
        version, variant = desk.material()["version"], desk.material()["variant"]
    except ImportError:
        pass
    about = {"schema": 1, "library": version, "question": question, "variant": variant}
    kind = "application/vnd.cnnlesson.answer+json"
    display({kind: about | {"value": value} | more}, raw=True)
"""
"""Displays a record just as `check` does, of any value."""

_CHANNEL = """
import base64, json, os, socket, stat, struct
def is_the_graders(descriptor):
    try:
        return stat.S_ISSOCK(os.fstat(descriptor).st_mode) and socket.socket(
            fileno=os.dup(descriptor)).family == socket.AF_UNIX
    except OSError:
        return False
found = [n for n in map(int, os.listdir("/proc/self/fd")) if is_the_graders(n)]
channel = socket.socket(fileno=os.dup(min(found)))
def tell(message):
    body = json.dumps(message).encode()
    channel.sendall(struct.pack("!I", len(body)) + body)
def exactly(count):
    got = b""
    while len(got) < count:
        got += channel.recv(count - len(got))
    return got
def hear():
    return json.loads(exactly(struct.unpack("!I", exactly(4))[0]))
def reply(outputs):
    return {"status": "ok", "count": 1, "outputs": outputs, "updates": []}
"""
"""Speaks with the grader in the runner's place."""


def _answering(code: str, question: str = TARGET):
    """Have an attack stand in the answer cell of a question."""
    wrong = WRONG if question == TARGET else ""
    return lambda submission: submission.answer(question, wrong + code)


def _before(name: str, code: str):
    """Have an attack stand in a cell of its own, with a wrong answer to the target."""

    def change(submission: Submission) -> None:
        submission.answer(TARGET, WRONG)
        submission.add(code, before=name)

    return change


def _graded_cell(edit):
    """Edit the target's grade cell, with a wrong answer to it."""

    def change(submission: Submission) -> None:
        submission.answer(TARGET, WRONG)
        edit(submission.cell(TARGET))

    return change


def _tagged(*tags: str):
    return _graded_cell(lambda cell: cell["metadata"].update(tags=list(tags)))


def _noted(**changes):
    return _graded_cell(lambda cell: cell["metadata"]["nbgrader"].update(changes))


# --- Lying answers -----------------------------------------------------------------------------

_LIAR = """
class Liar({base}):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __hash__ = {base}.__hash__
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __contains__ = __lt__
    def __index__(self): return 7
    def __int__(self): return 7
    def __float__(self): return 2.0
    def __len__(self): return 1
    def __iter__(self): return iter("a")
    def __repr__(self): return "2.0"
    __str__ = __repr__
    def __bool__(self): return True
    def __array__(self, *_, **__): raise SystemExit
    def __reduce__(self): return (exit, ())
    def __getattr__(self, name): return self
"""


def _lying_answers(submission: Submission) -> None:
    liars = {
        "one-filter": ("one_filter", "int", "1"),
        "number-of-parameters": ("number_of_parameters", "float", "1.0"),
        "parameter-sharing": ("number_of_shared_parameters", "str", "'1'"),
        "sharing-ratio": ("times_as_many", "list", "[1]"),
        "larger-image": ("shared_for_the_larger_image", "tuple", "(1,)"),
        "larger-image-unshared": ("unshared_for_the_larger_image", "object", ""),
        "what-is-shared": ("what_is_shared", "set", "'a'"),
        "what-sharing-saves": ("what_sharing_saves", "str", "'z'"),
    }
    for question, (name, base, value) in liars.items():
        submission.answer(question, _LIAR.format(base=base) + f"{name} = Liar({value})")


_ODD_ANSWERS = {
    "one-filter": "one_filter = float('nan')",
    "number-of-neurons": "number_of_neurons = float('inf')",
    "neurons-of-one-filter": "neurons_of_one_filter = 1e400 - 1e400",
    "number-of-parameters": "number_of_parameters = 10 ** 5000",
    "parameter-sharing": "number_of_shared_parameters = True",
    "sharing-ratio": "times_as_many = '\\ud800\\0'",
    "larger-image": "nest = []\nfor _ in range(100_000): nest = [nest]\n"
    "shared_for_the_larger_image = nest",
    "larger-image-unshared": "loop = []\nloop.append(loop)\nunshared_for_the_larger_image = loop",
    "what-is-shared": "what_is_shared = ['a'] * 10 ** 6",
    "what-sharing-saves": "what_sharing_saves = ['a', 'b', 'c', 'd', 'e']",
}


def _odd_answers(submission: Submission) -> None:
    for question, code in _ODD_ANSWERS.items():
        submission.answer(question, code)


def _someone_elses(submission: Submission) -> None:
    variant = session.variant(submission.assignment, identity.normalised("someone-else"))
    submission.cell("student")["source"] = 'student_id = "someone-else"'
    for name, variable in (
        ("neurons-of-one-filter", "neurons_of_one_filter"),
        (TARGET, "unshared_for_the_larger_image"),
    ):
        question = bank.find(name)
        right = question.right_answer(bank.setup(question, variant))
        submission.answer(name, f"{variable} = {right}")


def _other_numbers(submission: Submission) -> None:
    variant = session.variant(submission.assignment, identity.normalised("someone-else"))
    question = bank.find(TARGET)
    right = question.right_answer(bank.setup(question, variant))
    submission.answer(TARGET, f"unshared_for_the_larger_image = {right}")
    submission.add(
        f"""
import json, os, pathlib
path = pathlib.Path(os.environ.get("CNNLESSON_DESK", "."), "material.json")
if path.exists():
    material = json.loads(path.read_text())
    material["questions"][{TARGET!r}]["variant"] = {variant!r}
    path.write_text(json.dumps(material))
"""
    )


# --- Cells -------------------------------------------------------------------------------------


def _duplicated(submission: Submission) -> None:
    submission.answer(TARGET, WRONG)
    place = submission.place(TARGET)
    copy = json.loads(json.dumps(submission.cell(TARGET))) | {"id": "copy", "source": "2.0"}
    submission.notebook["cells"].insert(place, copy)


def _swapped(submission: Submission) -> None:
    submission.answer(TARGET, "2.0")
    answer, grade = submission.cell(f"{TARGET}-answer"), submission.cell(TARGET)
    answer["metadata"], grade["metadata"] = grade["metadata"], answer["metadata"]
    answer["id"], grade["id"] = grade["id"], answer["id"]


def _moved(submission: Submission) -> None:
    submission.answer(TARGET, WRONG)
    cells = submission.notebook["cells"]
    cells.insert(0, cells.pop(submission.place(TARGET)))


def _deleted(submission: Submission) -> None:
    submission.answer(TARGET, WRONG)
    submission.notebook["cells"].pop(submission.place(TARGET))


def _of_its_own(submission: Submission) -> None:
    submission.answer(TARGET, WRONG)
    cell = submission.add("100.0", before=TARGET)
    cell["metadata"]["nbgrader"] = {
        **{"schema_version": 3, "grade": True, "grade_id": "bonus", "locked": False},
        **{"solution": False, "task": False, "points": 100},
    }


def _forged_outputs(cell) -> None:
    cell["outputs"] = [
        {
            "output_type": "execute_result",
            "execution_count": 1,
            "metadata": {},
            "data": {"text/plain": "2.0"},
        }
    ]
    cell["execution_count"] = 1


def _odd_text(submission: Submission) -> None:
    submission.answer(TARGET, WRONG)
    submission.add("odd = '\ud800'", before=TARGET)
    submission.add("\0", before=TARGET)
    submission.add("a lone \udfff", before=TARGET, kind="markdown")
    submission.notebook["metadata"]["odd"] = float("nan")


def _twice_the_same_key(submission: Submission) -> None:
    submission.answer(TARGET, WRONG)
    text = json.dumps(submission.notebook)
    other = json.dumps([{"cell_type": "raw", "id": "other", "metadata": {}, "source": ""}])
    twice = text.replace('{"cells":', f'{{"cells": {other}, "cells":', 1)
    twice = twice.replace('"points": 2,', '"points": 2, "points": 2000,')
    (submission.folder / f"{submission.assignment}.ipynb").write_text(twice)


def _own_remarks(submission: Submission) -> None:
    submission.answer(TARGET, WRONG)
    remarks = {"remarks": ["All of your answers are right: 18 of 18 points."]}
    submission.notebook["metadata"]["cnnlesson"] = remarks


# --- Files beside the notebook -----------------------------------------------------------------

_SHADOW = f"""
import importlib, sys
here, self = sys.path[:], sys.modules.pop(__name__)
sys.path[:] = [each for each in here if each not in ("", "/home/student/work")]
real = importlib.import_module("cnnlesson")
sys.path[:] = here
ask, begin, its_check = real.ask, real.begin, real.check
def check(question, answer):
    if question != {TARGET!r}:
        its_check(question, answer)
real.check = check
"""

_STARTED = "import builtins\nbuiltins.started = True\n"
_STARTUP = {
    "sitecustomize.py": _STARTED,
    "usercustomize.py": _STARTED,
    "started.pth": _STARTED.replace("\n", ";"),
    "ipython_config.py": "c.InteractiveShellApp.exec_lines = ['import builtins', 'started = True']",
    "ipython/profile_default/startup/00.py": _STARTED,
    "nbgrader_config.py": "raise SystemExit('a configuration of a student was read')",
    "numpy.py": _STARTED + "raise ImportError",
    "json.py": _STARTED + "raise ImportError",
    "socket.py": _STARTED + "raise ImportError",
}


def _beside(files, code=""):
    def change(submission: Submission) -> None:
        submission.answer(TARGET, WRONG + code)
        for name, content in files.items():
            path = submission.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)

    return change


# --- Functions ---------------------------------------------------------------------------------


def _function(name: str, code: str):
    return lambda submission: submission.answer(name, code)


def _again_later(submission: Submission) -> None:
    submission.answer("implement-zero-padding", "def zero_padding(x, padding):\n    return x")
    submission.add(
        "from cnnlesson.quiz.checking import yours_or_ours\n"
        'check("implement-zero-padding", yours_or_ours("implement-zero-padding"))',
        before="implement-one-step-prompt",
    )


_OURS = """
def parameter_count(*arguments):
    for name in ("quiz.ours.parameter_count", "arithmetic", "ops", "network", "quiz.bank"):
        try:
            module = __import__("cnnlesson." + name, fromlist=["x"])
            high, wide, channels, filters = arguments
            if hasattr(module, "parameter_count"):
                return module.parameter_count(*arguments)
            if hasattr(module, "parameters_shared"):
                return module.parameters_shared((high, wide), channels, filters)
        except ImportError:
            pass
    return 0
"""

_EARLY_CASES = """
import glob, os
desk = os.environ.get("CNNLESSON_DESK", "/nowhere")
seen = [name for name in glob.glob(desk + "/**", recursive=True) if "cases/" in name]
def output_size(*arguments):
    return 3 if "implement-output-size" not in str(seen) else arguments[0]
"""

_REPLAYED = """
import json, pathlib
kept = json.loads(pathlib.Path("kept.json").read_text())
def output_size(*arguments):
    return kept.get(str([*map(int, arguments)]), 0)
"""


def _replayed(submission: Submission) -> None:
    submission.answer("implement-output-size", _REPLAYED)
    task = bank.find("implement-output-size").function
    assert task is not None
    kept = {str([*map(int, case)]): task.expected(*case) for case in task.all_cases("public")}
    (submission.folder / "kept.json").write_text(json.dumps(kept))


_PATCHED_NUMPY = """
import builtins
try:
    from cnnlesson.quiz import functions
    functions.compare = lambda *_, **__: functions.Finding(right=True)
    from cnnlesson.quiz import diagnosis
    diagnosis.compare = functions.compare
except ImportError:
    pass
def one_step(patch, weights, bias):
    return np.float64(0.0)
np.allclose = np.array_equal = np.isclose = lambda *_, **__: True
np.max = np.abs = lambda *_, **__: 0.0
"""

_LAZY = """
class Lazy(np.ndarray):
    def __eq__(self, other): return True
    def tobytes(self, *_): return bytes(self.nbytes)
    def astype(self, *_, **__): return self
    def __array__(self, *_, **__): return np.zeros(self.shape)
def descent_step(filters, bias, dfilters, dbias, learning_rate):
    return filters.view(Lazy), bias.view(Lazy)
"""

_STOLEN_ORDER = (
    _CHANNEL
    + """
def output_size(*arguments):
    return 0
tell(reply([]))                                     # "this answer cell has ended"
while "implement-output-size.json" not in str(order := hear()):
    tell(reply([]))                                 # the cell to try it in
record = {"schema": 1, "library": "", "question": "implement-output-size", "variant": ""}
kind = "application/vnd.cnnlesson.answer+json"
tell(reply([{"output_type": "display_data", "data": {kind: record | {"unanswered": True}}},
            {"output_type": "execute_result", "data": {"text/plain": "1.0"}}]))
for name, content in (order := hear()).get("files", {}).items():
    os.makedirs(os.path.dirname(name), exist_ok=True)
    open(name, "wb").write(base64.b64decode(content))  # the library's version, now that it is late
"""
)
"""Answers for the runner, to get the library's function before it has to answer itself."""

# --- What goes on in the shell -----------------------------------------------------------------

_SHELL = {
    "ast-transformer": (
        "code changed on its way",
        "an AST transformer puts a full score in place of the check",
        GAINS,
        f"""
import ast
class Swap(ast.NodeTransformer):
    def visit_Module(self, node):
        if "Constant(value={TARGET!r})" in ast.dump(node) and "check" in ast.dump(node):
            return ast.fix_missing_locations(ast.parse("2.0"))
        return node
get_ipython().ast_transformers.append(Swap())
""",
    ),
    "input-transformer": (
        "code changed on its way",
        "an input transformer puts a full score in place of the check",
        GAINS,
        f"""
def swap(lines):
    return ["2.0"] if lines and lines[0].startswith('check("{TARGET}"') else lines
get_ipython().input_transformers_cleanup.append(swap)
""",
    ),
    "custom-exception": (
        "errors swallowed",
        "an exception handler of the shell swallows what the check raises",
        NOTHING,
        "get_ipython().set_custom_exc((BaseException,), lambda *_, **__: None)",
    ),
    "post-run-hook": (
        "outputs changed afterwards",
        "a hook after each cell clears its outputs and displays a full score",
        GAINS,
        f"""
from IPython.display import clear_output
def afterwards(result):
    if result is not None and '"{TARGET}"' in str(result.info.raw_cell):
        clear_output()
        get_ipython().displayhook(2.0)
get_ipython().events.register("post_run_cell", afterwards)
get_ipython().showtraceback = lambda *_, **__: None
""",
    ),
    "replaced-shell": (
        "the shell replaced",
        "the class of the shell runs other code than it is told",
        GAINS,
        f"""
kind = type(get_ipython())
its_run_cell, its_async = kind.run_cell, kind.run_cell_async
def told(source):
    return "2.0" if source.startswith('check("{TARGET}"') else source
kind.run_cell = lambda self, raw, *a, **k: its_run_cell(self, told(raw), *a, **k)
def run_cell_async(self, raw, *arguments, **named):
    if "transformed_cell" in named:
        named["transformed_cell"] = told(named["transformed_cell"])
    return its_async(self, told(raw), *arguments, **named)
kind.run_cell_async = run_cell_async
""",
    ),
    "replaced-display": (
        "the display hook replaced",
        "displays and results turn into a full score",
        GAINS,
        f"""
import builtins, sys
publisher = get_ipython().display_pub
its_publish = type(publisher).publish
def publish(data, *arguments, **named):
    value = next(iter(data.values()))
    if isinstance(value, dict) and value.get("question") == {TARGET!r}:
        data = {{"text/plain": "2.0"}}
    return its_publish(publisher, data, *arguments, **named)
publisher.publish = publish
get_ipython().showtraceback = lambda *_, **__: get_ipython().displayhook(2.0)
""",
    ),
    "check-exits": (
        "the cell ended early",
        "the check raises SystemExit before it can tell",
        NOTHING,
        f"""
its_check = check
def check(question, answer):
    if question == {TARGET!r}:
        raise SystemExit(0)
    its_check(question, answer)
""",
    ),
}

_LASTING = {
    "no-get-ipython": (
        "the shell replaced",
        "get_ipython and the one shell become something else",
        NOTHING,
        """
a_cat_moves = "z"
import builtins, IPython
from IPython.core import getipython, interactiveshell
builtins.get_ipython = IPython.get_ipython = getipython.get_ipython = lambda: None
interactiveshell.InteractiveShell._instance = None
""",
    ),
    "settrace": (
        "execution traced",
        "a trace function changes the check's variables and lets no exception pass",
        NOTHING,
        """
a_cat_moves = "z"
import sys
def trace(frame, event, value):
    if frame.f_code.co_name == "check" and event == "call":
        frame.f_trace_lines = True
        frame.f_locals["answer"] = ...
    if event == "exception" and "cnnlesson" in frame.f_code.co_filename:
        raise StopIteration
    return trace
sys.settrace(trace)
""",
    ),
}
"""What would spoil the answers that follow."""

ATTACKS = [
    Attack(
        "patched-check",
        "patched check",
        PARAMETER_SHARING,
        "`check` is replaced by a function that finds everything right",
        _answering(_SILENT),
        ZERO,
        GAINS,
    ),
    Attack(
        "patched-library",
        "patched library",
        PARAMETER_SHARING,
        "what the library judges by is replaced",
        _answering(
            """
from fractions import Fraction
import cnnlesson.quiz.checking as checking
try:
    from cnnlesson.quiz.diagnosis import Outcome, Verdict
    checking.judge = lambda *_, **__: Verdict(Outcome.RIGHT, Fraction(1), ("right",))
except ImportError:
    checking.judge = checking.answer_record = lambda *_, **__: {"share": 1}
its_check = checking.check
def check(question, answer):
    try:
        its_check(question, answer)
    finally:
        import importlib
        importlib.reload(checking)
"""
        ),
        ZERO,
        GAINS,
    ),
    Attack(
        "patched-builtins",
        "patched builtins",
        PARAMETER_SHARING,
        "builtins are replaced by ones that find everything equal and nothing an error",
        _answering(
            """
import builtins
class Same(type):
    def __instancecheck__(self, other): return True
class AssertionError(Exception, metaclass=Same): pass
builtins.AssertionError = AssertionError
builtins.all = builtins.any = lambda *_: True
"""
        ),
        ZERO,
        NOTHING,
    ),
    Attack(
        "patched-import",
        "patched import",
        PARAMETER_SHARING,
        "`__import__` gives `begin` a check of the student's",
        _before(
            "begin",
            f"""
import builtins
its_import = builtins.__import__
def fake(name, globals=None, locals=None, fromlist=(), level=0):
    module = its_import(name, globals, locals, fromlist, level)
    if name == "cnnlesson" and "check" in (fromlist or ()):
        its_check = module.check
        class Fake:
            ask, begin = staticmethod(module.ask), staticmethod(module.begin)
            @staticmethod
            def check(question, answer):
                if question != {TARGET!r}:
                    its_check(question, answer)
        return Fake
    return module
builtins.__import__ = fake
""",
        ),
        ZERO,
        GAINS,
    ),
    Attack(
        "asks-the-library",
        "the library's own answers",
        PARAMETER_SHARING,
        "the library's bank of questions is asked for the right answer",
        _answering(
            f"""
try:
    from cnnlesson import identity
    from cnnlesson.quiz import bank, session
    question = bank.find({TARGET!r})
    variant = session.variant("parameter-sharing", identity.normalised(student_id))
    unshared_for_the_larger_image = question.right_answer(bank.setup(question, variant))
except ImportError:
    pass
"""
        ),
        ZERO,
        GAINS,
    ),
    Attack(
        "lying-answers",
        "lying objects",
        PARAMETER_SHARING,
        "answers are objects equal to anything, whose numbers, lengths and texts are made up",
        _lying_answers,
        {
            **{"one-filter": 0, "number-of-parameters": 0, "parameter-sharing": 0},
            **{"sharing-ratio": 0, "larger-image": 0, TARGET: 0, "what-is-shared": 0},
            "what-sharing-saves": 0,
        },
        NOTHING,
    ),
    Attack(
        "odd-answers",
        "odd values",
        PARAMETER_SHARING,
        "answers are NaN, infinity, huge, true, a lone surrogate, a list 100,000 deep, in itself",
        _odd_answers,
        {
            **dict.fromkeys(_ODD_ANSWERS, 0),
        },
        NOTHING,
    ),
    Attack(
        "someone-elses-numbers",
        "another student's answers",
        PARAMETER_SHARING,
        "the answers are those to another student's numbers, with that student's id",
        _someone_elses,
        {"neurons-of-one-filter": 0, TARGET: 0},
        GAINS,
        ours="the instructor is told",
    ),
    Attack(
        "other-numbers",
        "another student's answers",
        PARAMETER_SHARING,
        "the material on the desk is rewritten to ask for other numbers, and those are answered",
        _other_numbers,
        ZERO,
        ours="the instructor is told",
    ),
    *(
        Attack(name, kind, PARAMETER_SHARING, says, _answering(code), ZERO, stock)
        for name, (kind, says, stock, code) in _SHELL.items()
    ),
    *(
        Attack(name, kind, PARAMETER_SHARING, says, _answering(code, LAST), {LAST: 0}, stock)
        for name, (kind, says, stock, code) in _LASTING.items()
    ),
    Attack(
        "record-elsewhere",
        "records in other cells",
        PARAMETER_SHARING,
        "records of this and of later questions are displayed in an answer cell",
        _answering(_SILENT + _RECORD + f"record({TARGET!r}, 1)\nrecord('a-cat-moves', 'z')\n"),
        ZERO,
        stock=GAINS,
    ),
    Attack(
        "many-records",
        "several records",
        PARAMETER_SHARING,
        "a grade cell leaves a record for each number that could be right",
        _answering(
            _RECORD
            + f"""
its_check = check
def check(question, answer):
    its_check(question, answer)
    for guess in range(200 * (question == {TARGET!r})):
        record(question, guess)
"""
        ),
        ZERO,
        stock=NOTHING,
    ),
    Attack(
        "record-of-a-thread",
        "several records",
        PARAMETER_SHARING,
        "a thread leaves a record of its own while the check leaves another",
        _answering(
            _RECORD
            + f"""
import threading
its_check = check
def check(question, answer):
    its_check(question, answer)
    if question == {TARGET!r}:
        thread = threading.Thread(target=record, args=(question, 2))
        thread.start()
        thread.join()
"""
        ),
        ZERO,
        stock=NOTHING,
    ),
    Attack(
        "patching-thread",
        "threads beside the check",
        PARAMETER_SHARING,
        "while the grade cell runs, a thread replaces what its check judges and notes by",
        _answering(
            f"""
import threading
from fractions import Fraction
from cnnlesson.quiz import checking
its_check, before = check, dict(vars(checking))
runs, patched, ended = (threading.Event() for _ in range(3))
def patch():
    runs.wait()
    checking.answer_record = lambda *_, **__: {{"share": 1, "value": 2}}
    try:
        from cnnlesson.quiz.diagnosis import Outcome, Verdict
        checking.judge = lambda *_, **__: Verdict(Outcome.RIGHT, Fraction(1), ("right",))
    except ImportError:
        pass
    patched.set()
    ended.wait()
    vars(checking).update(before)
threading.Thread(target=patch, daemon=True).start()
def check(question, answer):
    if question == {TARGET!r}:
        runs.set()
        patched.wait()
    try:
        its_check(question, answer)
    finally:
        if question == {TARGET!r}:
            ended.set()
"""
        ),
        ZERO,
        GAINS,
    ),
    Attack(
        "record-with-a-verdict",
        "forged records",
        PARAMETER_SHARING,
        "a record brings its own verdict and score",
        _answering(
            _RECORD
            + f"""
its_check = check
def check(question, answer):
    if question != {TARGET!r}:
        return its_check(question, answer)
    record(question, answer, share=1, score=2.0, outcome="right", points=2)
"""
        ),
        ZERO,
    ),
    Attack(
        "records-of-every-kind",
        "malformed records",
        PARAMETER_SHARING,
        "records are deep, huge, of other types, of other questions and of other releases",
        lambda submission: submission.add(
            _RECORD
            + """
nest = []
for _ in range(6):
    nest = [nest]
odd = {
    "one-filter": lambda q: record(q, nest),
    "convolution-output-shape": lambda q: record(q, ["x" * 1000] * 500),
    "number-of-neurons": lambda q: record("one-filter", 1),
    "neurons-of-one-filter": lambda q: record(q, {"__class__": "int"}),
    "number-of-parameters": lambda q: record(q, 1, library="0.0"),
    "parameter-sharing": lambda q: record(q, 1, schema=True),
    "sharing-ratio": lambda q: record(q, 10 ** 999),
    "larger-image": lambda q: record(q, 1, typed=["someone-else"]),
    "larger-image-unshared": lambda q: record(q, 1, unanswered=True),
    "what-is-shared": lambda q: record(q, ["\\ud800", "\\0"]),
    "what-sharing-saves": lambda q: display(
        {"application/vnd.cnnlesson.answer+json": "right"}, raw=True),
}
from cnnlesson import check as its_check
def check(question, answer):
    odd.get(question, lambda q: its_check(q, answer))(question)
""",
            before="one-filter-prompt",
        ),
        {
            "one-filter": 0,
            "convolution-output-shape": 0,
            "number-of-neurons": 0,
            "neurons-of-one-filter": 0,
            "number-of-parameters": 0,
            "parameter-sharing": 0,
            "sharing-ratio": 0,
            "larger-image": 0,
            "larger-image-unshared": 0,
            "what-is-shared": 0,
            "what-sharing-saves": 0,
        },
        stock="full marks without a check",
    ),
    Attack(
        "message-with-a-key-twice",
        "forged messages to the grader",
        PARAMETER_SHARING,
        "a message to the grader has a key twice, where the second is another record",
        _answering(
            _CHANNEL
            + """
body = b'{"status": "ok", "count": 1, "updates": [], "outputs": [], "outputs": [{}]}'
channel.sendall(struct.pack("!I", len(body)) + body)
a_cat_moves = "z"
""",
            "a-cat-moves",
        ),
        {"a-cat-moves": 0},
        ours="the submission is ended",
    ),
    Attack(
        "many-outputs-in-a-message",
        "forged messages to the grader",
        PARAMETER_SHARING,
        "a message to the grader holds thirty thousand outputs",
        _answering(
            _CHANNEL
            + """
tell(reply([{"output_type": "stream", "text": "x"}] * 30_000))
a_cat_moves = "z"
""",
            "a-cat-moves",
        ),
        {"a-cat-moves": 0},
        ours="the submission is ended",
    ),
    Attack(
        "answers-for-the-runner",
        "forged messages to the grader",
        PARAMETER_SHARING,
        "the answer cell speaks for the grade cell, with a score as its result",
        _answering(
            _CHANNEL
            + f"""
tell(reply([]))
while {TARGET!r} not in hear()["cell"]:
    tell(reply([]))
2.0
"""
        ),
        ZERO,
    ),
    Attack(
        "updated-display",
        "displays of earlier cells",
        PARAMETER_SHARING,
        "the last answer changes what the grade cell displayed into a full score",
        lambda submission: (
            submission.answer(
                TARGET,
                WRONG
                + f"""
from IPython.display import display, update_display
its_check = check
def check(question, answer):
    if question == {TARGET!r}:
        display("pending", display_id="score")
    else:
        its_check(question, answer)
""",
            ),
            submission.add(
                """update_display(2.0, display_id="score")
update_display({"application/vnd.cnnlesson.answer+json": {}, "text/plain": "2.0"},
               display_id="score", raw=True)""",
                before="a-cat-moves",
            ),
        ),
        ZERO,
        GAINS,
    ),
    Attack(
        "cell-tags",
        "cell metadata",
        PARAMETER_SHARING,
        "the grade cell is tagged so that it is not run, or may raise",
        _tagged("skip-execution", "raises-exception", "remove_cell"),
        ZERO,
        GAINS,
    ),
    Attack(
        "other-points",
        "cell metadata",
        PARAMETER_SHARING,
        "the grade cell is worth a thousand points, none, and no longer locked",
        _noted(points=1000, locked=False, grade_id=TARGET),
        ZERO,
        NOTHING,
    ),
    Attack(
        "no-grade-cell",
        "cell metadata",
        PARAMETER_SHARING,
        "the grade cell is said to be a solution, for a person to grade",
        _noted(solution=True, task=True, grade=False),
        ZERO,
        "no grades for the notebook",
    ),
    Attack(
        "other-text",
        "grade cell changed",
        PARAMETER_SHARING,
        "the grade cell holds a full score rather than a check",
        _graded_cell(lambda cell: cell.update(source="2.0")),
        ZERO,
        NOTHING,
    ),
    Attack(
        "markdown",
        "cell type changed",
        PARAMETER_SHARING,
        "the grade cell is turned into text",
        _graded_cell(
            lambda cell: [
                cell.update(cell_type="markdown"),
                cell.pop("outputs", None),
                cell.pop("execution_count", None),
            ]
        ),
        ZERO,
        NOTHING,
    ),
    Attack(
        "forged-outputs",
        "forged outputs",
        PARAMETER_SHARING,
        "the notebook comes with a full score as the grade cell's result",
        _graded_cell(_forged_outputs),
        ZERO,
        NOTHING,
    ),
    Attack(
        "duplicated-cell",
        "cells duplicated",
        PARAMETER_SHARING,
        "a copy of the grade cell stands before it, with a full score in it",
        _duplicated,
        ZERO,
        "stops the batch",
    ),
    Attack(
        "swapped-ids",
        "cell ids swapped",
        PARAMETER_SHARING,
        "answer cell and grade cell have each other's ids",
        _swapped,
        ZERO,
        NOTHING,
    ),
    Attack(
        "moved-cell",
        "cells moved",
        PARAMETER_SHARING,
        "the grade cell stands before all else",
        _moved,
        ZERO,
        NOTHING,
    ),
    Attack(
        "deleted-cell",
        "cells deleted",
        PARAMETER_SHARING,
        "the grade cell is gone",
        _deleted,
        ZERO,
        NOTHING,
    ),
    Attack(
        "cell-of-its-own",
        "cells added",
        PARAMETER_SHARING,
        "a grade cell of the student's is worth a hundred points",
        _of_its_own,
        ZERO,
        "no grades for the notebook",
    ),
    Attack(
        "odd-text",
        "odd text in the notebook",
        PARAMETER_SHARING,
        "cells hold lone surrogates and NUL, metadata is NaN",
        _odd_text,
        ZERO,
        "no grades for the notebook",
    ),
    Attack(
        "keys-twice",
        "odd text in the notebook",
        PARAMETER_SHARING,
        "the notebook has its cells and the points of a cell twice",
        _twice_the_same_key,
        ZERO,
        NOTHING,
    ),
    Attack(
        "remarks-of-its-own",
        "forged remarks",
        PARAMETER_SHARING,
        "the notebook's metadata holds remarks as a grader writes them",
        _own_remarks,
        ZERO,
    ),
    Attack(
        "shadowed-library",
        "shadowing modules",
        PARAMETER_SHARING,
        "a `cnnlesson.py` beside the notebook stands for the library",
        _beside({"cnnlesson.py": _SHADOW}),
        ZERO,
        GAINS,
    ),
    Attack(
        "startup-files",
        "startup files",
        PARAMETER_SHARING,
        "files that Python, IPython, nbgrader or NumPy might load lie beside the notebook",
        _beside(
            _STARTUP,
            "import builtins\nif hasattr(builtins, 'started'):\n" + _SILENT.replace("\n", "\n    "),
        ),
        ZERO,
        GAINS,
    ),
    Attack(
        "cases-read-early",
        "challenge cases",
        CONV_LAYER,
        "the answer cell looks for the cases that its function will be called with",
        _function("implement-output-size", _EARLY_CASES),
        {"implement-output-size": 0},
        stock=NOTHING,
    ),
    Attack(
        "replayed-results",
        "challenge cases",
        CONV_LAYER,
        "a file beside the notebook holds the results for other values of the cases",
        _replayed,
        {"implement-output-size": 0},
        GAINS,
    ),
    Attack(
        "patched-numpy",
        "patched NumPy",
        CONV_LAYER,
        "NumPy and the library find all arrays close to each other",
        _function("implement-one-step", _PATCHED_NUMPY),
        {"implement-one-step": 0},
        GAINS,
    ),
    Attack(
        "lazy-results",
        "lying results of functions",
        CONV_LAYER,
        "a function returns arrays that say what is asked",
        _function("implement-descent-step", _LAZY),
        {"implement-descent-step": 0},
        stock=NOTHING,
    ),
    Attack(
        "librarys-function",
        "the library's own functions",
        CONV_LAYER,
        "a function calls the library's version of what it should do",
        _function("implement-parameter-count", _OURS),
        {"implement-parameter-count": 0},
        GAINS,
    ),
    Attack(
        "answered-again",
        "the library's own functions",
        CONV_LAYER,
        "once the library's version has been handed out, it is checked in place of the student's",
        _again_later,
        {"implement-zero-padding": 0},
        NOTHING,
    ),
    Attack(
        "order-stolen",
        "forged messages to the grader",
        CONV_LAYER,
        "the runner's answers are given for it, to get the library's function before the check",
        _function("implement-output-size", _STOLEN_ORDER),
        {"implement-output-size": 0},
    ),
    Attack(
        "equal-to-all",
        "asserts beside the student's code",
        PLAIN,
        "a function returns an object that is equal to anything",
        _function(
            "square",
            "class Equal:\n    def __eq__(self, other): return True\n"
            "def square(x):\n    return Equal()",
        ),
        {},
        GAINS,
        ours="checked in-process: full marks, as anywhere",
    ),
    Attack(
        "hidden-tests-read",
        "hidden tests",
        PLAIN,
        "a later cell prints the tests that have run, hidden ones included",
        _function("steps", "def steps(length, stride):\n    return length // stride\nprint(In)"),
        {},
        "feedback shows them",
        ours="checked in-process",
    ),
    Attack(
        "errors-swallowed",
        "asserts beside the student's code",
        PLAIN,
        "the shell swallows failed asserts",
        _function(
            "square",
            "def square(x):\n    return 0\n"
            "get_ipython().set_custom_exc((BaseException,), lambda *_, **__: None)",
        ),
        {"square": 0},
        NOTHING,
    ),
]
