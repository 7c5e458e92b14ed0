"""New keys for a cluster: `sampan kube rotate-keys`. A server takes them when it starts."""

import argparse
import sys
from pathlib import Path

from sampan.errors import NotFound, SampanError
from sampan.kube.access import encryption
from sampan.kube.pki.certificates import Pki
from sampan.paths import KubePaths

WHAT = ("secrets", "service-accounts")


def rotate(paths: KubePaths, what: str) -> str:
    """A sentence that says what happens now. Raises NotFound if there is no cluster."""
    if not paths.kubeconfig.exists():
        raise NotFound("there is no cluster yet", hint="sampan kube up makes one")
    if what == "secrets":
        name = encryption.add_key(paths.keys)
        return f"{name} seals what is written from the next start on, which seals all older objects again."
    Pki(paths.pki, ()).rotate_service_accounts()
    return "A new key signs tokens from the next start on; the older ones still verify."


def main() -> None:
    parser = argparse.ArgumentParser(prog="sampan kube rotate-keys", allow_abbrev=False)
    parser.add_argument("what", choices=WHAT)
    parser.add_argument("--data-root", required=True)
    options = parser.parse_args()
    try:
        print(rotate(KubePaths(Path(options.data_root)), options.what))
    except SampanError as error:
        print(f"sampan kube: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
