"""Tenants, their users and spaces, and files of whole tenants."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from sloth_agent.app.bodies.values import Body
from sloth_agent.app.isolation import Isolation
from sloth_agent.tenants.account_ports import Invitation
from sloth_agent.tenants.audit import AuditEvent
from sloth_agent.tenants.backup_manifests import BackupManifest
from sloth_agent.tenants.backups import Backup
from sloth_agent.tenants.manifests import Manifest
from sloth_agent.tenants.models import Organization
from sloth_agent.tenants.moving import Carried
from sloth_agent.tenants.ports import SpaceVersions
from sloth_agent.tenants.profile import Profile
from sloth_agent.tenants.upgrading import UpgradeReport
from sloth_agent.tenants.users import User


def tenant_body(organization: Organization) -> Body:
    return {
        "slug": organization.slug,
        "name": organization.name,
        "schema_name": organization.schema_name,
        "domain": organization.domain,
        "database": organization.database,
        "is_active": organization.is_active,
        "stage": organization.stage.value,
        "created_at": organization.created_at.isoformat(),
    }


def move_body(carried: Carried) -> Body:
    return {
        "slug": carried.organization.slug,
        "database": carried.organization.database,
        "rows": carried.rows,
        "blocked_ms": round(carried.blocked.total_seconds() * 1000, 1),
    }


def archive_body(manifest: Manifest, path: Path) -> Body:
    return {
        "slug": manifest.tenant.slug,
        "file": str(path),
        "made_at": manifest.made_at.isoformat(),
        "version": manifest.version,
        "rows": manifest.rows,
        "files": len(manifest.files),
        "missing_files": len(manifest.missing_files),
    }


def backup_body(backup: Backup) -> Body:
    manifest = backup.manifest
    return {
        "file": str(backup.file.path),
        "made_at": manifest.made_at.isoformat() if manifest else None,
        "size": backup.file.size,
        "tenants": len(manifest.tenants) if manifest else None,
        "missing_files": manifest.missing_files if manifest else None,
        "whole": manifest is not None,
        "problem": backup.problem,
    }


def restored_body(manifest: BackupManifest, path: Path) -> Body:
    return {
        "file": str(path),
        "made_at": manifest.made_at.isoformat(),
        "tenants": [tenant.slug for tenant in manifest.tenants],
    }


def versions_body(databases: Sequence[SpaceVersions]) -> Body:
    return {
        "head": databases[0].head,
        "count": sum(found.count for found in databases),
        "behind": sum(found.behind for found in databases),
        "unseen": sum(found.unseen for found in databases),
        "databases": [
            {
                "name": found.database,
                "versions": {str(version): count for version, count in found.tenants.items()},
                "unseen": found.unseen,
                "problem": found.problem,
            }
            for found in databases
        ],
    }


def upgrade_body(report: UpgradeReport, organizations: Sequence[Organization]) -> Body:
    slugs = {organization.schema_name: organization.slug for organization in organizations}
    return {
        "upgraded": report.upgraded,
        "failed": [
            {
                "slug": slugs.get(space.schema_name),
                "database": space.database,
                "schema_name": space.schema_name,
                "error": {"code": error.code, "message": error.message},
            }
            for space, error in report.failed
        ],
        "unreached_databases": [
            {"name": name, "error": {"code": error.code, "message": error.message}}
            for name, error in report.unreached
        ],
    }


def user_body(user: User) -> Body:
    return {
        "id": str(user.id),
        "email": user.email,
        "organization_id": str(user.organization) if user.organization else None,
        "role": user.role,
        "is_superuser": user.is_superuser,
        "language": user.language,
        "phone": user.phone,
        "avatar": user.avatar,
        "referral_code": user.referral_code,
        "is_active": user.is_active,
        "created_at": user.created_at.isoformat(),
    }


def invitation_body(invitation: Invitation, slug: str | None) -> Body:
    """`slug` is that of the tenant into which it leads."""
    return {
        "id": str(invitation.id),
        "email": invitation.email,
        "tenant": slug,
        "role": invitation.role,
        "expires_at": invitation.expires_at.isoformat(),
    }


def profile_body(profile: Profile) -> Body:
    return asdict(profile)


def isolation_body(databases: Sequence[Isolation]) -> Body:
    return {
        "attempts": sum(found.attempts for found in databases),
        "leaks": [
            {"database": found.database, "attempt": leak.attempt, "what": leak.what}
            for found in databases
            for leak in found.leaks
        ],
        "both_walls": all(found.both_walls for found in databases),
        "databases": [
            {
                "name": found.database,
                "attempts": found.attempts,
                "leaks": len(found.leaks),
                "both_walls": found.both_walls,
            }
            for found in databases
        ],
    }


def audit_body(event: AuditEvent, slug: str | None) -> Body:
    """`slug` is that of the tenant, None where it was erased since."""
    return {
        "id": str(event.id),
        "at": event.at.isoformat(),
        "actor": event.by.name,
        "address": event.by.address,
        "request_id": event.by.request_id,
        "tenant": slug,
        "organization_id": str(event.organization) if event.organization else None,
        "action": event.action,
        "subject": event.subject,
        "details": dict(event.details),
    }
