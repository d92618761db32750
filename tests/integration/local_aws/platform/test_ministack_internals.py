"""What the adapter relies on inside ministack: any change fails here, by name, before it puzzles.

Run in the local AWS's own environment, which the tests' environment does not have.
"""

import subprocess
import textwrap

import pytest
from support.local_aws_server import PYTHON, REPOSITORY

VERSION = "1.5.33"
FUNCTIONS = {
    "ministack.app": {
        "pin_request_origin": "source_ip secure_transport",
        "detect_service": "method path headers query_params",
        "call_service_handler_sync": "handler method path headers body query_params timeout",
        "_routing_params": "method path headers body query_params",
        "app": "scope receive send",
    },
    "ministack.core.router": {
        "detect_service": "method path headers query_params",
        "extract_access_key_id": "headers query_params",
    },
    "ministack.core.responses": {
        "request_scope": "account_id region",
        "StreamingResponse": "runner",
        "_service_model": "service",
    },
    "ministack.core.iam_actions": {
        "extract_iam_action": "service method path headers body query_params",
        "extract_resource_arn": ("service method path headers body query_params region account_id"),
        "access_denied_response": (
            "service action principal_arn request_id error_code message headers resource_arn "
            "explicit_deny resource_policy_arn"
        ),
        "identity_denial_message": "action principal_arn resource explicit_deny",
        "request_tag_context": "service iam_action body params",
    },
    "ministack.core.iam_evaluator": {
        "EvalContext": (
            "principal_arn principal_type principal_account action resource_arn region source_ip "
            "secure_transport request_tags tag_keys service_context principal_keys"
        ),
        "AuthError": "code message details",
        "enforce": "access_key_id iam_action service region resource_arn service_context",
        "evaluate": "ctx policies limits",
        "combine_resource_policy": "identity ctx policy owner_account required limits",
        "resolve_principal": "access_key_id account_id credential",
        "evaluate_trust_policy": "trust_doc caller_arn ctx",
        "caller_arn": "",
        "_resource_policy": "service resource_arn",
        "_gather_role_policies": "role_name account_id",
        "_permissions_boundary": "store name account_id",
    },
    "ministack.services.codebuild": {"_start_build": "data"},
    "ministack.services.lambda_svc": {"_execute_function_warm": "func event request_id"},
    "ministack.core.arn": {"parse_arn": "value"},
    "ministack.services.eventbridge": {
        "_parse_cron_fields": "expr",
        "_cron_next_fire": "fields after_dt",
        "_put_events": "data allow_aws_source",
        "_invoke_target": "target event rule view",
        "_dispatch_to_sqs": "spec payload sqs_parameters",
        "_pattern_event_view": "event",
    },
    "ministack.services.s3": {
        "_bucket_default_sse_headers": "bucket_name",
        "_put_bucket_encryption": "name body",
        "_stored_sse_headers": "obj",
    },
    "ministack.services.sqs": {"_queue_by_arn": "arn"},
    "ministack.services.cloudwatch": {
        "_put_metric_data": "params cbor_data is_cbor is_json",
        "_evaluate_alarm": "alarm",
        "_evaluate_all_alarms": "",
        "_evaluate_parent_alarms": "child seen",
        "_dispatch_alarm_actions": "alarm old_state new_state reason",
        "_record_history": "alarm_name old_state new_state reason alarm_type reason_data",
        "_calc_stats": "points",
    },
    "ministack.services.cloudformation.stacks": {
        "_runs_on_worker_thread": "resource_type",
        "_delete_resource": "resource_type physical_id props stack_name logical_id",
    },
    "ministack.services.cloudformation.changesets": {
        "_resolve_props_for_diff": "template params stack_name stack_id",
        "_evaluate_conditions": "template params",
    },
    "ministack.services.cloudformation.provisioners": {
        "_delete_resource": "resource_type physical_id props stack_name logical_id",
    },
    "ministack.services.stepfunctions": {
        "_ExecutionError": "error cause",
        "_describe_execution": "data",
        "_execute_task": "state_def raw_input execution ctx",
        "_invoke_resource": "resource input_data",
        "_invoke_with_callback": "resource input_data token state_def",
        "_invoke_resource_with_timeout": "resource input_data timeout",
        "_service_model": "service",
        "_run_distributed_map": "state_def raw_input effective iterator execution ctx",
        "_run_sub_machine": "states start_at input_data execution ctx",
        "_parse_reader_items": "text config",
        "_state_query_language": "state_def ctx",
        "_apply_jsonata_template": "value raw_input ctx result error_output",
        "_apply_jsonata_output": "state_def raw_input ctx result error_output default",
        "_apply_state_assign": "state_def raw_input ctx result error_output",
        "_jsonata_state_field": "state_def field expected raw_input ctx",
        "_resolve_params_obj": "template data ctx",
        "_resolve_path": "path data",
        "_resolve_path_or_ctx": "path data ctx",
        "_apply_result_selector": "state_def data",
        "_apply_result_path": "state_def original result",
        "_apply_output_path": "state_def data ctx",
        "_next_or_end": "state_def",
    },
}
TABLES = {
    "ministack.app": "SERVICE_HANDLERS",
    "ministack.core.router": "SERVICE_PATTERNS",
    "ministack.core.responses": "_BOTOCORE_NAME",
    "ministack.core.iam_actions": "SERVICE_TO_IAM_NAMESPACE _BOTOCORE_SERVICE_MAP",
    "ministack.services.cloudformation.provisioners": "_RESOURCE_HANDLERS _STACK_TAG_PROPERTY",
    "ministack.services.stepfunctions": (
        "_SERVICE_DISPATCH _AWS_SDK_SERVICE_MAP _AWS_SDK_ERROR_PREFIX"
    ),
}
OTHERS = {  # their type's name
    "ministack.app": "_MAIN_LOOP:NoneType",
    "ministack.core.iam_evaluator": "_POLICY_REQUIRED:frozenset",
    "ministack.services.cloudwatch": "_metrics:AccountRegionScopedDict",
    "ministack.services.codebuild": (
        "_builds:AccountRegionScopedDict _projects:AccountRegionScopedDict"
    ),
    "ministack.services.iam": "_roles:AccountScopedDict",
    "ministack.services.s3": "_buckets:AccountScopedDict",
    "ministack.services.sns": "_topics:AccountRegionScopedDict",
    "ministack.services.stepfunctions": (
        "_state_machines:AccountRegionScopedDict _executions:AccountRegionScopedDict"
        " _map_runs:AccountRegionScopedDict"
    ),
}


