"""CDK's offline validator stays off, however pytest was started: one stack may take it minutes."""

import os

os.environ.setdefault("CDK_VALIDATION", "false")
