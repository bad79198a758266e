"""Where reports are written: links stay links, pipes and devices are written into."""

import os
import threading

from fakemamba.cli.output import plan, write


def test_a_link_stays_and_its_target_gets_the_report(tmp_path):
    (tmp_path / "deep").mkdir()
    target, link = tmp_path / "deep" / "r.html", tmp_path / "r.html"
    target.write_text("old")
    link.symlink_to(target)
    write(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert [path.name for path in tmp_path.rglob("*.partial")] == []


def test_a_pipe_is_written_into(tmp_path):
    pipe, got = tmp_path / "r.json", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()), daemon=True)
    reader.start()
    assert plan([pipe], [], []) == ({pipe: "json"}, None)
    write(pipe, "whole")
    reader.join(10)
    assert got == ["whole"]
    assert pipe.is_fifo()
