"""The connection to a DICOMweb archive: credentials, limits, retries, and errors in words.

`ArchiveSession` does for every request what a stranger's archive calls for, so that dicomweb-client and the code beside
this file need not: no endless answer, no redirect, no second try without end.
"""

import os
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit, urlunsplit

import requests
import urllib3
from dicomweb_client.web import DICOMwebClient
from requests.auth import AuthBase, HTTPBasicAuth
from requests.utils import get_netrc_auth

from mammoseg.archives.dicomweb import deadline
from mammoseg.dicom.gate import is_uid
from mammoseg.errors import MammosegError, WrongCallError
from mammoseg.program import is_loopback

PASSWORD_VARIABLE = "MAMMOSEG_DICOMWEB_PASSWORD"
TOKEN_VARIABLE = "MAMMOSEG_DICOMWEB_TOKEN"

TIMEOUT_SECONDS = (10.0, 60.0)
"""To connect, and between two pieces of an answer."""

WAITS_SECONDS = (1.0, 2.0, 4.0)
"""Before the second, third and fourth attempt; a fifth is not made."""

PASSING_STATUSES = (408, 429, 500, 502, 503, 504)
"""Answers after which the same request may succeed; 500 is what Orthanc says while its disk is full."""

MOST_ANSWER_BYTES = 2**26
"""Longest answer that is not an instance: some hundred thousand search results."""

BLOCK_BYTES = 2**18

Result = TypeVar("Result")


class ArchiveError(MammosegError):
    """The archive does not answer, or not as DICOMweb asks, PS3.18."""


class PassingError(Exception):
    """What an attempt failed by and the next may not; its text ends the sentence 'the archive ...'."""


@dataclass(frozen=True)
class Instance:
    """Address of one instance: the three UIDs, each checked by its grammar before it gets here."""

    study: str
    series: str
    sop: str

    def __post_init__(self) -> None:
        if not all(is_uid(uid) for uid in (self.study, self.series, self.sop)):
            raise ValueError("a UID is empty, too long or none (PS3.5 9.1).")


class ArchiveSession(requests.Session):
    """requests' session with bounded answers and bounded retries.

    Args:
        name: name of the archive, for messages.
        timeout: seconds to connect and between two pieces of an answer.
        waits: seconds before each further attempt.
    """

    def __init__(self, name: str, *, timeout: tuple[float, float], waits: Sequence[float]) -> None:
        super().__init__()
        self.name = name
        self.timeout = timeout
        self.waits = tuple(waits)
        for scheme in ("http://", "https://"):
            self.mount(scheme, deadline.DeadlineAdapter())
        self.headers["Accept-Encoding"] = "identity"  # a limit on what arrives is then one on what it becomes

    def request(self, method: str, url: str, **options: Any) -> requests.Response:  # type: ignore[override]  # fewer arguments
        """Send, read the answer to its end, and try again where that may help.

        Raises:
            ArchiveError: no answer, one that is too long or empty, a redirect, after the last attempt one of
                `PASSING_STATUSES`.
            WrongCallError: HTTP 401 or 403.
        """
        return self.attempt(lambda: self._read_whole(method, url, options))

    def attempt(self, once: Callable[[], Result]) -> Result:
        """Call `once` until it succeeds, at most once more than there are `waits`.

        Args:
            once: makes one attempt; it raises what `requests` raises, or `PassingError`.

        Raises:
            ArchiveError: no attempt succeeded, or the certificate cannot be verified.
        """
        for wait in (*self.waits, None):
            try:
                return once()
            except requests.exceptions.SSLError:
                raise ArchiveError(
                    f"the certificate of {self.name} cannot be verified; name its authority with --ca_bundle."
                ) from None
            except (requests.RequestException, urllib3.exceptions.HTTPError, PassingError) as error:
                if wait is None:
                    tries = f"{len(self.waits) + 1} attempts"
                    # The error's own text quotes the address with the patient searched for.
                    raise ArchiveError(f"the archive {self.name} {_say_what_happened(error)}, in {tries}.") from None
                time.sleep(wait)
        raise AssertionError("unreachable")

    def open(self, method: str, url: str, options: dict[str, Any]) -> requests.Response:
        """Send once, and return the answer with its body unread: a success, or a refusal for good.

        Raises:
            PassingError: the archive is busy, fails or sends too slowly; another attempt may succeed.
            WrongCallError: it refuses the user or the password.
            ArchiveError: it redirects to another address.
        """
        headers = {name: value for name, value in (options.get("headers") or {}).items() if name != "Host"}
        end = time.monotonic() + deadline.MOST_SECONDS
        try:
            response = super().request(
                method,
                url,
                **{**options, "headers": headers},  # dicomweb-client's Host lacks the port
                timeout=self.timeout,
                verify=self.verify,
                stream=True,
                allow_redirects=False,
            )
        except requests.RequestException:
            _check_in_time(end)
            raise
        _check_in_time(end)  # headers that are cut short look like whole ones
        status = response.status_code
        if status < 300 or (status >= 400 and status not in (401, 403, *PASSING_STATUSES)):
            return response
        response.close()
        if status in PASSING_STATUSES:
            raise PassingError(f"answers HTTP {status}")
        if status in (401, 403):
            raise WrongCallError(
                f"{self.name} refuses the user or the password (HTTP {status}); set {PASSWORD_VARIABLE} or "
                f"{TOKEN_VARIABLE}, or write ~/.netrc."
            )
        raise ArchiveError(f"{self.name} redirects to another address (HTTP {status}); name that address.")

    @staticmethod
    def read_blocks(response: requests.Response) -> Iterator[bytes]:
        """The body of what `open` returned, in pieces as they arrive, `MOST_SECONDS` after it was asked for at most.

        Raises:
            PassingError: it takes longer than that.
        """
        seconds = deadline.MOST_SECONDS - response.elapsed.total_seconds()
        end = time.monotonic() + seconds
        with deadline.hung_up_after(seconds, response.raw.connection):
            try:
                while block := response.raw.read1(BLOCK_BYTES, decode_content=True):
                    _check_in_time(end)
                    yield block
            except urllib3.exceptions.HTTPError:
                _check_in_time(end)
                raise
            _check_in_time(end)

    def _read_whole(self, method: str, url: str, options: dict[str, Any]) -> requests.Response:
        kept = {name: value for name, value in options.items() if name in ("headers", "data", "params")}
        with self.open(method, url, kept) as response:
            body = bytearray()
            for block in self.read_blocks(response):
                body += block
                if len(body) > MOST_ANSWER_BYTES:
                    raise ArchiveError(f"the answer of {self.name} is longer than {MOST_ANSWER_BYTES >> 20} MiB.")
            if response.status_code == 200 and not body:
                raise PassingError("answers HTTP 200 with nothing in it")
            response._content = bytes(body)  # private, of requests: where it keeps what it read
        return response


