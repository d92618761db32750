"""What a deploy says of each override: how long it holds, and what keeps it."""

import pytest

from ops import cdk
from ops.commands.deploy import lasts


def test_a_value_of_the_config_can_be_kept_there() -> None:
    assert lasts("shop-dev-endpoint-live:MaxCapacity=4", "dev") == (
        "shop-dev-endpoint-live:MaxCapacity=4 holds until the next deploy; write it into "
        "config/dev.toml to keep it"
    )


def test_stopping_is_kept_in_the_config() -> None:
    assert lasts("shop-dev-endpoint-chat:Active=false", "dev") == (
        "shop-dev-endpoint-chat:Active=false holds until the next deploy; write it into "
        "config/dev.toml to keep it"
    )


@pytest.mark.parametrize("key", cdk.FOR_ONCE)
def test_what_no_config_has_is_not_to_be_written_there(key: str) -> None:
    assert lasts(f"live:{key}=true", "dev") == f"live:{key}=true holds until the next deploy"


def test_a_challenger_stays_until_it_is_taken_away() -> None:
    assert lasts("live:ChallengerModelPackageArn=arn:x", "dev") == (
        "live:ChallengerModelPackageArn=arn:x holds until another is passed, or none: "
        "ChallengerModelPackageArn="
    )
