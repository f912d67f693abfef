"""The command that counts the trials: what it writes, and where there are none."""

import json

import pytest

from ae_jax.errors import ConfigError
from experiments import reliability
from tests.experiments.test_environment import command


@pytest.mark.long
def test_trials_are_counted_and_the_others_results_kept(tmp_path):
    file = tmp_path / "reliability.json"
    file.write_text(json.dumps({"R99": {"tried": 3, "failed": 0}}))
    done = command("reliability", f"--json={file}", "--only=R4", "--fast", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(file.read_text())
    assert found["R99"] == {"tried": 3, "failed": 0}
    assert found["R4"]["tried"] > 0 and found["R4"]["failed"] == 0
    assert f"R4: {found['R4']['tried']} tried, 0 failed" in done.stdout


@pytest.mark.slow
def test_an_unknown_trial_is_refused_with_a_list():
    done = command("reliability", "--only=R77")
    assert done.returncode == 2 and "R16" in done.stderr and "Traceback" not in done.stderr


def test_where_there_are_no_tests_the_command_says_so(tmp_path):
    with pytest.raises(ConfigError, match="no tests/reliability, and so no trials") as refused:
        reliability.trials_of(tmp_path)
    assert refused.value.exit_code == 2
