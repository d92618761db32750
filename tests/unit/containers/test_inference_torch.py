"""PyTorch models, in an environment with PyTorch: `make test-torch`."""

import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from support.inference_server import request, running, sent_at_once, status
from support.torch_job import a_text_job, answers_of_the_network
from support.training_job import ROOT, environment

pytestmark = pytest.mark.torch
PYTHON = Path(os.environ.get("TORCH_PYTHON", ROOT / ".venvs/torch/bin/python"))
SLOW = 120  # of seconds: PyTorch is imported from a disk that may never have read it
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
TEXTS = [
    "the film was really great",
    "awful",
    "",
    'not good, not fine, "poor"',
    "the film was really good " * 9,
    "Übel unbekannt",
]


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


def classifier(base, file):
    """The model folder with a schema that names four numbers and two classes."""
    folder = base(file, {"inputs": 4, "output": "probabilities", "layers": LAYERS})
    schema = {
        "format": 1,
        "target": {"classes": ["no", "yes"]},
        "features": [{"name": f"f{i}", "type": "number"} for i in range(4)],
    }
    (folder / "model" / "schema.json").write_text(json.dumps(schema))
    return folder


@pytest.mark.parametrize("file", ["model.pt2", "model.safetensors"])
def test_answers_as_the_network_does_one_row_or_many(base, made, file):
    folder = classifier(base, file)
    with running(folder, python=PYTHON, patience=SLOW) as server:
        for rows in (1, 70):
            answer = server.invoke(b"1,2,3,4\n" * rows, seconds=10)
            assert status(answer) == 200
            found = json.loads(answer.partition(b"\r\n\r\n")[2])["predictions"]
            assert len(found) == rows
            assert list(found[-1]["probabilities"].values()) == pytest.approx(made[1], abs=1e-6)


@pytest.mark.parametrize("file", ["model.pt2", "model.safetensors"])
def test_requests_that_come_together_are_one_run_and_each_gets_its_own_rows(base, file):
    folder = classifier(base, file)
    bodies = ["\n".join(f"{i},{i % 7},3,{j}" for j in range(1 + i % 3)) for i in range(40)]
    with running(folder, python=PYTHON, patience=SLOW) as server:
        alone = [sent_at_once(server.port, [body])[0] for body in bodies]
        assert {code for code, _ in alone} == {200}
        for _ in range(3):
            for one, other in zip(sent_at_once(server.port, bodies), alone, strict=True):
                assert one[0] == 200
                found, expected = (json.loads(body)["predictions"] for _, body in (one, other))
                assert len(found) == len(expected)
                for row, same in zip(found, expected, strict=True):
                    assert row["probabilities"] == pytest.approx(same["probabilities"], abs=1e-6)
    lines = [json.loads(line) for line in (folder / "log").read_text().splitlines()]
    batches = [line["batch"] for line in lines if line["message"] == "invocation"]
    assert set(batches[: len(bodies)]) == {1}
    assert max(batches) > 10


ON_GPUS = """
import sys, pathlib, dataclasses, torch
from inference_server.settings import read_settings
from inference_server.models.torch import TorchEngine
torch.cuda.device_count = lambda: int(sys.argv[2])
went = []
torch.nn.Module.to = lambda module, device: went.append(device) or module
settings = read_settings({"INFERENCE_PROVIDERS": sys.argv[3]})
for worker in (1, 2, 3):
    TorchEngine(pathlib.Path(sys.argv[1]), dataclasses.replace(settings, worker=worker))
print(*went)
"""


@pytest.mark.parametrize(
    ("gpus", "providers", "devices"),
    [
        (2, "cuda", "cuda:0 cuda:1 cuda:0"),
        (2, "cpu", "cpu cpu cpu"),
        (0, "cuda,cpu", "cpu cpu cpu"),
        (0, "cuda", "cannot run on cuda: PyTorch finds no GPU here; give the image and the instance"
         " what is missing, or allow the CPU with INFERENCE_PROVIDERS=cuda,cpu"),
    ],
)  # fmt: skip
def test_each_worker_has_a_gpu_of_its_own(base, gpus, providers, devices):
    """With a PyTorch that counts GPUs as it is told to, and keeps the model where it is."""
    folder = base("model.safetensors", {"inputs": 4, "layers": LAYERS}) / "model"
    done = subprocess.run(
        [PYTHON, "-c", ON_GPUS, folder, str(gpus), providers],
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=SLOW,
    )
    said = done.stdout.strip() or done.stderr.splitlines()[-1]
    assert said.endswith(devices), done.stderr


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
    with (
        pytest.raises(AssertionError, match="the server ended"),
        running(folder, python=PYTHON, patience=SLOW),
    ):
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
    with (
        pytest.raises(AssertionError, match="the server ended"),
        running(folder, python=PYTHON, patience=SLOW),
    ):
        pass
    log = (folder / "log").read_text()
    assert sentence in log
    assert "Traceback" not in log


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """What the trainer left for texts, and its network's answers to TEXTS."""
    job = a_text_job(tmp_path_factory.mktemp("texts"))
    finished = job.finish(job.start())
    assert finished.code == 0, finished.log
    return job.base, answers_of_the_network(job, TEXTS)


