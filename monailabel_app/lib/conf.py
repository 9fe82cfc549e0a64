"""Values of ``--conf KEY VALUE``, and which keys there are: a misspelt one is refused, not a default in disguise."""

import math
import re
from collections.abc import Container, Mapping

from mammoseg.errors import WrongCallError, suggest_name
from mammoseg.inference.engines.engine import AUTO, check_engine
from mammoseg.mammogram import MODALITIES

KEYS = frozenset(
    {"state_dir", "tokens", "cors", "trusted_proxies", "max_upload_mib", "max_requests", "request_seconds", "insecure"}
    | {"oidc_issuer", "oidc_audience", "oidc_roles_claim", "oidc_role_prefix", "oidc_name_claim"}
    | {"modalities", "refresh_seconds", "dicomweb_user", "ca_bundle", "cache_gib", "large_masks"}
    | {"prompt_cache_mib", "audit_effort"}
    | {"models", "weights", "bundles", "preload", "device", "runtime", "precision", "flips", "min_area_mm2"}
    | {"strategy_model", "max_scored", "group", "strategy_samples", "strategy_seed"}
)


def check_keys(conf: Mapping[str, str]) -> None:
    """Raise on a key that nothing reads, and on one without a value, as a script gives for a variable that is not set.

    Raises:
        WrongCallError: there is one; the nearest is named.
    """
    if empty := [key for key in KEYS & conf.keys() if conf[key] == ""]:
        raise WrongCallError(f"--conf {min(empty)} is ''; give a value, or leave it out.")
    for key in conf.keys() - KEYS:
        raise WrongCallError(f"--conf {key} is unknown; {suggest_name(key, KEYS)}Known: {', '.join(sorted(KEYS))}.")


HIGHEST = 10**9
"""Of every number: more than anyone needs of anything, and whatever is computed from it stays finite."""


LOWEST = {
    "max_upload_mib": 1,
    "max_requests": 1,
    "request_seconds": 1,
    "prompt_cache_mib": 1,
    "max_scored": 1,
    "strategy_samples": 2,
    "strategy_seed": 0,
}
"""Keys whose values are whole numbers, and the lowest of each."""


def check_values(conf: Mapping[str, str]) -> None:
    """Raise on a value that is none of its kind, without the seconds that those who use it take to be imported.

    Raises:
        WrongCallError: there is one.
    """
    for key in LOWEST.keys() & conf.keys():
        read_whole_number(conf, key, LOWEST[key])
    for key in ("refresh_seconds", "cache_gib", "min_area_mm2"):
        read_number(conf, key, 0)
    for key in ("insecure", "preload", "group", "large_masks"):
        read_yes_or_no(conf, key, False)
    read_yes_no_or_recorded(conf, "flips")
    read_modalities(conf)
    check_engine(conf.get("runtime", AUTO), device=conf.get("device"), precision=conf.get("precision"))


def read_model_name(conf: Mapping[str, str], name: str, models: Container[str]) -> str | None:
    """A model of the app, None where the setting names none.

    Args:
        models: names of those that there are.

    Raises:
        WrongCallError: it is none of them.
    """
    model = conf.get(name) or None
    if model is not None and model not in models:
        raise WrongCallError(f"{name} is '{model}', which is no model of the app; name one of --conf models.")
    return model


def read_whole_number(conf: Mapping[str, str], name: str, otherwise: int) -> int:
    """A whole number.

    Raises:
        WrongCallError: it is none, below that of `LOWEST` or above `HIGHEST`.
    """
    lowest = LOWEST[name]
    text = str(conf.get(name, otherwise))
    if not re.fullmatch("[0-9]{1,10}", text) or not lowest <= int(text) <= HIGHEST:
        raise WrongCallError(f"{name} is '{text}'; it must be a whole number of {lowest} or more, at most {HIGHEST}.")
    return int(text)


def read_number(conf: Mapping[str, str], name: str, otherwise: float) -> float:
    """A number from 0 to `HIGHEST`.

    Raises:
        WrongCallError: it is none.
    """
    text = conf.get(name, otherwise)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= HIGHEST:  # nor is NaN
        raise WrongCallError(f"{name} is '{text}'; it must be a number from 0 to {HIGHEST}.")
    return value


def read_words(conf: Mapping[str, str], name: str, otherwise: str) -> tuple[str, ...]:
    """Words with commas between them.

    Raises:
        WrongCallError: one of them is empty.
    """
    text = str(conf.get(name, otherwise))
    found = tuple(word.strip() for word in text.split(","))
    if not all(found):
        raise WrongCallError(f"{name} is '{text}'; it must be words with commas between them, such as {otherwise}.")
    return found


def read_modalities(conf: Mapping[str, str]) -> tuple[str, ...]:
    """DICOM modalities to list and to let in.

    Raises:
        WrongCallError: one of them is empty.
    """
    return read_words(conf, "modalities", ",".join(MODALITIES))


def read_yes_or_no(conf: Mapping[str, str], name: str, otherwise: bool) -> bool:
    """``true`` or ``false``.

    Raises:
        WrongCallError: it is neither.
    """
    text = str(conf.get(name, otherwise)).lower()
    if text not in ("true", "false"):
        raise WrongCallError(f"{name} is '{text}'; it must be true or false.")
    return text == "true"


def read_yes_no_or_recorded(conf: Mapping[str, str], name: str) -> bool | None:
    """``true``, ``false``, or ``recorded``, which is None and the default: as the weights record it.

    Raises:
        WrongCallError: it is none of these.
    """
    text = str(conf.get(name, "recorded")).lower()
    if text not in ("true", "false", "recorded"):
        raise WrongCallError(f"{name} is '{text}'; it must be true, false or recorded.")
    return None if text == "recorded" else text == "true"
