"""The JSON that people's scripts rely on: the command line prints it, the server sends it."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sloth_agent.agent.customers import CustomerRecord
from sloth_agent.agent.models import Answer, Citation, Message, Prompt, Usage
from sloth_agent.agent.ports import Held, Transcript
from sloth_agent.app.isolation import Isolation
from sloth_agent.billing.allowance import Meter, UsageReport
from sloth_agent.billing.lifecycle import terms_held
from sloth_agent.billing.margin import FirmMargin, MarginReport, Total
from sloth_agent.billing.models import Plan, Subscription
from sloth_agent.billing.notices import Notice
from sloth_agent.billing.plans import PlanOutcome
from sloth_agent.billing.ports import ListedCode
from sloth_agent.billing.referral_ports import ReferredFirm
from sloth_agent.billing.referrals import ReferralReward, ReferralStatus
from sloth_agent.billing.referring import ReferralStats
from sloth_agent.errors import Problem
from sloth_agent.jobs.models import Job
from sloth_agent.knowledge.intake import FileOutcome, IngestReport, Outcome
from sloth_agent.knowledge.models import Document, Passage, Unread, VectorStore
from sloth_agent.knowledge.retrieval import Found
from sloth_agent.tasks.models import TaskRun, TaskState
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

Body = dict[str, Any]


def ingest_body(report: IngestReport) -> Body:
    return {
        "files": [file_body(file) for file in report.files],
        **{status.value: report.count(status) for status in Outcome},
        "seconds": round(report.seconds, 3),
    }


def file_body(file: FileOutcome) -> Body:
    return {
        "path": file.path,
        "status": file.status.value,
        "document_id": str(file.document_id) if file.document_id else None,
        "job_id": str(file.job_id) if file.job_id else None,
        "pages": file.pages,
        "chunks": file.chunks,
        "error": _error(file.problem),
        "unread": _unread(file.unread),
    }


def answer_body(answer: Answer) -> Body:
    return {
        "answer": answer.text,
        "grounded": answer.grounded,
        "citations": [citation_body(citation) for citation in answer.citations],
        "conversation_id": str(answer.conversation_id),
        "message_id": str(answer.message_id),
        "model": answer.model,
        "usage": _tokens(answer.usage),
        "timings_ms": _rounded(answer.timings_ms),
        "not_read": list(answer.not_read),
    }


def citation_body(citation: Citation) -> Body:
    return {
        "document": citation.document,
        "page": citation.page,
        "section": citation.section,
        "sheet": citation.sheet,
        "row": citation.row,
        "snippet": citation.snippet,
        "score": round(citation.score, 4),
    }


def customer_body(record: CustomerRecord) -> Body:
    return {
        "customer": str(record.customer),
        "exported_at": record.exported_at.isoformat(),
        "conversations": [transcript_body(transcript) for transcript in record.transcripts],
    }


def erased_customer_body(customer: str, held: Held) -> Body:
    return {
        "customer": customer,
        "deleted": True,
        "conversations": held.conversations,
        "messages": held.messages,
    }


def transcript_body(transcript: Transcript) -> Body:
    conversation = transcript.conversation
    return {
        "id": str(conversation.id),
        "source": conversation.source.value,
        "external_id": conversation.external_id,
        "created_at": conversation.created_at.isoformat(),
        "messages": [message_body(message) for message in transcript.messages],
    }


def message_body(message: Message) -> Body:
    return {
        "id": str(message.id),
        "role": message.speaker.value,
        "content": message.text,
        "created_at": message.created_at.isoformat(),
        "citations": [citation_body(citation) for citation in message.citations],
        "usage": _tokens(message.usage),
        "processing_ms": _milliseconds(message.processing_ms),
    }


def search_body(found: Found) -> Body:
    return {
        "results": [passage_body(passage) for passage in found.passages],
        "timings_ms": _rounded(found.timings_ms),
        "not_read": list(found.not_read),
    }


def passage_body(passage: Passage) -> Body:
    place = passage.place
    return {
        "document": passage.cited_document,
        "page": place.page,
        "section": place.section,
        "sheet": place.sheet,
        "row": place.row,
        "text": passage.readable_text,
        "score": round(passage.score, 4),
    }


def document_body(document: Document) -> Body:
    return {
        "id": str(document.id),
        "title": document.title,
        "source": document.source,
        "type": document.media_type,
        "size": document.size_bytes,
        "status": document.status.value,
        "error": _error(document.problem),
        "pages": document.pages,
        "chunks": document.chunks,
        "unread": _unread(document.unread),
        "created_at": document.created_at.isoformat(),
    }


def _unread(parts: Sequence[Unread]) -> list[Body]:
    return [{"part": part.part, "code": part.code, "message": part.message} for part in parts]


def prompt_body(prompt: Prompt) -> Body:
    return {
        "version": prompt.version,
        "active": prompt.active,
        "role": prompt.role,
        "instructions": prompt.instructions,
        "context": prompt.context,
        "temperature": prompt.temperature,
        "max_tokens": prompt.max_tokens,
        "created_at": prompt.created_at.isoformat(),
    }


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


def plan_body(plan: Plan) -> Body:
    terms = plan.terms
    return {
        "slug": plan.slug,
        "name": plan.name,
        "price_monthly": str(terms.price_monthly),
        "price_yearly": str(terms.price_yearly),
        "currency": terms.currency,
        "limits": asdict(terms.limits),
        "features": sorted(terms.features),
        "max_cost_per_month": _amount(terms.max_cost_per_month),
        "trial_days": plan.trial_days,
        "is_active": plan.is_active,
    }


def plan_outcome_body(outcome: PlanOutcome) -> Body:
    return {
        "plan": outcome.plan,
        "outcome": outcome.outcome.value,
        "firms_on_old_terms": outcome.firms_on_old_terms,
        "old_terms_until": _moment(outcome.old_terms_until),
        "unused_codes": outcome.unused_codes,
    }


def subscription_body(subscription: Subscription) -> Body:
    _, *following = terms_held(subscription)
    return {
        "plan": subscription.plan,
        "status": subscription.status.value,
        "billing_cycle": subscription.billing_cycle.value,
        "trial_end": _moment(subscription.trial_end),
        "current_period_start": _moment(subscription.current_period_start),
        "current_period_end": _moment(subscription.current_period_end),
        "cancel_at_period_end": subscription.cancel_at_period_end,
        "features": sorted(subscription.terms.features),
        "later": [{"plan": held.plan, "until": _moment(held.until)} for held in following],
    }


def code_body(listed: ListedCode, *, now: datetime) -> Body:
    code = listed.code
    return {
        "id": str(code.id),
        "plan": code.plan,
        "days": code.duration_days,
        "status": code.status(now).value,
        "used_by": listed.used_by or (str(code.used_by) if code.used_by else None),
        "used_at": _moment(code.used_at),
        "expires_at": _moment(code.expires_at),
        "created_by": code.created_by,
        "created_at": _moment(code.created_at),
    }


def usage_body(report: UsageReport) -> Body:
    return {
        "period_start": report.month.start.isoformat(),
        "period_end": report.month.end.isoformat(),
        **{meter.room.resource.value: _meter(meter) for meter in report.meters},
    }


def margin_body(report: MarginReport) -> Body:
    return {
        "month": f"{report.month:%Y-%m}",
        "firms": [_firm_margin(firm) for firm in report.firms],
        "totals": [_margin_total(total) for total in report.totals],
        "unread_databases": list(report.unread_databases),
    }


def _firm_margin(firm: FirmMargin) -> Body:
    payer = firm.payer
    return {
        "tenant": payer.slug,
        "plan": payer.plan,
        "status": payer.status.value if payer.status else None,
        "currency": firm.currency,
        "revenue": str(payer.revenue),
        "cost": _amount(firm.cost),
        "margin": _amount(firm.margin),
        "loss": firm.loss,
        "unpriced_calls": firm.unpriced_calls,
        "models": [
            {**asdict(spent), "cost": f"{spent.cost:f}", "currency": bill.currency}
            for bill in firm.bills
            for spent in bill.spent
        ],
    }


def _margin_total(total: Total) -> Body:
    return {
        "currency": total.currency,
        "firms": total.firms,
        "losses": total.losses,
        "revenue": str(total.revenue),
        "cost": _amount(total.cost),
        "margin": _amount(total.margin),
        "unpriced_calls": total.unpriced_calls,
    }


def _amount(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"


def notice_body(notice: Notice) -> Body:
    return {
        "resource": notice.resource.value,
        "percent": notice.percent,
        "used": notice.used,
        "limit": notice.limit,
        "period_start": notice.period_start.isoformat(),
        "noticed_at": notice.noticed_at.isoformat(),
    }


def _meter(meter: Meter) -> Body:
    resets_at = meter.room.resets_at
    return {
        "limit": meter.room.limit,
        "used": meter.used,
        "reserved": meter.reserved,
        "resets_at": resets_at.isoformat() if resets_at else None,
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


def referral_stats_body(stats: ReferralStats) -> Body:
    return {
        "code": stats.code,
        "signups": stats.counts.signups,
        **{status.value: stats.firms(status) for status in ReferralStatus},
        "rewards": stats.counts.rewards,
        "next_reward_at": stats.next_reward_at,
    }


def referral_body(firm: ReferredFirm) -> Body:
    referral = firm.referral
    return {
        "id": str(referral.organization),
        "tenant": firm.slug,
        "status": referral.status.value,
        "created_at": referral.created_at.isoformat(),
        "activated_at": _moment(referral.activated_at),
    }


def referral_reward_body(reward: ReferralReward) -> Body:
    return {
        "step": reward.step,
        "old_plan": reward.old_plan,
        "new_plan": reward.new_plan,
        "granted_at": reward.granted_at.isoformat(),
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


def task_body(state: TaskState) -> Body:
    task, last = state.task, state.last_run
    return {
        "name": task.name,
        "does": task.does,
        "schedule": task.schedule.words,
        "next_due": state.next_due.isoformat(),
        "last_run": task_run_body(last) if last else None,
    }


def task_run_body(run: TaskRun) -> Body:
    return {
        "task": run.task,
        "started_at": run.started_at.isoformat(),
        "done_at": run.done_at.isoformat() if run.done_at else None,
        "outcome": dict(run.outcome) if run.outcome is not None else None,
        "problem": run.problem,
        "failed": [{"tenant": slug, "problem": why} for slug, why in run.failed.items()],
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


def index_body(store: VectorStore) -> Body:
    return {
        "embedding_model": store.space,
        "dimensions": store.dimensions,
        "chunk_size": store.chunk_size,
        "chunk_overlap": store.chunk_overlap,
        "chunks": store.chunks,
        "built_at": store.created_at.isoformat() if store.created_at else None,
    }


def job_body(job: Job, slug: str | None) -> Body:
    """`slug` is its tenant's, None where that was deleted just now."""
    progress = job.progress
    return {
        "id": str(job.id),
        "tenant": slug,
        "kind": job.kind,
        "subject": str(job.subject),
        "queue": job.queue,
        "status": job.status,
        "attempts": job.attempts,
        "due_at": _moment(job.due_at),
        "worker": job.worker,
        "stage": progress.stage if progress else None,
        "done": progress.done if progress else None,
        "total": progress.total if progress else None,
        "percent": progress.percent if progress else None,
        "error": _error(job.problem),
        "created_at": _moment(job.created_at),
        "started_at": _moment(job.started_at),
        "completed_at": _moment(job.completed_at),
    }


def _tokens(usage: Usage) -> Body:
    return {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}


def _error(problem: Problem | None) -> Body | None:
    return {"code": problem.code, "message": problem.message} if problem else None


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _rounded(timings_ms: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 2) for name, value in timings_ms.items()}


def _milliseconds(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
