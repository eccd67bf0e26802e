"""A real nginx before two consoles, with the configuration that we show to operators."""

import shutil
import subprocess
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.running import free_port, until

SHOWN = Path(__file__).parent.parent / "deploy" / "nginx.conf"
# What an operator changes there.
ADDRESSES = ("10.0.0.11:1280", "10.0.0.12:1280")
FILES = (
    "/etc/tandem/certificate.pem",
    "/etc/tandem/certificate-key.pem",
    "/etc/tandem/console-certificate.pem",
)


def configuration(folder: Path, ports: Sequence[int], keys: Path, port: int) -> str:
    """Give the configuration as somebody has it on whose machine everything is."""
    certificate, key = str(keys / "certificate.pem"), str(keys / "certificate-key.pem")
    changes = dict(zip(ADDRESSES, (f"127.0.0.1:{each}" for each in ports), strict=True))
    changes |= dict(zip(FILES, (certificate, key, certificate), strict=True))
    changes |= {
        "listen 1280": f"listen 127.0.0.1:{port}",
        "worker_processes auto": "worker_processes 1",
        # Where the package keeps these only root may write.
        "http {": "http {\n    access_log off;\n"
        + "".join(f"    {kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi"))
        + f"    scgi_temp_path {folder}/scgi;\n",
    }
    text = SHOWN.read_text()
    for shown, ours in changes.items():
        assert text.count(shown) == 1, shown
        text = text.replace(shown, ours)
    return text


@contextmanager
def running_balancer(folder: Path, ports: Sequence[int], keys: Path) -> Generator[str]:
    """Start nginx before consoles at these ports, whose key folder is given; gives its URL."""
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    assert nginx, "run scripts/set-up.sh test"
    folder.mkdir()
    port = free_port()
    file = folder / "nginx.conf"
    file.write_text(configuration(folder, ports, keys, port))
    own = f"daemon off; pid {folder}/pid; error_log {folder}/log info;"
    with subprocess.Popen([nginx, "-e", folder / "log", "-c", file, "-p", folder, "-g", own]) as process:
        try:
            until(lambda: (folder / "pid").exists() or process.poll() is not None)
            assert process.poll() is None, (folder / "log").read_text()
            yield f"https://localhost:{port}"
        finally:
            process.terminate()
