"""The verb `audit`: result on stdout, exit code 4 when a line fails."""

from __future__ import annotations

import json

from pipelines.audit.config import AuditConfig
from pipelines.audit.run import audit


def command(config: AuditConfig) -> int:
    """Run it; returns the exit code."""
    report = audit(config)
    print(json.dumps(report.to_json(), sort_keys=True) if config.json else report.summary())
    return report.exit_code
