"""Which tags and untagged manifests the rules remove. Pure but for reading the rows.

    [[retention]]
    repository = "ci/**"
    keep-last = 10            # of the tags, the ten pushed last
    keep-pulled-within = "30d"
    keep-tags = ["v*", "latest"]
    untagged-after = "7d"     # manifests that nothing names any more

A tag stays when any of the three keeps it; a rule with none of them drops no tag. The first rule whose
pattern matches a repository is its rule; without one everything stays.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sampan.registry.patterns import matches, pattern
from sampan.registry.settings import duration, number, option, required, texts


@dataclass(frozen=True)
class RetentionRule:
    """`[[retention]]`; the module's comment has an example."""

    repository: str = required(pattern, "repositories it is for")
    keep_last: int | None = option(None, number, "tags to keep, those pushed last")
    keep_pulled_within: float | None = option(None, duration, "keep tags pulled or pushed within this time")
    keep_tags: tuple[str, ...] = option((), texts, "keep tags that match one of these patterns")
    untagged_after: float | None = option(None, duration, "drop manifests that nothing has named for so long")

    @property
    def drops_tags(self) -> bool:
        return self.keep_last is not None or self.keep_pulled_within is not None or bool(self.keep_tags)


@dataclass(frozen=True)
class Tag:
    """`pulled` is the newest pull of the tag or of its manifest by digest."""

    name: str
    updated: float
    pulled: float | None


def rule_for(rules: Sequence[RetentionRule], repository: str) -> RetentionRule | None:
    return next((rule for rule in rules if matches(rule.repository, repository)), None)


def expired(rule: RetentionRule, tags: Iterable[Tag], now: float) -> list[str]:
    """Names of the tags that nothing in the rule keeps."""
    if not rule.drops_tags:
        return []
    ordered = sorted(tags, key=lambda tag: (-tag.updated, tag.name))
    kept = {tag.name for tag in ordered[: rule.keep_last or 0]}
    if rule.keep_pulled_within is not None:
        since = now - rule.keep_pulled_within
        kept |= {tag.name for tag in ordered if max(tag.updated, tag.pulled or 0.0) >= since}
    kept |= {tag.name for tag in ordered if any(matches(wanted, tag.name) for wanted in rule.keep_tags)}
    return [tag.name for tag in ordered if tag.name not in kept]
