"""One dashboard an endpoint: what is asked of it, how it answers, what it runs on, what it costs.

Metrics and their dimensions differ by kind (contracts 3.5, 4, 5.5): an asynchronous endpoint has no
Invocations, its queue is the endpoint's and not a variant's, a serverless one has no machines, and
requests to a component are counted by component.
"""

from sagemaker_workflow.endpoints.dashboard.build import build_dashboard, dashboard_body
from sagemaker_workflow.endpoints.dashboard.graphs import Kind

__all__ = ["Kind", "build_dashboard", "dashboard_body"]
