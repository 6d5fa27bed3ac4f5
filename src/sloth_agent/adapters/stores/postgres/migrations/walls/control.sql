-- Run again whenever something was migrated: each statement may run twice.
grant usage on schema public to {platform};
grant select, insert, update, delete on public.organizations to {platform};
grant select, insert on public.audit_log to {platform};
grant select, insert, update, delete on public.users, public.invitations, public.password_resets to {platform};
grant select, insert, update, delete on public.plans, public.subscriptions to {platform};
grant select, insert, update on public.subscription_history to {platform};
grant select, insert, update, delete on public.activation_codes, public.activation_code_tries to {platform};
grant select, insert, update on public.task_runs to {platform};
grant select, insert, update on public.referrals, public.referral_rewards to {platform};
grant select, insert, delete on public.vacant_spaces to {platform};
grant select, insert, update, delete on public.sessions, public.refresh_tokens, public.api_keys, public.replies to {platform};
grant select, insert, update, delete on public.payers, public.payment_events, public.charges to {platform};
grant select, insert, update, delete on public.payment_reminders to {platform};
grant select, insert, update, delete on public.integration_addresses to {platform};
