"""Print the table of attacks, and put it into `docs/security.md`."""

from attacks import PAGE, table, with_table

PAGE.write_text(with_table(PAGE.read_text("utf-8")), encoding="utf-8")
print(table())  # noqa: T201
