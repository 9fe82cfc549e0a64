"""The settings of a recipe in words, read from a bundle's complete train config."""

import json
from typing import Any

from mammoseg.bundles import look_up_setting

SETTINGS = {
    "preprocessing": "preprocessing",
    "loss": "loss",
    "optimizer": "optimizer",
    "schedule": "lr_scheduler",
    "epochs": "max_epochs",
    "batch": "batch_size",
    "augmentation": "train::random_transforms",
    "augmentation of batches": "train::batch_augmentation",
    "epochs with frozen encoder": "frozen_encoder_epochs",
    "early stop after validations": "early_stop_patience",
}
"""Rows of a card's table and the keys of train.json that they show."""

LEFT_OUT = {"_target_", "keys", "mode", "optimizer", "padding_mode", "params", "voi"}
"""Arguments that say nothing about a recipe; how DICOM files are read follows from the datalist."""


def list_recipe_settings(config: dict[str, Any]) -> dict[str, str]:
    """Rows of the table; a setting that is off is left out.

    Args:
        config: complete train config of `mammoseg.bundles.render`.
    """
    values = {row: look_up_setting(config, key) for row, key in SETTINGS.items()}
    return {row: format_setting(value, config) for row, value in values.items() if value}


def format_setting(value: Any, config: dict[str, Any]) -> str:
    """A value of a config: references resolved, objects as ``Name(argument=value)``, expressions left out."""
    if isinstance(value, str) and value.startswith("@"):
        return format_setting(look_up_setting(config, value[1:]), config)
    if isinstance(value, list) and any(isinstance(part, dict) for part in value):
        return f"[{', '.join(format_setting(part, config) for part in value)}]"
    if isinstance(value, dict):
        arguments = (f"{name}={format_setting(part, config)}" for name, part in value.items() if _is_said(name, part))
        return f"{value['_target_'].rsplit('.', 1)[-1]}({', '.join(arguments)})"
    return value if isinstance(value, str) else json.dumps(value)


def _is_said(name: str, value: Any) -> bool:
    return name not in LEFT_OUT and not (isinstance(value, str) and value.startswith("$"))