@pytest.fixture(scope="module")
def server(texts):
    with running(texts[0], python=PYTHON, patience=SLOW) as one:
        yield one


def predictions(answer):
    assert status(answer) == 200, answer
    return json.loads(answer.partition(b"\r\n\r\n")[2])["predictions"]


def in_csv(texts):
    return "".join('"{}"\n'.format(text.replace('"', '""')) for text in texts).encode()


FORMATS = {
    "objects": ("application/json", {"instances": [{"text": text} for text in TEXTS]}),
    "lists": ("application/json", {"instances": [[text] for text in TEXTS]}),
    "lines": ("application/jsonlines", "\n".join(json.dumps({"text": text}) for text in TEXTS)),
    "csv": ("text/csv", in_csv(TEXTS)),
    "csv with a header": ("text/csv", b"text\n" + in_csv(TEXTS)),
}


@pytest.mark.parametrize("form", FORMATS)
def test_a_text_is_answered_as_the_trained_network_answers_it(texts, server, form):
    kind, content = FORMATS[form]
    body = content if isinstance(content, bytes) else None
    body = body or (content if isinstance(content, str) else json.dumps(content)).encode()
    found = predictions(server.invoke(body, kind, seconds=10))
    labels = ["bad", "good"]
    for one, expected in zip(found, texts[1], strict=True):
        assert list(one["probabilities"]) == labels
        assert list(one["probabilities"].values()) == pytest.approx(expected, abs=1e-5)
        assert one["label"] == labels[expected.index(max(expected))]
    assert [one["label"] for one in found[:2]] == ["good", "bad"]


def test_a_text_is_answered_alike_alone_and_in_any_company(texts, server):
    for text, expected in zip(TEXTS, texts[1], strict=True):
        (found,) = predictions(server.invoke(in_csv([text]), seconds=10))
        assert list(found["probabilities"].values()) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("kind", "body", "code", "sentence"),
    [
        ("application/json", b'{"instances":[["x"],[5]]}', 400,
         "row 2: 5 is not allowed; allowed: text"),
        ("application/json", b'{"instances":[{"txt":"x"}]}', 400,
         "row 1: column 'txt' is unknown; did you mean text?"),
        ("text/csv", b"a, b\n", 400, "row 1 has 2 values; a CSV row has 1: text"),
        ("application/x-npy", b"\x93NUMPY", 415,
         "application/x-npy holds numbers; this model reads text"),
    ],
)  # fmt: skip
def test_refuses_what_is_no_text(server, kind, body, code, sentence):
    answer = server.exchange(request(body, kind))
    assert status(answer) == code
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"] == sentence


def without_a_tokenizer(model):
    (model / "tokenizer.json").unlink()


def with_a_broken_tokenizer(model):
    (model / "tokenizer.json").write_text("{}")


def with_the_weights_alone(model):
    (model / "model.pt2").unlink()
    layers = {"inputs": 4, "layers": [["Linear", 4, 2]]}
    (model / "architecture.json").write_text(json.dumps(layers))
    save = "import sys, torch; from safetensors.torch import save_file as save\n"
    save += "save(torch.nn.Sequential(torch.nn.Linear(4, 2)).state_dict(), sys.argv[1])"
    subprocess.run([PYTHON, "-c", save, model / "model.safetensors"], check=True, timeout=120)


def with_another_column(model):
    schema = json.loads((model / "schema.json").read_text())
    schema["features"].append({"name": "stars", "type": "number"})
    (model / "schema.json").write_text(json.dumps(schema))


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (without_a_tokenizer, "schema.json has the column text of type text, which only a PyTorch"
         " model with tokenizer.json reads"),
        (with_a_broken_tokenizer, "tokenizer.json cannot be loaded: "),
        (with_the_weights_alone, "tokenizer.json is of a model of texts, and model.safetensors"
         " takes no number of tokens that is fixed"),
        (with_another_column, "a model with tokenizer.json reads one column of type text;"
         " schema.json has text, stars"),
    ],
)  # fmt: skip
def test_refuses_to_serve_a_text_model(texts, tmp_path, fault, sentence):
    shutil.copytree(texts[0] / "model", tmp_path / "model")
    fault(tmp_path / "model")
    with (
        pytest.raises(AssertionError, match="the server ended"),
        running(tmp_path, python=PYTHON, patience=SLOW),
    ):
        pass
    log = (tmp_path / "log").read_text()
    assert sentence in log
    assert "Traceback" not in log
