"""The instructor's side: what follows once nbgrader has graded. Students never import it."""
