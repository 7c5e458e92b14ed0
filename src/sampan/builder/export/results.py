"""What an export hands to the client: --iidfile, --metadata-file."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Exported:
    """`image_id`: "" when no image was made; `exporter` as BuildResult.exporter."""

    image_id: str = ""
    exporter: dict[str, str] = field(default_factory=dict)
