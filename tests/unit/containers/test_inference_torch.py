"""PyTorch models, in an environment with PyTorch: `make test-torch`."""

import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from support.inference_server import running, status
from support.training_job import ROOT

pytestmark = pytest.mark.torch
PYTHON = Path(os.environ.get("TORCH_PYTHON", ROOT / ".venvs/torch/bin/python"))
LAYERS = [["Linear", 4, 8], ["ReLU"], ["Linear", 8, 2], ["Softmax", 1]]
MAKE = """
import sys, torch
from safetensors.torch import save_file
torch.manual_seed(17)
network = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2),
                              torch.nn.Softmax(1)).eval()
save_file(network.state_dict(), sys.argv[1] + "/model.safetensors")
rows = torch.export.Dim("rows", min=1, max=100000)
example = torch.zeros(3, 4)
program = torch.export.export(network, (example,), dynamic_shapes=({0: rows},))
torch.export.save(program, sys.argv[1] + "/model.pt2")
print(network(torch.tensor([[1., 2, 3, 4]])).tolist()[0])
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with the same network in both forms, and its answer to 1, 2, 3, 4."""
    folder = tmp_path_factory.mktemp("torch")
    done = subprocess.run([PYTHON, "-c", MAKE, folder], capture_output=True, text=True, check=True)
    return folder, json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def base(made, tmp_path):
    """A model folder with one of the files, and what describes it."""

    def make(file, architecture):
        (tmp_path / "model").mkdir()
        shutil.copy(made[0] / file, tmp_path / "model")
        (tmp_path / "model" / "architecture.json").write_text(json.dumps(architecture))
        return tmp_path

    return make


@pytest.mark.parametrize("file", ["model.pt2", "model.safetensors"])
def test_answers_as_the_network_does_one_row_or_many(base, made, file):
    folder = base(file, {"inputs": 4, "output": "probabilities", "layers": LAYERS})
    schema = {
        "format": 1,
        "target": {"classes": ["no", "yes"]},
        "features": [{"name": f"f{i}", "type": "number"} for i in range(4)],
    }
    (folder / "model" / "schema.json").write_text(json.dumps(schema))
    with running(folder, python=PYTHON) as server:
        for rows in (1, 70):
            answer = server.invoke(b"1,2,3,4\n" * rows, seconds=10)
            assert status(answer) == 200
            found = json.loads(answer.partition(b"\r\n\r\n")[2])["predictions"]
            assert len(found) == rows
            assert list(found[-1]["probabilities"].values()) == pytest.approx(made[1], abs=1e-6)


def test_an_exported_program_with_a_pickle_inside_is_refused_and_its_code_does_not_run(
    base, tmp_path
):
    folder = base("model.pt2", {"inputs": 4})
    canary = tmp_path / "canary"
    evil = (
        "import os, sys, torch\n"
        "class Evil:\n"
        "    def __reduce__(self): return os.system, (f'touch {sys.argv[2]}',)\n"
        "torch.save((Evil(),), sys.argv[1])\n"
    )
    subprocess.run([PYTHON, "-c", evil, tmp_path / "evil.pt", canary], check=True)
    path = folder / "model" / "model.pt2"
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as new:
        for name, content in members.items():
            poison = name.endswith("sample_inputs/model.pt")
            new.writestr(name, (tmp_path / "evil.pt").read_bytes() if poison else content)
    with pytest.raises(AssertionError, match="the server ended"), running(folder, python=PYTHON):
        pass
    assert "model.pt2 cannot be loaded" in (folder / "log").read_text()
    assert not canary.exists()


@pytest.mark.parametrize(
    ("architecture", "sentence"),
    [
        ({"layers": [["Module"]]}, "architecture.json has the layer 'Module'; allowed: "),
        ({}, "model.safetensors needs architecture.json"),
        ({"layers": [["Linear", 4, 9]]}, "model.safetensors cannot be loaded: "),
        ([], "architecture.json cannot be used: it must be a JSON object"),
    ],
)
def test_refuses_an_architecture(base, architecture, sentence):
    folder = base("model.safetensors", architecture)
    with pytest.raises(AssertionError, match="the server ended"), running(folder, python=PYTHON):
        pass
    log = (folder / "log").read_text()
    assert sentence in log
    assert "Traceback" not in log
