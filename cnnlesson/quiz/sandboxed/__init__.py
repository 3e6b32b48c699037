"""The student's library as it is inside the sandbox, where a notebook is run to be graded.

There `quiz.py` stands in for `cnnlesson.quiz`, `checking.py` for `cnnlesson.quiz.checking`, and
`package.py` for `cnnlesson` itself; `grader.library` puts them in their places. They have the same
faces, and know neither right answers nor misconceptions: what they need lies on the desk.
"""
