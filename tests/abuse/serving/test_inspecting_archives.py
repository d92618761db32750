"""What is registered can be loaded, and is what the server finds: also of archives nobody wrote."""

from __future__ import annotations

import gzip
import io
import random
import shutil

import pytest
from support.hostile_archives import ARCHIVES, BROKEN, mutated, packed, seeds

from inference_server.models.folder import digest
from inspect_model.archive import inspect
from inspect_model.refused import ModelRefused
from local_aws.runtime.archives import extract

LONG = (pytest.mark.abuse, pytest.mark.timeout(3600))


class Bytes(io.BytesIO):
    """Packed bytes, as the function is given them."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.size = len(content)


@pytest.mark.parametrize("name", [*ARCHIVES, *BROKEN])
def test_a_hostile_archive_is_not_registered(name):
    content = BROKEN[name]() if name in BROKEN else packed(ARCHIVES[name])
    with pytest.raises(ModelRefused):
        inspect(Bytes(content), trusted=())


@pytest.mark.parametrize("number", [300, pytest.param(20_000, marks=LONG)])
def test_a_mutated_archive_is_refused_or_is_what_the_server_finds(tmp_path, figure, number):
    """A file that only one of two readers sees would be served and never inspected."""
    dice = random.Random(23)  # noqa: S311  chance, not secrets
    archive, model, refused, tars = tmp_path / "model.tar.gz", tmp_path / "model", 0, seeds()
    for _ in range(number):
        content = gzip.compress(mutated(dice.choice([tars[0], dice.choice(tars)]), dice), 1)
        try:
            contents = inspect(Bytes(content), trusted=())
        except ModelRefused:
            refused += 1
            continue
        archive.write_bytes(content)
        extract(archive, model, url="s3://b/k")  # what was taken unpacks
        assert contents.digest() == digest(model)
        shutil.rmtree(model)
    assert 0 < refused < number
    figure(
        f"registration: {len(ARCHIVES) + len(BROKEN)} hostile archives, all refused; {number:,}"
        f" with mutated headers, {refused:,} refused, the others unpack to the digest found"
    )
