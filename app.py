"""Builds the stacks of one environment: `cdk synth -c env=<name>`. Makes no AWS call."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from aws_cdk import App, Tags, Validations
from cdk_nag import AwsSolutionsChecks

from sagemaker_workflow.faults import RefusedError
from stacks import workflow
from stacks.errors import UserError
from stacks.settings import load

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Write the cloud assembly of the environment that `-c env=<name>` or cdk.json names."""
    # The CLI passes cdk.json's context itself; without it (`python app.py`) nobody does.
    context = json.loads((HERE / "cdk.json").read_text())["context"]
    app = App(context=context, analytics_reporting=False, stack_traces=False)
    try:
        # A folder of one's own keeps an organisation's settings out of this checkout.
        folder = Path(os.environ.get("WORKFLOW_CONFIG") or HERE / "config")
        settings = load(app.node.try_get_context("env"), folder)
        workflow.build(app, settings, root=HERE)
    except (UserError, RefusedError) as error:
        sys.exit(str(error))
    for key, value in settings.all_tags.items():
        Tags.of(app).add(key, value)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()


if __name__ == "__main__":
    main()
