"""Where the server will listen: what cannot work is said in one sentence, before anything is loaded."""

import socket
import ssl

from mammoseg.errors import WrongCallError


def check_port(host: str, port: int) -> None:
    """Raise where a server cannot listen.

    Raises:
        WrongCallError: the port is taken, not ours to use or none, or the host is not of this machine.
    """
    try:
        (family, *_, address), *_ = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        with socket.socket(family) as probe:  # create_server leaves it open where the port is none
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address[0], port))
    except (OSError, OverflowError) as error:
        reason = str(getattr(error, "strerror", None) or error).partition(" (")[0]  # Python adds the address to it
        raise WrongCallError(
            f"cannot listen on {host} port {port} ({reason}); name another --port or --host."
        ) from error


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
            raise _unusable(error.reason or "no certificate, or no key, in PEM") from error
        except (OSError, ValueError) as error:
            raise _unusable(getattr(error, "strerror", None) or error) from error


def _unusable(reason: object) -> WrongCallError:
    return WrongCallError(
        f"--ssl_certfile and --ssl_keyfile cannot be used ({reason}); name a certificate and its own key in PEM, and "
        "--ssl_keyfile_password where the key has one."
    )
