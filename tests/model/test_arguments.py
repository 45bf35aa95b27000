"""What the functions of the Python API say of arguments that cannot be."""

from pathlib import Path

import numpy as np
import pytest

from asicbnn.compare import compare
from asicbnn.errors import SpecError
from asicbnn.model.arguments import accelerator_of, check_counts, read_as, workload_of
from asicbnn.model.estimate import estimate
from asicbnn.simulate import simulate
from asicbnn.spec import load
from asicbnn.spec.mapping_file import MappingFile
from asicbnn.verify import verify, verify_random

ROOT = Path(__file__).parents[2]
ARCH = ROOT / "arch_specs/tiny.yaml"
NET = ROOT / "workloads/digits_mlp_64_256_256_10.yaml"
TINY, DIGITS = load(ARCH), load(NET)
FUNCTIONS = (estimate, compare, simulate, verify)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("batch", [0, -1, 1.5, "2", True, None])
def test_a_batch_is_a_whole_number(function, batch):
    with pytest.raises(SpecError, match=r"^batch: expected a whole number of at least 1, got"):
        function(TINY, DIGITS, batch=batch)


def test_a_count_of_numpy_is_one():
    check_counts(batch=np.int64(3))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_swapped_specs_are_told_apart(function):
    said = r"^accelerator: expected an Accelerator or a path, got a Workload \(digits_mlp.*first"
    with pytest.raises(SpecError, match=said):
        function(DIGITS, TINY)
    with pytest.raises(SpecError, match=r"^workload: expected a Workload or a path, got an Acc"):
        function(TINY, TINY)
    with pytest.raises(SpecError, match=r"^workload: .*, got a NoneType$"):
        function(TINY, None)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_swapped_files_are_told_apart(function):
    with pytest.raises(SpecError) as caught:
        function(NET, ARCH)
    (problem,) = caught.value.problems
    assert problem.file == str(NET)
    assert problem.message == "this is a workload file; an accelerator file was wanted"


@pytest.mark.parametrize("function", [simulate, verify])
def test_files_are_taken_by_the_functions_that_run_hardware(function):
    assert function(str(ARCH), NET, images=1, dataflow="best")


@pytest.mark.parametrize("function", [estimate, compare])
def test_an_objective_is_one_of_three(function):
    with pytest.raises(SpecError, match=r"^objective: expected .*edp.*, got 'speed'"):
        function(TINY, DIGITS, objective="speed")


def test_a_dataflow_is_a_known_one():
    for function in (estimate, simulate, verify):
        with pytest.raises(SpecError, match=r"^dataflow: .*weight_stationary.*got 'weight"):
            function(TINY, DIGITS, dataflow="weight_stationry")
    for dataflows in ("best", ["bset"]):
        with pytest.raises(SpecError, match=r"^dataflows: expected "):
            compare(TINY, DIGITS, dataflows=dataflows)
    with pytest.raises(SpecError, match=r"^dataflows: expected at least one"):
        compare(TINY, DIGITS, dataflows=())


@pytest.mark.parametrize("function", [simulate, verify])
def test_what_runs_hardware_checks_its_own(function):
    with pytest.raises(SpecError, match=r"^images: expected a whole number of at least 1, got 0$"):
        function(TINY, DIGITS, images=0)
    with pytest.raises(SpecError, match=r"^seed: expected a whole number of at least 0, got -1$"):
        function(TINY, DIGITS, seed=-1)
    with pytest.raises(SpecError, match=r"^backend: expected .*, got 'modelsim'"):
        function(TINY, DIGITS, backend="modelsim")


def test_random_cases_check_their_own():
    with pytest.raises(SpecError, match=r"^count: "):
        verify_random(0)
    with pytest.raises(SpecError, match=r"^seed: "):
        verify_random(1, seed=-1)
    with pytest.raises(SpecError, match=r"^backend: "):
        verify_random(1, backend="x")


def test_a_file_that_says_nothing_has_its_own_problems(tmp_path):
    path = tmp_path / "x.yaml"
    for text, said in (("- a\n", "expected keys with values, got"), ("frob: 1\n", "frob")):
        path.write_text(text)
        with pytest.raises(SpecError, match=said):
            accelerator_of(path)
    with pytest.raises(SpecError, match="an accelerator file; a mapping file was wanted"):
        read_as(ARCH, "mapping", MappingFile)


def test_weights_are_found_beside_the_file():
    assert Path(workload_of(NET).weights).exists()
