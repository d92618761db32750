"""The function's own S3 client signs as botocore does."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from botocore import auth as botocore_auth
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials

from preprocess.publish import is_older
from preprocess.s3 import S3
from preprocess.signing import Credentials, sign

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize("token", [None, "a/session+token="])
@pytest.mark.parametrize("key", ["a/b.csv", "a b+c ü.csv", "../x.csv", "a//b~c*(1)'.csv", "=?&#%"])
def test_a_request_is_signed_like_botocores(
    key: str, token: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(botocore_auth, "get_current_datetime", lambda **_: NOW)
    credentials = Credentials(access_key="AKID", secret_key="secret", token=token)
    client = S3(region="eu-west-1", credentials=credentials, endpoint="http://localhost:1")
    scheme, host, path = client._address("bucket", key)

    ours = sign(
        credentials, "eu-west-1", "PUT", host, path, "partNumber=1&uploadId=a%2Fb",
        {"content-type": "text/csv"}, b"body", NOW,
    )  # fmt: skip

    url = f"{scheme}://{host}{path}?partNumber=1&uploadId=a%2Fb"
    request = AWSRequest("PUT", url, {"content-type": "text/csv"}, b"body")
    request.headers["x-amz-content-sha256"] = ours["x-amz-content-sha256"]
    given = BotocoreCredentials("AKID", "secret", token)
    S3SigV4Auth(given, "s3", "eu-west-1").add_auth(request)
    assert ours["authorization"] == request.headers["Authorization"]


def test_a_bucket_is_addressed_by_its_host_unless_its_name_has_a_dot() -> None:
    client = S3(region="eu-west-1", credentials=Credentials(access_key="a", secret_key="b"))

    assert client._address("data", "a b")[1:] == ("data.s3.eu-west-1.amazonaws.com", "/a%20b")
    assert client._address("a.b", "c")[1:] == ("s3.eu-west-1.amazonaws.com", "/a.b/c")


def test_sequencers_are_compared_as_text_padded_with_zeros_on_the_right() -> None:
    assert is_older("0055AED6DCD90281E5", "0055AED6DCD90281E6")
    assert is_older("00", "001")
    assert not is_older("0A", "0a0")
    assert not is_older("B", "A0")
