"""Whether an image of Docker Hub can be had on this machine: it is there already, or can be pulled."""

import concurrent.futures
import json
import urllib.request

from cluster.shell import works

SECONDS = 5
_TOKEN = "https://auth.docker.io/token?service=registry.docker.io&scope=repository:{name}:pull"  # noqa: S105
_MANIFEST = "https://registry-1.docker.io/v2/{name}/manifests/{tag}"
_TYPES = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json"


def can_be_had(engine: str, image: str) -> bool:
    """Decides within five seconds. The image is named as docker does: python:3.11, kindest/node:v1.34.0."""
    if "/" not in image:
        image = f"library/{image}"
    if works([engine, "image", "inspect", f"docker.io/{image}"], seconds=SECONDS):
        return True
    # A timeout of urllib's counts every read anew; this one counts the whole.
    pool = concurrent.futures.ThreadPoolExecutor(max_workers=1)
    try:
        return pool.submit(_is_served, image).result(timeout=SECONDS)
    except (OSError, ValueError, TimeoutError):
        return False
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _is_served(image: str) -> bool:
    """Raises OSError where the registry does not answer, or answers with an error."""
    name, tag = image.rsplit(":", 1)
    with urllib.request.urlopen(_TOKEN.format(name=name), timeout=SECONDS) as answer:  # noqa: S310
        token = json.load(answer)["token"]
    headers = {"Authorization": f"Bearer {token}", "Accept": _TYPES}
    request = urllib.request.Request(_MANIFEST.format(name=name, tag=tag), headers=headers, method="HEAD")  # noqa: S310
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
        return bool(answer.status == 200)
