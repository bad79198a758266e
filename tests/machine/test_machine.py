"""The machine as files tell it: /proc, /sys and the control groups, from fixtures."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fakemamba.machine.energy import EnergyMeter
from fakemamba.machine.memory import available_bytes, peak_bytes, total_bytes
from fakemamba.machine.processor import Cores, cores, features, processor_name, quota

MEMINFO = "MemTotal:       16000000 kB\nMemFree:         1000000 kB\nMemAvailable:    8000000 kB\n"


def tree(root: Path, **files: str) -> Path:
    """Files under a root; `__` in a name stands for a slash."""
    for name, text in files.items():
        write(root, name.replace("__", "/"), text)
    return root


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_version_2_takes_the_tightest_limit_on_the_way_up(tmp_path):
    tree(tmp_path, proc__self__cgroup="0::/user.slice/job\n")
    write(tmp_path, "sys/fs/cgroup/user.slice/job/cpu.max", "max 100000\n")
    write(tmp_path, "sys/fs/cgroup/user.slice/cpu.max", "250000 100000\n")
    assert quota(tmp_path) == 2.5
    write(tmp_path, "sys/fs/cgroup/user.slice/job/cpu.max", "50000 100000\n")
    assert quota(tmp_path) == 0.5


def test_a_container_sees_its_own_group_as_the_root(tmp_path):
    tree(tmp_path, proc__self__cgroup="0::/../../not/here\n")
    write(tmp_path, "sys/fs/cgroup/cpu.max", "150000 100000\n")
    assert quota(tmp_path) == 1.5


@pytest.mark.parametrize("mount", ["cpu,cpuacct", "cpu"])
def test_version_1_has_a_quota_and_a_period(tmp_path, mount):
    tree(tmp_path, proc__self__cgroup="5:cpu,cpuacct:/docker/abc\n3:memory:/docker/abc\n")
    write(tmp_path, f"sys/fs/cgroup/{mount}/docker/abc/cpu.cfs_quota_us", "300000\n")
    write(tmp_path, f"sys/fs/cgroup/{mount}/docker/abc/cpu.cfs_period_us", "100000\n")
    assert quota(tmp_path) == 3.0
    write(tmp_path, f"sys/fs/cgroup/{mount}/docker/abc/cpu.cfs_quota_us", "-1\n")
    assert quota(tmp_path) is None


@pytest.mark.parametrize("text", ["", "max 100000", "nonsense", "100000", "0 0", "-5 100000"])
def test_no_limit_and_nonsense_are_no_limit(tmp_path, text):
    tree(tmp_path, proc__self__cgroup="0::/\n")
    write(tmp_path, "sys/fs/cgroup/cpu.max", text)
    assert quota(tmp_path) is None


def test_no_files_no_answers(tmp_path):
    assert quota(tmp_path) is None
    assert features(tmp_path) is None
    assert total_bytes(tmp_path) is None
    assert available_bytes(tmp_path) is None
    assert peak_bytes(tmp_path) is None
    assert processor_name(tmp_path)  # at least the architecture


@pytest.mark.parametrize(
    ("found", "usable", "words"),
    [
        (Cores(8, 8, None), 8, "8 cores"),
        (Cores(1, 1, None), 1, "1 core"),
        (Cores(8, 2, None), 2, "2 of 8 cores (limited by its affinity)"),
        (Cores(8, 4, 1.5), 2, "2 of 8 cores (limited by the control group)"),
        (Cores(8, 8, 0.2), 1, "1 of 8 cores (limited by the control group)"),
        (Cores(8, 2, 6.0), 2, "2 of 8 cores (limited by its affinity)"),
    ],
)
def test_usable_cores(found, usable, words):
    assert found.usable == usable
    assert found.words() == words


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system has no affinity")
def test_the_affinity_counts():
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "from fakemamba.machine.processor import cores; print(cores().allowed)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "1\n"
    assert 1 <= cores().usable <= cores().present


def test_features_of_x86_and_arm(tmp_path):
    write(tmp_path, "x86/proc/cpuinfo", "model name\t: Chip 9000\nflags\t\t: fpu avx2 avx512f avx512_bf16 avx_vnni\n")
    assert processor_name(tmp_path / "x86") == "Chip 9000"
    assert features(tmp_path / "x86") == {
        "AVX2": True, "AVX-512": True, "int8 (VNNI)": True, "bf16": True, "AMX": False
    }  # fmt: skip
    write(tmp_path, "arm/proc/cpuinfo", "Features\t: fp asimd bf16\nHardware\t: Board 4\n")
    assert processor_name(tmp_path / "arm") == "Board 4"
    assert features(tmp_path / "arm") == {"NEON": True, "SVE": False, "int8 (I8MM)": False, "bf16": True}


def test_memory_is_what_the_control_group_leaves(tmp_path):
    tree(tmp_path, proc__meminfo=MEMINFO, proc__self__cgroup="0::/job\n")
    assert total_bytes(tmp_path) == 16_000_000 * 1024
    assert available_bytes(tmp_path) == 8_000_000 * 1024
    write(tmp_path, "sys/fs/cgroup/job/memory.max", "4000000000\n")
    write(tmp_path, "sys/fs/cgroup/job/memory.current", "1000000000\n")
    assert total_bytes(tmp_path) == 4_000_000_000
    assert available_bytes(tmp_path) == 3_000_000_000
    write(tmp_path, "sys/fs/cgroup/job/memory.max", "max\n")
    assert total_bytes(tmp_path) == 16_000_000 * 1024


def test_version_1_memory_without_a_limit_is_a_huge_number(tmp_path):
    tree(tmp_path, proc__meminfo=MEMINFO, proc__self__cgroup="3:memory:/\n")
    write(tmp_path, "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
    assert total_bytes(tmp_path) == 16_000_000 * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc")
def test_a_child_does_not_inherit_its_parents_peak():
    code = "from fakemamba.machine.memory import peak_bytes; print(peak_bytes())"
    heavy = f"import subprocess, sys; x = b'1' * 200_000_000; subprocess.run([sys.executable, '-c', {code!r}])"
    found = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True)
    assert 1_000_000 < int(found.stdout) < 100_000_000


def counter(root: Path, name: str, label: str, value: int) -> None:
    for file, text in (("name", label), ("energy_uj", str(value)), ("max_energy_range_uj", "999999")):
        write(root, f"sys/class/powercap/{name}/{file}", f"{text}\n")


def test_energy_is_summed_over_packages_and_counters_run_over(tmp_path):
    counter(tmp_path, "intel-rapl:0", "package-0", 500_000)
    counter(tmp_path, "intel-rapl:1", "package-1", 900_000)
    counter(tmp_path, "intel-rapl:0:0", "core", 5)  # a part of the package, not counted twice
    meter = EnergyMeter(tmp_path)
    before = meter.read()
    counter(tmp_path, "intel-rapl:0", "package-0", 700_000)
    counter(tmp_path, "intel-rapl:1", "package-1", 100_000)  # over 999 999 and on: 200 000 more
    assert meter.joules(before, meter.read()) == pytest.approx(0.4)


def test_energy_without_readable_counters_is_no_answer(tmp_path):
    meter = EnergyMeter(tmp_path)
    assert not meter.works
    assert meter.joules(meter.read(), meter.read()) is None
    write(tmp_path, "sys/class/powercap/intel-rapl:0/name", "package-0\n")  # energy_uj is root's alone
    assert not EnergyMeter(tmp_path).works
