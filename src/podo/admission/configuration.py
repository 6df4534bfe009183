"""The configuration of admission plug-ins: an AdmissionConfiguration (apiserver.config.k8s.io), read and checked. Of
upstream's plug-ins that take one, this is where ImagePolicyWebhook's is read; PodSecurity's has a file of its own.

Source: "Admission Controllers" of the Kubernetes documentation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from podo.api.configuration import GROUP, ConfigurationProblem, decoded

if TYPE_CHECKING:
    from podo.client.kubeconfig import Access

KIND, VERSIONS = "AdmissionConfiguration", (f"{GROUP}/v1", f"{GROUP}/v1beta1", f"{GROUP}/v1alpha1")
IMAGE_POLICY = "ImagePolicyWebhook"


@dataclass(frozen=True, slots=True)
class ImagePolicySettings:
    """Seconds. A time of 0: answers are not kept."""

    access: Access = field(repr=False)
    allow_ttl: float
    deny_ttl: float
    retry_backoff: float
    default_allow: bool


@dataclass(frozen=True, slots=True)
class AdmissionSettings:
    """``image_policy`` None: images are not asked about."""

    image_policy: ImagePolicySettings | None = None


class _ImagePolicy(msgspec.Struct, forbid_unknown_fields=True):
    kubeConfigFile: str = ""
    allowTTL: int = 0
    denyTTL: int = 0
    retryBackoff: int = 0
    defaultAllow: bool = False


class _ImagePolicyConfiguration(msgspec.Struct, forbid_unknown_fields=True):
    imagePolicy: _ImagePolicy


class _Plugin(msgspec.Struct, forbid_unknown_fields=True):
    name: str = ""
    path: str = ""
    configuration: Any = None


class _Configuration(msgspec.Struct, forbid_unknown_fields=True):
    apiVersion: str = ""
    kind: str = ""
    plugins: tuple[_Plugin, ...] = ()


def parse(document: bytes, where: str) -> AdmissionSettings:
    """Reads the files that it names, too. Raises ConfigurationProblem."""
    found = AdmissionSettings()
    for number, plugin in enumerate(decoded(document, where, _Configuration, KIND, VERSIONS).plugins):
        path = f"{where}: plugins[{number}]"
        if plugin.name == "PodSecurity":
            raise ConfigurationProblem(f"{path}: PodSecurity is configured by --pod-security")
        if plugin.name != IMAGE_POLICY:
            raise ConfigurationProblem(f"{path}.name: {plugin.name!r} takes no configuration: {IMAGE_POLICY} does")
        found = AdmissionSettings(_image_policy(_given(plugin, path), path))
    return found


def _given(plugin: _Plugin, path: str) -> Any:
    if not plugin.path:
        return plugin.configuration
    import yaml

    try:
        return yaml.safe_load(Path(plugin.path).read_bytes())
    except OSError as failure:
        raise ConfigurationProblem(f"{path}.path: {plugin.path}: {failure.strerror}") from None
    except yaml.YAMLError:
        raise ConfigurationProblem(f"{path}.path: {plugin.path} is not YAML") from None


def _image_policy(configuration: Any, path: str) -> ImagePolicySettings:
    from podo.client import kubeconfig

    try:
        found = msgspec.convert(configuration, _ImagePolicyConfiguration).imagePolicy
    except msgspec.ValidationError as problem:
        raise ConfigurationProblem(f"{path}.configuration: {problem}") from None
    allow = _within(found.allowTTL, 300, 1, 1800, f"{path}: allowTTL", "seconds")
    deny = _within(found.denyTTL, 30, 1, 1800, f"{path}: denyTTL", "seconds")
    backoff = _within(found.retryBackoff, 500, 1, 300_000, f"{path}: retryBackoff", "milliseconds")
    try:
        access = kubeconfig.read(Path(found.kubeConfigFile))
    except (OSError, ValueError) as problem:
        raise ConfigurationProblem(f"{path}: kubeConfigFile {found.kubeConfigFile!r}: {problem}") from None
    return ImagePolicySettings(access, max(allow, 0), max(deny, 0), max(backoff, 0) / 1000, found.defaultAllow)


def _within(value: int, default: int, least: int, most: int, where: str, unit: str) -> int:
    """0 is the default, -1 turns it off."""
    if value == 0:
        return default
    if value != -1 and not least <= value <= most:
        raise ConfigurationProblem(f"{where}: valid value is between {least} and {most} {unit}, got {value}")
    return value
