"""Who is at the machine."""

from sloth_agent.tenants.audit import Actor


def operator() -> Actor:
    """Such as `cli:anna`, for the audit log."""
    import getpass

    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # an account without a name, as in some containers
        name = "unknown"
    return Actor(name=f"cli:{name}")
