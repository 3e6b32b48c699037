"""Collecting from nbgrader's exchange, where what is handed in stays its author's to change.

nbgrader copies a submission through the links in it, with the instructor's rights, and only warns
of one that was put there in another student's name.
"""

import datetime
import os
from pathlib import Path
from typing import Any

from nbgrader.exchange.default import ExchangeCollect

from cnnlesson.grading.intake import Intake, RefusedSubmission, shown, unsafe_student

_ODD = "its name does not tell whose it is, and of when"


class SafeCollect(ExchangeCollect):  # type: ignore[misc]
    """Collects plain files, of those whose submission it is; and one never stops another."""

    src_records: list[dict[str, Any]]

    def init_src(self) -> None:
        """Choose each student's submission; leave aside, and name, those that are nobody's."""
        super().init_src()
        amiss = [record for record in self.src_records if record["amiss"]]
        for record in amiss:
            self.log.error("%s was left aside: %s", shown(record["filename"]), record["amiss"])
        self.src_records = [record for record in self.src_records if not record["amiss"]]

    def do_copy(self, src: str, dest: str, log: Any = None) -> None:  # noqa: ARG002
        """Copy what is a plain file, within the limits that grading has as well."""
        name = shown(os.path.basename(src))  # noqa: PTH119 - as nbgrader has it
        try:
            for remark in Intake(parent=self).copy(Path(src), Path(dest)):
                self.log.warning("%s: %s", name, remark)
            if self.coursedir.groupshared:
                self.set_perms(dest, fileperms=0o660, dirperms=0o2770)
        except (RefusedSubmission, OSError) as error:
            self.log.error("%s was left aside: %s", name, error)

    def _path_to_record(self, path: str) -> dict[str, Any]:
        try:
            record: dict[str, Any] = super()._path_to_record(path)
        except Exception:  # whatever its parser of times raises
            name = Path(path).name
            never = datetime.datetime.min
            return {"username": name, "filename": name, "timestamp": never, "amiss": _ODD}
        record["amiss"] = unsafe_student(record["username"]) or self._forged(path, record)
        return record

    def _forged(self, path: str, record: dict[str, Any]) -> str:
        if not self.check_owner:
            return ""
        import pwd  # which Windows lacks, as nbgrader's exchange does

        try:
            owner = pwd.getpwuid(os.lstat(path).st_uid).pw_name
        except (KeyError, OSError):
            owner = "somebody unknown"
        return "" if owner == record["username"] else f"it is {owner}'s"

    def _sort_by_timestamp(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Put the newest first, and have none crowd out those that are in order."""
        in_order = [record for record in records if not record["amiss"]] or records
        ordered: list[dict[str, Any]] = super()._sort_by_timestamp(in_order)
        return ordered
