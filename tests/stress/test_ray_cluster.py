"""A cluster of Ray that loses an actor, a machine and a driver: a short run of the command."""

import pytest

pytest.importorskip("ray")
pytest.importorskip("psutil")

from tests.stress.ray_cluster import run_rounds


def test_what_is_lost_is_run_again(tmp_path):
    [one] = run_rounds(tmp_path, 1, 200, shard_size=5, n_events=3, seconds=900, seed=3)
    assert one.events
