"""How a CustomResourceDefinition says that its versions are converted."""

from typing import Any

from sampan.kube.kinds.webhookclients import service_errors, url_errors
from sampan.specs.kubernetes.fielderror import FieldError, forbidden, invalid, not_supported, required
from sampan.specs.kubernetes.names import dns1035_label

Object = dict[str, Any]


def conversion_errors(conversion: Object | None) -> list[FieldError]:
    """Strategy and webhook."""
    if conversion is None:
        return []
    strategy = conversion.get("strategy", "")
    path, errors = "spec.conversion", []
    if not strategy:
        errors.append(required(f"{path}.strategy"))
    elif strategy not in ("None", "Webhook"):
        errors.append(not_supported(f"{path}.strategy", strategy, ["None", "Webhook"]))
    webhook = conversion.get("webhook") or {}
    config, versions = webhook.get("clientConfig"), webhook.get("conversionReviewVersions") or []
    if strategy == "Webhook":
        return errors + _client(config, f"{path}.webhookClientConfig") + _review_versions(versions)
    what = "should not be set when strategy is not set to Webhook"
    if config is not None:
        errors.append(forbidden(f"{path}.webhookClientConfig", what))
    if versions:
        errors.append(forbidden(f"{path}.conversionReviewVersions", what))
    return errors


def _client(config: Object | None, path: str) -> list[FieldError]:
    if config is None:
        return [required(path, "required when strategy is set to Webhook")]
    url_given, service = config.get("url"), config.get("service")
    if (url_given is None) == (service is None):
        return [required(path, "exactly one of url or service is required")]
    if url_given is not None:
        return url_errors(url_given, f"{path}.url")
    return service_errors(service or {}, f"{path}.service")


def _review_versions(versions: list[str]) -> list[FieldError]:
    path = "spec.conversion.conversionReviewVersions"
    if not versions:
        return [required(path)]
    errors = []
    for at, version in enumerate(versions):
        if version in versions[:at]:
            errors.append(invalid(f"{path}[{at}]", version, "duplicate version"))
        else:
            errors += [invalid(f"{path}[{at}]", version, message) for message in dns1035_label(version)]
    if not {"v1", "v1beta1"} & set(versions):
        errors.append(invalid(path, versions, "must include at least one of v1, v1beta1"))
    return errors
