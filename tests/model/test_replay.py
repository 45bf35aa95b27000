"""Replay of LAXOR: its own unit energies times the machine's counts are its own energies.

A unit test of the counting, called replay: no prediction is in it, so it validates none.
"""

import pytest
import yaml

from asicbnn.errors import ModelError
from asicbnn.model.replay import replay
from asicbnn.spec.accelerator import Accelerator
from asicbnn.spec.reader import read_value
from asicbnn.technology.published import load_published

LAXOR = read_value(
    {
        "name": "laxor",
        "technology": "asap7",
        "array": {
            "unroll": {"out_channels": 256, "in_channels": 256, "kernel_y": 2, "kernel_x": 2},
            "strides": [1],
        },
        "buffers": {
            "weight": {"words": 4, "extrapolate": True},
            "input": {"words": 2048},
            "psum": {"words": 0},
            "threshold": {"words": 4},
            "pool": {"words": 256},
        },
        "store": {"kib": {"weights": 300, "activations": 128}, "link": {"bits": 512}},
        "limits": {
            "kernel": 2, "in_channels": 256, "out_channels": 256, "map": 32, "activation_bits": 1,
        },
        "dataflow": "weight_stationary",
    },
    Accelerator,
)  # fmt: skip

_NETWORK = """
name: binareye_from_conv2
input: {shape: [31, 31, 256]}
layers:
  - {name: conv2, op: conv, out_channels: 256, kernel: [2, 2], post: [threshold, sign]}
  - {name: conv3, op: conv, out_channels: 256, kernel: [2, 2], post: [threshold, sign]}
  - {name: conv4, op: conv, out_channels: 256, kernel: [2, 2], post: [threshold, sign]}
  - {name: maxpool1, op: max_pool, kernel: [2, 2], stride: 2, order: after_threshold}
  - {name: conv5, op: conv, out_channels: 256, kernel: [2, 2], post: [threshold, sign]}
  - {name: conv6, op: conv, out_channels: 256, kernel: [2, 2], post: [threshold, sign]}
  - {name: maxpool2, op: max_pool, kernel: [2, 2], stride: 2, order: after_threshold}
  - {name: conv7, op: conv, out_channels: 256, kernel: [2, 2], post: [threshold, sign]}
  - {name: conv8, op: conv, out_channels: 256, kernel: [2, 2], post: [threshold, sign]}
  - {name: maxpool3, op: max_pool, kernel: [2, 2], stride: 2, order: after_threshold}
  - {name: fc9, op: dense, out_channels: 10}
"""

# LAXOR's repository, 'Sim Result/energy_consumption_Output.csv' at commit 9e047483 [nJ]
PUBLISHED_NJ = {
    "conv2": 1164.197, "conv3": 1087.924, "conv4": 1014.236, "conv5": 219.182,
    "conv6": 186.863, "conv7": 33.023, "conv8": 21.388,
}  # fmt: skip
# 'cycle_count_Output.csv' there, summed; README.md: 3.82 uJ on this network
PUBLISHED_CYCLES, PUBLISHED_UJ = 4628, 3.82


# its simulator loads weights once in a layer; here as seldom as the input buffer allows
NESTS = {
    "layers": {
        layer: {
            "outer": [["B", 1], ["K", 256], ["C", 256], ["OY", out_y], ["OX", out_x]],
            "inner": ["B", "K", "C", "FY", "FX", "BW", "OY", "OX", "BA"],
        }
        for layer, out_y, out_x in (
            ("conv2", 15, 30), ("conv3", 15, 29), ("conv4", 14, 28), ("conv5", 13, 13),
            ("conv6", 12, 12), ("conv7", 5, 5), ("conv8", 4, 4),
        )
    }
}  # fmt: skip


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    path = tmp_path_factory.mktemp("replay") / "network.yaml"
    path.write_text(_NETWORK)
    return path


@pytest.fixture(scope="module")
def replayed(network):
    return replay(LAXOR, network, "laxor", cycles=PUBLISHED_CYCLES, mapping=NESTS)


def test_the_replay_of_each_layer_is_within_2_percent(replayed):
    for layer, nj in PUBLISHED_NJ.items():
        assert sum(replayed.energies_fj[layer].values()) / 1e6 == pytest.approx(nj, rel=0.02)


def test_the_replay_of_the_network_is_within_2_percent(replayed):
    assert replayed.energy_fj / 1e9 == pytest.approx(PUBLISHED_UJ, rel=0.02)
    assert replayed.leakage_fj / 1e9 == pytest.approx(0.0926, rel=0.01)  # 4.00 mW, 23.1 us
    assert replayed.stage == "post-synthesis"
    assert any("pooling" in sentence for sentence in replayed.left_out)


def test_each_unit_goes_by_the_event_it_is_said_to(replayed):
    conv2 = replayed.energies_fj["conv2"]
    outputs = 30 * 30 * 256
    assert conv2["xor_cell"] == pytest.approx(outputs * 1024 * 0.27124)
    assert conv2["popcount_128b"] == pytest.approx(outputs * 8 * 540.75)
    assert conv2["input_buffer_bit"] == pytest.approx(900 * 1024 * 2.21987)


def test_without_published_cycles_the_chip_leaks_for_the_model_s(network, replayed):
    longer = replay(LAXOR, network, "laxor", mapping=NESTS)
    assert longer.cycles > PUBLISHED_CYCLES
    assert longer.dynamic_fj == replayed.dynamic_fj
    ratio = longer.cycles / PUBLISHED_CYCLES
    assert longer.leakage_fj == pytest.approx(replayed.leakage_fj * ratio)


def test_an_event_the_machine_does_not_count_is_refused(network, tmp_path):
    from asicbnn.technology.published import FOLDER

    tree = yaml.safe_load((FOLDER / "laxor.yaml").read_text())
    tree["units"]["xor_cell"]["event"] = "active_lane_step"
    path = tmp_path / "chip.yaml"
    path.write_text(yaml.safe_dump(tree))
    sentence = r"^unknown event of laxor\.xor_cell 'active_lane_step'; did you mean 'active_lane_st"
    with pytest.raises(ModelError, match=sentence):
        replay(LAXOR, network, load_published(path))
