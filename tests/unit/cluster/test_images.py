"""What an image is made of, how pip finds its packages, and how an image reaches a registry."""

from pathlib import Path

import pytest

from cluster import images, paths
from cluster.builder import pip_configuration
from cluster.load import how_to_push
from cluster.shell import Problem


@pytest.mark.parametrize(
    ("dockerfile", "sources"),
    [
        ("FROM scratch\nRUN true\n", []),
        ("COPY pyproject.toml ./\nADD a.tar /\n", ["pyproject.toml", "a.tar"]),
        ("COPY --chown=10001:10001 serve-image/service /opt/service\n", ["serve-image/service"]),
        ("COPY one two \\\n  three /opt/\n", ["one", "two", "three"]),
        ("COPY --from=build /opt/venv /opt/venv\n", []),
        ("# COPY is explained here\n", []),
    ],
)
def test_an_image_is_made_of_what_its_dockerfile_copies(dockerfile: str, sources: list[str]):
    assert images.copied(dockerfile) == sources


@pytest.mark.parametrize("name", images.IMAGES)
def test_what_the_dockerfiles_copy_is_there(name: str):
    assert images._image(name, "base").inputs


def test_an_unknown_image_is_named_beside_the_known_ones():
    with pytest.raises(Problem, match="No image is called trian: there are operator, train, serve"):
        images.chosen(("operator", "trian"))


@pytest.mark.parametrize(
    ("listed", "configuration"),
    [
        ("", "[global]\ncert = /ca.crt\n"),
        (
            "global.index-url='https://packages.example.org/simple'",
            "index-url = https://packages.example.org/simple\n",
        ),
        (":env:.default-timeout='180'", "default-timeout = 180\n"),
        ("global.trusted-host='a\\nb'", "trusted-host = a b\n"),
        # The environment is listed last and counts.
        ("global.timeout='1'\n:env:.timeout='2'", "[global]\ntimeout = 2\ncert"),
    ],
)
def test_pip_goes_the_way_of_this_machine(listed: str, configuration: str):
    assert configuration in pip_configuration(listed, "/ca.crt")


@pytest.mark.parametrize("listed", ["global.cert='/home/me/ca.pem'", ":env:.find-links='/opt/wheels'"])
def test_paths_of_this_machine_are_not_told_to_pip(listed: str):
    assert pip_configuration(listed, "") == "[global]\n"


@pytest.mark.parametrize(
    ("registry", "push"),
    [
        ("", "podman push $IMAGE_REGISTRY/train:1"),
        ("reg.example.org/ml/", "podman push reg.example.org/ml/train:1"),
    ],
)
def test_the_commands_that_push_to_a_registry_are_said(registry: str, push: str):
    said = how_to_push("podman", ["localhost/modelcycle/train:1"], registry)
    assert push in said
    assert ("IMAGE_REGISTRY=" in said) is (registry == "")


def test_a_digest_follows_names_contents_and_modes_but_no_byte_code(tmp_path: Path):
    source = tmp_path / "source"
    (source / "__pycache__").mkdir(parents=True)
    file = source / "a.py"
    file.write_text("1")
    seen = [paths.digest(source)]
    file.write_text("2")
    seen.append(paths.digest(source))
    file.chmod(0o755)
    seen.append(paths.digest(source))
    file.rename(source / "b.py")
    seen.append(paths.digest(source))
    assert len(set(seen)) == len(seen)
    (source / "__pycache__" / "b.pyc").write_text("3")
    assert paths.digest(source) == seen[-1]
