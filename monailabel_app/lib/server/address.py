"""Where the server will listen: what cannot work is said in one sentence, before anything is loaded."""

import socket
import ssl
from contextlib import ExitStack

from mammoseg.errors import WrongCallError, say_reason


def bind(host: str, port: int) -> list[socket.socket]:
    """Sockets of all addresses of the host, ours from now on; who connects is refused until they listen.

    Raises:
        WrongCallError: the port is taken, not ours to use or none, or the host is not of this machine.
    """
    with ExitStack() as opened:
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            bound = [opened.enter_context(socket.socket(family, kind)) for family, kind, *_ in found]
            for one, (family, _, _, _, address) in zip(bound, found, strict=True):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # else it is busy after its end
                if family == socket.AF_INET6:
                    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                one.bind((address[0], port, *address[2:]))
        except (OSError, OverflowError) as error:
            reason = say_reason(error)
            raise WrongCallError(
                f"cannot listen on {host} port {port} ({reason}); name another --port or --host."
            ) from error
        opened.pop_all()
    return bound


def build_url(scheme: str, host: str, port: int) -> str:
    """Address by which a browser on this machine, or one that reaches `host`, finds the server."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"{scheme}://{f'[{here}]' if ':' in here else here}:{port}"


def check_certificate(certificate: str | None, key: str | None, password: str | None) -> None:
    """Raise where TLS is asked for and cannot start.

    Args:
        certificate: PEM file, which may hold the key too.

    Raises:
        WrongCallError: a file is missing or none of its kind, the key is of another certificate, or the password wrong.
    """
    if key and not certificate:
        raise WrongCallError("--ssl_keyfile is there without --ssl_certfile; name both, nothing is encrypted by a key.")
    if certificate:
        try:  # without a password OpenSSL would ask for one
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, lambda: password or "")
        except ssl.SSLError as error:
            raise _make_certificate_error(error.reason or "no certificate, or no key, in PEM") from error
        except (OSError, ValueError) as error:
            raise _make_certificate_error(say_reason(error)) from error


def _make_certificate_error(reason: object) -> WrongCallError:
    return WrongCallError(
        f"--ssl_certfile and --ssl_keyfile cannot be used ({reason}); name a certificate and its own key in PEM, and "
        "--ssl_keyfile_password where the key has one."
    )
