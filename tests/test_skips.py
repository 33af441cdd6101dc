"""`--allow-skips` of tests/conftest.py, tried on small test files in a pytest of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOR_A_GPU = 'import pytest\n\n@pytest.mark.skip(reason="CUDA is not available")\ndef test(): ...'
FOR_A_BROWSER = 'import pytest\n\ndef test():\n    pytest.skip("no chromium here")'
FOR_A_PACKAGE = 'import pytest\n\npytest.importorskip("no_such_package")\n\ndef test(): ...'
EXPECTED_FAILURE = 'import pytest\n\n@pytest.mark.xfail(reason="known")\ndef test(): assert False'
NOT_SKIPPED = "def test(): ..."


def run_pytest(folder: Path, source: str, *flags: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(source)
    command = [sys.executable, "-m", "pytest", "-c", "/dev/null", "-p", "tests.conftest", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, f"--rootdir={folder}", *flags, str(folder)], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("source", [FOR_A_BROWSER, FOR_A_PACKAGE, EXPECTED_FAILURE])
def test_a_skip_that_is_not_allowed_fails_and_names_its_reason(tmp_path: Path, source: str) -> None:
    done = run_pytest(tmp_path, source, "--allow-skips", "GPU|CUDA")
    assert done.returncode != 0
    assert "--allow-skips 'GPU|CUDA' does not allow: " in done.stdout


def test_a_skip_that_is_allowed_stays_a_skip(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, FOR_A_GPU + "\n" + NOT_SKIPPED.replace("test", "test_2"), "--allow-skips", "GPU|CUDA")
    assert done.returncode == 0
    assert "1 passed, 1 skipped" in done.stdout


def test_without_the_option_any_skip_passes(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, FOR_A_BROWSER)
    assert done.returncode == 0
    assert "1 skipped" in done.stdout
