"""Start the server: `python -m monailabel_app --studies FOLDER_OR_DICOMWEB`; make a token: `... token --name X`."""

import argparse
import logging
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mammoseg.command_line import Parser, run_to_end
from mammoseg.counts import format_count
from mammoseg.errors import WrongCallError
from mammoseg.files import made_output
from mammoseg.program import is_loopback
from mammoseg.quick_import import quick_imports
from monailabel_app.lib.conf import read_model_name
from monailabel_app.lib.login.tokens import TokenFile, make_token, revoke_tokens
from monailabel_app.lib.models.discover import discover
from monailabel_app.lib.server import logs
from monailabel_app.lib.server.address import bind, build_url, check_certificate
from monailabel_app.lib.settings import ServerSettings, refuse_open_address

APP_DIR = Path(__file__).resolve().parent

HOW_TO_SERVE: dict[str, Any] = {
    "loop": "asyncio",  # another accepts past the listeners
    "http": "h11",
    "ws": "none",
    "proxy_headers": False,  # `Callers` reads them
    "log_config": None,
    "access_log": False,  # its lines hold ids and what was searched for; ours do not
    "server_header": False,
    "timeout_graceful_shutdown": 5,
}
"""Settings of uvicorn."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    return run_to_end(lambda: _run(given), name="monailabel_app")


def _run(given: Sequence[str]) -> None:
    if given[:1] == ["token"]:
        _change_tokens(_build_token_parser().parse_args(given[1:]))
    else:
        _serve(_build_server_parser().parse_args(given))


def _serve(options: argparse.Namespace) -> None:
    if find_spec("monailabel") is None:
        raise WrongCallError("the server needs MONAI Label; run: pip install 'mammoseg[label]', docs/deployment.md.")
    conf = dict(options.conf or [])
    settings = ServerSettings.from_conf(conf, host=options.host)
    has_login = settings.oidc is not None or bool(TokenFile(settings.tokens_file))
    refuse_open_address(options.host, has_login=has_login, insecure=options.insecure)
    models = discover(conf)  # what this and the next lines refuse is said before the imports below, which take seconds
    read_model_name(conf, "strategy_model", models)
    check_certificate(options.ssl_certfile, options.ssl_keyfile, options.ssl_keyfile_password)
    sockets = bind(options.host, options.port)
    logs.set_up(options.verbose)
    if not is_loopback(options.host) and not options.ssl_certfile:
        logging.getLogger(__name__).warning("No --ssl_certfile: others on the network can read tokens and images.")

    from monailabel_app.lib import shim

    shim.prepare()
    import uvicorn

    with quick_imports():
        from monailabel_app.main import MammosegApp
    from mammoseg.viewer.label_server import say_page
    from monailabel_app.lib.server.connections import Listener, allow_open_files
    from monailabel_app.lib.server.routes.annotate import BUILT
    from monailabel_app.lib.server.server import build

    with made_output(settings.state_dir, mode=0o700):
        label_app = MammosegApp(str(APP_DIR), options.studies, conf)
        server = build(label_app, settings)
    allow_open_files()
    listeners: list[socket.socket] = [Listener(bound, server.state.connections) for bound in sockets]
    url = build_url("https" if options.ssl_certfile else "http", options.host, listeners[0].getsockname()[1])
    logging.getLogger(__name__).info("Serving on %s", url)
    if all(versions.read_current() is None for versions in label_app.versions.values()):
        logging.getLogger(__name__).warning("No model has weights yet; train one, or name weights with --conf weights.")
    print(say_page(url, is_built=BUILT.is_dir()), flush=True)
    with suppress(KeyboardInterrupt):
        config = uvicorn.Config(
            server,
            ssl_keyfile=options.ssl_keyfile,
            ssl_certfile=options.ssl_certfile,
            ssl_keyfile_password=options.ssl_keyfile_password,
            **HOW_TO_SERVE,
        )
        uvicorn.Server(config).run(sockets=listeners)


def _change_tokens(options: argparse.Namespace) -> None:
    path = ServerSettings.from_conf(dict(options.conf or [])).tokens_file
    if options.revoke:
        print(f"{format_count(revoke_tokens(path, name=options.name), 'token')} of {options.name} revoked.")
    else:
        print(make_token(path, name=options.name, role=options.role))


def _build_server_parser() -> argparse.ArgumentParser:
    parser = Parser("python -m monailabel_app", description=__doc__)
    parser.add_argument("-a", "--app", help="for the sake of monailabel's command line; this app, whatever it says")
    parser.add_argument("-s", "--studies", required=True, help="folder of images, or http(s)://.../dicom-web")
    parser.add_argument("-v", "--verbose", default="INFO", choices=["DEBUG", "INFO", "WARNING", "ERROR"])
    _add_conf(parser)
    parser.add_argument("-i", "--host", default="127.0.0.1", help="another than this machine's needs a login")
    parser.add_argument("-p", "--port", default=8000, type=int)
    parser.add_argument("--insecure", action="store_true", help="serve everything to everyone who reaches the address")
    parser.add_argument("--ssl_keyfile")
    parser.add_argument("--ssl_certfile")
    parser.add_argument("--ssl_keyfile_password")
    return parser


def _build_token_parser() -> argparse.ArgumentParser:
    parser = Parser("python -m monailabel_app token", description="Make a token and print it once.")
    parser.add_argument("--name", required=True, help="of the person, for the audit")
    parser.add_argument("--role", default="viewer", help="viewer, annotator, trainer, admin; several with commas")
    parser.add_argument("--revoke", action="store_true", help="remove all tokens of this name instead")
    _add_conf(parser)
    return parser


def _add_conf(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-c", "--conf", nargs=2, action="append", metavar=("KEY", "VALUE"), help="docs/label.md")


if __name__ == "__main__":
    sys.exit(main())
