"""Where and through what Connect runs content, by its configuration alone."""

from __future__ import annotations

from typing import Final

from auditor.model.snapshot import Config
from auditor.questions.gcfg import is_on, setting

_SECTION: Final = {"direct": "Kubernetes", "launcher": "Launcher"}
_NAMESPACE: Final = {"direct": "Namespace", "launcher": "KubernetesNamespace"}


def mode(config: Config) -> str:
    """One of "direct", "launcher" and "local"."""
    return next((mode for mode, section in _SECTION.items() if is_on(config, section, "Enabled")), "local")


def namespace(config: Config, own: str) -> str:
    """`own`: the release's."""
    running = mode(config)
    return (_set(config, running, _NAMESPACE[running]) if running in _SECTION else "") or own


def data_claim(config: Config) -> str:
    """The name of the claim with Connect's data in content's namespace; "" where content mounts none."""
    return _data_dir(config, "Name")


def data_directory(config: Config) -> str:
    """What content takes for the place of Connect's data on that claim's volume."""
    return _data_dir(config, "SubPath")


def _data_dir(config: Config, what: str) -> str:
    running = mode(config)
    return _set(config, running, f"DataDirPVC{what}") if running in _SECTION else ""


def _set(config: Config, running: str, key: str) -> str:
    return (setting(config, _SECTION[running], key) or "").strip().strip('"')
