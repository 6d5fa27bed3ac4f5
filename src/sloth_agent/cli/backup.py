"""`sloth backup`: the whole install as a file."""

from pathlib import Path
from typing import Annotated

import typer

from sloth_agent.cli.actor import operator
from sloth_agent.cli.input import confirm
from sloth_agent.cli.options import Json, Yes
from sloth_agent.cli.output import show_fields, show_list
from sloth_agent.cli.session import opened

app = typer.Typer(no_args_is_help=True, epilog="Example: sloth backup create")


@app.command("create", epilog="Example: sloth backup create --output platform.zip")
def create(
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Must not exist yet. [default: SLOTH_HOME/backups]",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write all tenants, users, plans and codes into one file; everybody goes on working."""
    from sloth_agent.app.bodies.tenants import backup_body

    with opened() as sloth:
        backup = sloth.run(lambda sloth: sloth.backups.create(output, by=operator()))
    show_fields(backup_body(backup), as_json=as_json)


@app.command("restore", epilog="Example: sloth backup restore platform.zip")
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Made by `sloth backup create`.")],
    tenant: Annotated[
        str | None, typer.Option("--tenant", metavar="SLUG", help="Only this tenant's data.")
    ] = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Bring the whole install, or one tenant, back to where a backup has it."""
    if tenant is None:
        _restore(file, yes=yes, as_json=as_json)
    else:
        _restore_tenant(file, tenant, yes=yes, as_json=as_json)


@app.command("list", epilog="Example: sloth backup list --json")
def list_backups(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[FOLDER]", help="[default: SLOTH_HOME/backups]")
    ] = None,
    as_json: Json = False,
) -> None:
    """List backups, oldest first; each is read to its end."""
    from sloth_agent.app.bodies.tenants import backup_body

    with opened() as sloth:
        items = [backup_body(backup) for backup in sloth.run(lambda s: s.backups.list(folder))]
    columns = ("file", "made_at", "size", "tenants", "missing_files", "whole", "problem")
    show_list(items, columns, as_json=as_json)


def _restore(file: Path, *, yes: bool, as_json: bool) -> None:
    from sloth_agent.app.bodies.tenants import restored_body

    with opened() as sloth:
        replace = not sloth.run(lambda sloth: sloth.restoring.is_empty())
        if replace and not yes:
            confirm(f"Erase all {len(sloth.tenants())} tenants and users, and restore {file}?")
        manifest = sloth.run(
            lambda sloth: sloth.restoring.restore(file, replace=replace, by=operator())
        )
    show_fields(restored_body(manifest, file), as_json=as_json)


def _restore_tenant(file: Path, slug: str, *, yes: bool, as_json: bool) -> None:
    from sloth_agent.app.bodies.tenants import tenant_body

    with opened() as sloth:
        if not yes and any(tenant.slug == slug for tenant in sloth.tenants()):
            confirm(f"Erase what {slug} has, and restore it from {file}?")
        restored = sloth.run(
            lambda sloth: sloth.restoring.restore_tenant(file, slug, by=operator())
        )
    show_fields(tenant_body(restored), as_json=as_json)
