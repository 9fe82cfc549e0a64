"""Settings of the server out of `--conf key value`, and the rule for addresses that others can reach."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from mammoseg.errors import WrongCallError
from mammoseg.program import is_loopback
from monailabel_app.lib.callers import AddressRange, parse_networks
from monailabel_app.lib.conf import check_keys, check_values, read_whole_number
from monailabel_app.lib.effort import names_are_kept


@dataclass(frozen=True)
class Oidc:
    """An OpenID Connect issuer.

    Attributes:
        issuer: address as it stands in ``iss`` and before ``/.well-known/openid-configuration``.
        audience: what ``aud`` must hold.
        roles_claim: where the roles stand, with dots inside objects, such as ``realm_access.roles``.
        role_prefix: what stands before our role names there, such as ``mammoseg-``.
        name_claim: who it is, for the audit.
    """

    issuer: str
    audience: str
    roles_claim: str = "roles"
    role_prefix: str = ""
    name_claim: str = "preferred_username"


@dataclass(frozen=True)
class ServerSettings:
    """What the HTTP layer needs to know.

    Attributes:
        cors: origins of other sites whose pages may call; none by default.
        max_upload_bytes: most bytes of one request.
        trusted_proxies: proxies whose word for the caller's address is taken; none by default.
        max_requests: most requests in work at once for one person; one more gets HTTP 429.
        request_seconds: most time for one request, its upload included.
        effort_is_named: whether the audit says who took how long for a label; else totals by role are kept.
    """

    state_dir: Path
    tokens_file: Path
    oidc: Oidc | None = None
    host: str = "127.0.0.1"
    cors: tuple[str, ...] = ()
    trusted_proxies: tuple[AddressRange, ...] = ()
    max_upload_bytes: int = 128 << 20
    max_requests: int = 64
    request_seconds: float = 600.0
    effort_is_named: bool = False

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches the server."""
        return is_loopback(self.host)

    @classmethod
    def from_conf(cls, conf: Mapping[str, str], *, host: str = "127.0.0.1") -> "ServerSettings":
        """Read and check.

        Raises:
            WrongCallError: a key is unknown, or a value is none of its kind.
        """
        check_keys(conf)
        check_values(conf)
        state_dir = locate_state(conf)
        return cls(
            state_dir=state_dir,
            tokens_file=Path(conf.get("tokens") or state_dir / "tokens.json").expanduser(),
            oidc=_read_oidc(conf),
            host=host,
            cors=tuple(_parse_origin(text) for text in conf.get("cors", "").split(",") if text),
            trusted_proxies=parse_networks(conf.get("trusted_proxies", ""), "trusted_proxies"),
            max_upload_bytes=read_whole_number(conf, "max_upload_mib", 128) << 20,
            max_requests=read_whole_number(conf, "max_requests", 64),
            request_seconds=float(read_whole_number(conf, "request_seconds", 600)),
            effort_is_named=names_are_kept(conf.get("audit_effort", "role")),
        )


def locate_state(conf: Mapping[str, str]) -> Path:
    """Where scores, leases, labels on their way, model versions and the audit live: ``state_dir``, or XDG_DATA_HOME."""
    data_home = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return Path(conf.get("state_dir") or data_home / "mammoseg" / "label").expanduser().resolve()


def refuse_open_address(host: str, *, has_login: bool, insecure: bool) -> None:
    """Raise where others could reach a server that knows no login.

    Raises:
        WrongCallError: `host` is no loopback address, there is no login, and nobody said ``--insecure``.
    """
    if not (is_loopback(host) or has_login or insecure):
        raise WrongCallError(
            f"{host} can be reached by others and there is no login; make one (python -m monailabel_app token --name X "
            "--role annotator, or --conf oidc_issuer URL), or take --host 127.0.0.1; --insecure serves all to everyone."
        )


def find_announced_host(arguments: Sequence[str]) -> str | None:
    """Address in the command line of `monailabel start_server` or `uvicorn`, with their defaults; None of others."""
    program = Path(arguments[0]).name if arguments else ""
    by_monailabel = "start_server" in arguments
    if not by_monailabel and program != "uvicorn":
        return None
    for index, argument in enumerate(arguments):
        name, _, value = argument.partition("=")
        if name in ("--host", "-i"):
            return value or "".join(arguments[index + 1 : index + 2])
    return "0.0.0.0" if by_monailabel else "127.0.0.1"


def _read_oidc(conf: Mapping[str, str]) -> Oidc | None:
    issuer, audience = conf.get("oidc_issuer", ""), conf.get("oidc_audience", "")
    if not issuer and not audience:
        return None
    if not (issuer and audience):
        raise WrongCallError("oidc_issuer and oidc_audience go together; without an audience any token would do.")
    check_key_address(issuer, "oidc_issuer")
    names = ("roles_claim", "role_prefix", "name_claim")
    return Oidc(issuer, audience, **{name: conf[f"oidc_{name}"] for name in names if f"oidc_{name}" in conf})


def check_key_address(url: str, name: str) -> None:
    """Raise where keys would come over a line that others can change.

    Raises:
        WrongCallError: `url` is neither https nor on this machine.
    """
    parts = urlsplit(url)
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))):
        raise WrongCallError(f"{name} is no https:// address; keys that sign logins must not come over plain http.")


def _parse_origin(text: str) -> str:
    parts = urlsplit(text.strip())
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/") or parts.query:
        raise WrongCallError(f"cors '{text}' is no origin; such as https://viewer.example (several with commas).")
    return f"{parts.scheme}://{parts.netloc}"
