"""Messengers and calendars that are connected, and keys that were rotated."""

from sloth_agent.app.bodies.values import Body, error_of, moment_of
from sloth_agent.channels.models import Integration
from sloth_agent.channels.rotation import RotationReport


def integration_body(integration: Integration) -> Body:
    return {
        "id": str(integration.id),
        "type": integration.type.value,
        "status": integration.status.value,
        "settings": dict(integration.settings),
        "messages_in": integration.messages_in,
        "messages_out": integration.messages_out,
        "last_activity_at": moment_of(integration.last_activity_at),
        "error": error_of(integration.problem),
        "created_at": integration.created_at.isoformat(),
    }


def connected_body(integration: Integration) -> Body:
    return {
        "id": str(integration.id),
        "type": integration.type.value,
        "status": integration.status.value,
    }


def rotation_body(report: RotationReport) -> Body:
    return {
        "resealed": report.resealed,
        "unchanged": report.unchanged,
        "unreadable": report.unreadable,
        "failed_tenants": report.failed_tenants,
        "problems": [
            {
                "tenant": each.tenant,
                "integration_id": str(each.integration) if each.integration else None,
                "error": error_of(each.problem),
            }
            for each in report.problems
        ],
    }
