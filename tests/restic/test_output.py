"""Reading what restic writes, however it arrives."""

import hypothesis
from hypothesis import strategies

from tandem.restic import check, restore
from tandem.restic.output import LINE_BYTES_MAX, LineSplitter, Tail, reason


@hypothesis.given(
    text=strategies.text(alphabet="ab\r\nü", max_size=60),
    cuts=strategies.lists(strategies.integers(min_value=0, max_value=100), max_size=8),
)
def test_no_line_is_lost_wherever_the_stream_is_cut(text: str, cuts: list[int]) -> None:
    content = text.encode()
    lines: list[str] = []
    splitter = LineSplitter(lines.append)
    start = 0
    for cut in [*sorted(cuts), len(content)]:
        splitter.feed(content[start:cut])
        start = max(start, min(cut, len(content)))
    splitter.close()
    assert lines == [line for line in text.replace("\r", "\n").split("\n") if line]


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    lines: list[str] = []
    splitter = LineSplitter(lines.append)
    for _ in range(5):
        splitter.feed(b"x" * (LINE_BYTES_MAX // 2))
    assert len(lines) == 1
    splitter.close()
    assert sum(map(len, lines)) == 5 * (LINE_BYTES_MAX // 2)


def test_an_endless_error_output_keeps_its_end() -> None:
    tail = Tail(1000)
    for number in range(10_000):
        tail.feed(b"%d\n" % number)
    assert tail.text().endswith("\n9998\n9999\n")
    assert len(tail.text()) == 1000


def test_a_failure_names_its_cause_and_not_its_retries() -> None:
    stderr = (
        "Load(<data/c5cf903b98>, 500053, 0) returned error, retrying after 552.330144ms: open A: no such file\n"
        "open A/data/c5: no such file or directory\n"
        "StreamPack\n"
        "github.com/restic/restic/internal/repository.streamPackPart\n"
    )
    assert reason(stderr) == "open A/data/c5: no such file or directory"
    assert reason("") == ""
    assert reason("Fatal: Fatal: no\n") == "no"
    assert reason('{"message_type":"exit_error","code":1,"message":"Fatal: it broke"}\n') == "it broke"


def test_what_a_check_tried_again_is_no_finding() -> None:
    missing = "Load(<data/1310b4cf2e>, 2188673, 0) returned error, retrying after 552.33ms: no such file or directory"
    stderr = f"pack 1310b4: does not exist\n{missing}\n{missing}\nFatal: repository contains errors\n"
    assert check.findings(stderr) == ("pack 1310b4: does not exist",)


def test_files_that_do_not_come_back_are_named_by_every_restic() -> None:
    old = "ignoring error for /srv/a b/x.txt: ciphertext verification failed"
    new = '{"message_type":"error","error":{"message":"checksum wrong"},"during":"restore","item":"/srv/y.txt"}'
    named = [("/srv/a b/x.txt", "ciphertext verification failed"), ("/srv/y.txt", "checksum wrong")]
    assert restore.not_restored(f"{old}\n{new}\nFatal: There were 2 errors\n") == named