@dataclass(frozen=True)
class Archive:
    """A DICOMweb archive.

    Attributes:
        url: root of its services, without user and without trailing slash.
        session: makes the requests that dicomweb-client does not make.
        client: dicomweb-client over the same session.
    """

    url: str
    session: ArchiveSession
    client: DICOMwebClient

    @property
    def name(self) -> str:
        """Host and port."""
        return self.session.name

    def build_instance_url(self, instance: Instance) -> str:
        """Address of one instance, PS3.18 table 10.4.1-1; a Retrieve URL that the archive gives is never followed."""
        return f"{self.url}/studies/{instance.study}/series/{instance.series}/instances/{instance.sop}"


def connect(
    url: str,
    *,
    user: str | None = None,
    ca_bundle: str | Path | None = None,
    timeout: tuple[float, float] = TIMEOUT_SECONDS,
    waits: Sequence[float] = WAITS_SECONDS,
) -> Archive:
    """Describe the archive at `url`; nothing is sent yet.

    The secret comes from the environment or ~/.netrc, never from an argument: others see a command line.

    Args:
        url: ``http(s)://[user@]host[:port]/path``, such as ``https://pacs.example/dicom-web``.
        user: name at the archive; replaces that of `url`.
        ca_bundle: file with the certificates of the authority that signed the archive's own.

    Raises:
        WrongCallError: no such address, a password in it, a user without password, a bundle that is no file.
    """
    try:
        parts = urlsplit(str(url))
    except ValueError:
        raise WrongCallError("the address has no valid host; write it like https://host/dicom-web.") from None
    if parts.password is not None:
        raise WrongCallError(f"a password does not belong in an address; set {PASSWORD_VARIABLE} or write ~/.netrc.")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise WrongCallError("the archive's address is no http:// or https:// one; such as https://host/dicom-web.")
    host = parts.netloc.rpartition("@")[2]
    root = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
    if ca_bundle is not None:
        _check_certificates(Path(ca_bundle))
    session = ArchiveSession(host, timeout=timeout, waits=waits)
    session.trust_env = parts.scheme == "https" or not is_loopback(parts.hostname or "")  # proxies, certificates
    session.verify = True if ca_bundle is None else str(ca_bundle)
    session.auth = _find_credentials(root, user or (unquote(parts.username) if parts.username else None))
    client = DICOMwebClient(root, session=session)
    client.set_http_retry_params(retry=False)  # the session does it
    return Archive(root, session, client)


def _check_certificates(path: Path) -> None:
    """Refuse what every connection would fail for, again and again."""
    if not path.is_file():
        raise WrongCallError(f"--ca_bundle {path} is no file; name one with certificates (PEM).")
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:  # of the disk, or an SSLError
        raise WrongCallError(f"--ca_bundle {path} holds no certificates; name a file that does (PEM).") from error


class _BearerToken(AuthBase):
    """Authorization header of RFC 6750."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _find_credentials(root: str, user: str | None) -> AuthBase | None:
    if user is None:
        if token := os.environ.get(TOKEN_VARIABLE):
            return _BearerToken(token)
        known = get_netrc_auth(root)
        return HTTPBasicAuth(*known) if known else None
    known = get_netrc_auth(root)
    password = os.environ.get(PASSWORD_VARIABLE) or (known[1] if known and known[0] == user else None)
    if password is None:
        raise WrongCallError(f"there is no password for the user; set {PASSWORD_VARIABLE} or write ~/.netrc.")
    return HTTPBasicAuth(user.encode(), password.encode())


def _check_in_time(end: float) -> None:
    if time.monotonic() > end:
        raise PassingError("sends too slowly") from None


def _say_what_happened(error: Exception) -> str:
    if isinstance(error, PassingError):
        return str(error)
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return "does not answer in time"
    if isinstance(error, urllib3.exceptions.HTTPError):  # while reading; requests has its own errors before
        return "breaks off its answer"
    return "cannot be reached or drops the connection"
