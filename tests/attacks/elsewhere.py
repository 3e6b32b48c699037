"""Attacks that take more than a submission, each in the test that it names."""

from attacks import Elsewhere

_ARCHIVES = "test_archives::test_a_bad_archive_is_left_aside_whole_and_the_others_are_taken"
_FEEDBACK = "test_pages::test_nothing_acts_in_feedback_opened_from_the_disk"
_FORMGRADER = "test_pages::test_nothing_acts_in_the_formgrader"

ATTACKS = [
    Elsewhere(
        "archives",
        "a zip file has members outside of its folder, links, devices and FIFOs",
        _ARCHIVES,
        "stops the command; a link becomes a file",
        "left aside, and said",
    ),
    Elsewhere(
        "archives",
        "a zip file grows without end, in itself or in those inside it",
        _ARCHIVES,
        "grader at 666 MB, 400 MB written",
        "left aside, and said",
    ),
    Elsewhere(
        "archives",
        "archives lie in each other, without end",
        "test_archives::test_archives_inside_each_other_end_somewhere",
        "opened to the last",
        "opened three deep",
    ),
    Elsewhere(
        "archives",
        "an archive holds another student's notebook, and one notebook twice",
        "test_archives::test_one_odd_archive_does_not_stop_zip_collect",
        "stops the command",
        "the first is taken, and it is said whose came twice",
    ),
    Elsewhere(
        "HTML and script",
        "outputs and Markdown run scripts, post grades and ask other hosts, in a page of feedback",
        _FEEDBACK,
        "asks other hosts for 107 things",
        "nothing acts",
    ),
    Elsewhere(
        "HTML and script",
        "the same, in the formgrader, with an instructor's rights, and in a student's name",
        _FORMGRADER,
        "scripts run, in files, ids and comments",
        "nothing acts",
    ),
    Elsewhere(
        "HTML and script",
        "a notebook's name is markup",
        "test_pages::test_a_missing_notebook_is_reported_and_its_name_does_not_act",
        "an error in place of the page",
        "nothing acts",
    ),
    Elsewhere(
        "pictures that are larger than they seem",
        "a drawing of 2 KB whose parts use each other, and 40 KB of PNG with 256 million pixels",
        _FEEDBACK,
        "the page does not open in 30 s",
        "left out, and said",
    ),
]
