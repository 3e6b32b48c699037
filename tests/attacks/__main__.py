"""Print the table of attacks, as `docs/security.md` has it."""

from attacks import table

print(table())  # noqa: T201
