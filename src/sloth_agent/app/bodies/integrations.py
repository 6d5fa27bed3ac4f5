"""Messengers and calendars that are connected, and keys that were rotated."""

from sloth_agent.app.bodies.values import Body, error_of, moment_of
from sloth_agent.channels.chats import Event
from sloth_agent.channels.checking import Checked
from sloth_agent.channels.models import Integration
from sloth_agent.channels.replaying import Replay
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


def checked_body(checked: Checked) -> Body:
    return {
        **connected_body(checked.integration),
        "is_well": checked.is_well,
        "findings": [
            {
                "name": finding.name,
                "is_well": finding.is_well,
                "message": finding.message,
                "hint": finding.hint,
            }
            for finding in checked.findings
        ],
    }


def event_body(event: Event) -> Body:
    return {
        "id": str(event.id),
        "integration": str(event.integration),
        "external_id": event.external_id,
        "received_at": event.received_at.isoformat(),
        "handled_at": moment_of(event.handled_at),
        "outcome": event.outcome.value if event.outcome else None,
    }


def replay_body(replay: Replay) -> Body:
    inbound, reply = replay.inbound, replay.reply
    return {
        "event": event_body(replay.event),
        "message": None
        if inbound is None
        else {
            "kind": inbound.kind.value,
            "text": inbound.text,
            "command": inbound.command,
            "sender": inbound.sender,
        },
        "answer": reply.text if reply else None,
        "grounded": reply.grounded if reply else False,
        "citations": [cited.document for cited in reply.citations] if reply else [],
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
