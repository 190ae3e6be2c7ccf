"""The image that the project's images start from: the public Python where it can be had, else Debian's."""

import os
import shutil

from cluster import builder, node_image, paths, public_images
from cluster.builder import Image
from cluster.shell import say

PUBLIC = "python:3.11-slim-bookworm"
OWN = "localhost/modelcycle/base:bookworm"
PACKAGES = ["python3", "python3-venv", "python3-pip", "ca-certificates", "git"]


def ensure(engine: str) -> str:
    if public_images.can_be_had(engine, PUBLIC):
        return public_images.address(PUBLIC)
    dockerfile, context = paths.REPOSITORY / "cluster/base/Dockerfile", paths.cache() / "base-context"
    bundle = builder.ca_bundle()
    # The machine's certificates, so that what runs here later trusts what this machine trusts.
    trust = [f"--customize-hook=upload {bundle} /etc/ssl/certs/ca-certificates.crt"] if bundle else []
    inputs = paths.digest(dockerfile, *PACKAGES, *([bundle] if bundle else []))
    image = Image(OWN, dockerfile, context, inputs, minutes=0.3)
    if builder.is_built(engine, image):
        return OWN
    say(f"{PUBLIC} cannot be had: an image of Debian's own Python takes its place.")
    tar = node_image.rootfs("base", "minbase", PACKAGES, *trust, salt=inputs)
    shutil.rmtree(context, ignore_errors=True)
    context.mkdir()
    os.link(tar, context / "base.tar")
    builder.build(engine, image)
    shutil.rmtree(context)
    return OWN
