"""What is said of files that cannot be read to their end."""

from sloth_agent.errors import FileDamaged


def damaged() -> FileDamaged:
    return FileDamaged(
        "The file is damaged or incomplete.", hint="Copy or download it again, then add it again."
    )