def in_its_environment(code: str) -> str:
    done = subprocess.run(
        [str(PYTHON), "-c", textwrap.dedent(code)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_ministack_is_the_version_the_adapter_was_written_for() -> None:
    version = in_its_environment(
        "from importlib.metadata import version; print(version('ministack'))"
    )

    assert version == VERSION, "read the adapter against the new version, then change this test"


def test_every_function_the_adapter_calls_or_replaces_has_its_parameters() -> None:
    found = in_its_environment(f"""
        import importlib, inspect
        for module, functions in {FUNCTIONS!r}.items():
            for name, expected in functions.items():
                function = getattr(importlib.import_module(module), name, None)
                if function is None:
                    print(f"{{module}}.{{name}} is gone")
                    continue
                names = " ".join(inspect.signature(function).parameters)
                if names != expected:
                    print(f"{{module}}.{{name}}({{names}}), not ({{expected}})")
        """)

    assert found == ""


def test_every_table_the_adapter_writes_to_is_a_dictionary() -> None:
    found = in_its_environment(f"""
        import importlib
        for module, names in {TABLES!r}.items():
            for name in names.split():
                if not isinstance(getattr(importlib.import_module(module), name, None), dict):
                    print(f"{{module}}.{{name}} is no dictionary")
        for module, pairs in {OTHERS!r}.items():
            for name, kind in (pair.split(":") for pair in pairs.split()):
                value = getattr(importlib.import_module(module), name)
                if type(value).__name__ != kind:
                    print(f"{{module}}.{{name}} is a {{type(value).__name__}}, not a {{kind}}")
        """)

    assert found == ""


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("stepfunctions", "_execute_task"),
        ("stepfunctions", "_invoke_resource"),
        ("stepfunctions", "_invoke_with_callback"),
        ("stepfunctions", "_invoke_resource_with_timeout"),
        ("stepfunctions", "_service_model"),
        ("stepfunctions", "_run_distributed_map"),
        ("stepfunctions", "_dispatch_aws_sdk_rest_xml"),
        ("stepfunctions", "_rest_xml_build_body"),
        ("cloudwatch", "_evaluate_alarm"),
        ("eventbridge", "_invoke_target"),
        ("cloudformation.stacks", "_runs_on_worker_thread"),
        ("cloudformation.stacks", "_delete_resource"),
        ("cloudformation.changesets", "_resolve_props_for_diff"),
    ],
)
def test_replaced_functions_are_looked_up_when_called(module: str, name: str) -> None:
    """Replacing a module's function has no effect on who holds the old one already."""
    used = in_its_environment(f"""
        import dis, importlib
        module = importlib.import_module("ministack.services.{module}")

        def codes(code):
            yield code
            for constant in code.co_consts:
                if hasattr(constant, "co_code"):
                    yield from codes(constant)

        print(sum(
            instruction.opname == "LOAD_GLOBAL" and instruction.argval == {name!r}
            for value in vars(module).values() if hasattr(value, "__code__")
            for code in codes(value.__code__)
            for instruction in dis.get_instructions(code)
        ))
        """)

    assert int(used) >= 1
