"""Real runs of the PyTorch trainer, in the environment that `make test-torch` makes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from support.training_job import ROOT, TrainingJob, environment, schema

PYTHON = ROOT / ".venvs/torch_trainer/bin/python"
LABELS = ["bad", "good"]
PRETRAIN = """
import json, sys, torch
from pathlib import Path
from safetensors.torch import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from torch_trainer.text import Text
folder = Path(sys.argv[1])
config = {"vocab_size": 32, "width": 16, "layers": 1, "heads": 2, "max_length": 16}
words = "[PAD] [UNK] the film was really not good great fine bad awful poor and so".split()
tokenizer = Tokenizer(WordLevel({word: n for n, word in enumerate(words)}, unk_token="[UNK]"))
tokenizer.pre_tokenizer = Whitespace()
tokenizer.save(str(folder / "tokenizer.json"))
torch.manual_seed(0)
body = Text(config, classes=2, dropout=0.0).state_dict()
save_file({k: v for k, v in body.items() if "classifier" not in k}, folder / "model.safetensors")
(folder / "config.json").write_text(json.dumps(config))
"""

# What the trained network itself makes of lines of text, in the trainer's environment.
ASK = """
import json, sys, torch
from tokenizers import Tokenizer
folder, texts = sys.argv[1], json.loads(sys.argv[2])
tokens = torch.zeros(len(texts), 12, dtype=torch.long)
for row, found in zip(tokens, Tokenizer.from_file(folder + "/tokenizer.json").encode_batch(texts)):
    ids = torch.tensor(found.ids[:12], dtype=torch.long)
    row[: len(ids)] = ids
print(json.dumps(torch.export.load(folder + "/model.pt2").module()(tokens).tolist()))
"""


class TorchJob(TrainingJob):
    """A job of the other image."""

    SECONDS: ClassVar[float] = 240  # PyTorch is imported from a disk that may never have read it

    def start(self, **extra: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [PYTHON, "-m", "torch_trainer", "train"],
            env=environment(self.base, OMP_NUM_THREADS="1", **extra),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def set(self, **values: str) -> TorchJob:
        self.configure("hyperparameters", {"epochs": "8", "batch_size": "64", **values})
        return self


def a_text_job(base: Path, **values: str) -> TorchJob:
    """A job that tells good films from bad ones."""
    job = TorchJob(base)
    job.configure("resourceconfig", {"current_host": "algo-1", "hosts": ["algo-1"]})
    content: dict[str, Any] = {**schema("binary"), "features": [{"name": "text", "type": "text"}]}
    content["target"] = {"name": "label", "classes": LABELS}
    job.channel("schema", {"schema.json": json.dumps(content)})
    random = np.random.default_rng(0)
    words = {"good": ["good", "great", "fine"], "bad": ["bad", "awful", "poor"]}
    for name, count in (("train", 200), ("validation", 60), ("test", 60)):
        lines = [
            {"text": f"the film was really {random.choice(words[label])}", "label": label}
            for label in random.choice(LABELS, count)
        ]
        job.channel(name, {"a.jsonl": "".join(json.dumps(line) + "\n" for line in lines)})
    job.channel("model", {})
    subprocess.run(
        [PYTHON, "-c", PRETRAIN, job.base / "input/data/model"], env=environment(base), check=True
    )
    return job.set(task="text", learning_rate="0.01", max_length="12", **values)


def answers_of_the_network(job: TorchJob, texts: list[str]) -> list[list[float]]:
    """The probabilities that a finished job's model gives, asked without a server."""
    command = [PYTHON, "-c", ASK, job.model, json.dumps(texts)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    found: list[list[float]] = json.loads(done.stdout.splitlines()[-1])
    return found
