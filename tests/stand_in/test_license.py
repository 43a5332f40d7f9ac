"""License values become Secrets, variables and mounts."""

from __future__ import annotations

import pytest

from tests.stand_in.rendering import STORAGE, Helm, container_of, gcfg, mounts_of, only, pod_of


@pytest.mark.parametrize(
    ("chart", "prefix", "remote"), [("rstudio-connect", "RSC", "Remote"), ("rstudio-pm", "RSPM", "remote")]
)
def test_all_sources_at_once(helm: Helm, chart: str, prefix: str, remote: str) -> None:
    version = {"rstudio-connect": "0.21.0", "rstudio-pm": "0.20.4"}[chart]
    license_values = {"key": "K", "server": "host:8080", "file": {"contents": "L", "secretKey": "a.lic"}}
    manifests = helm.template(chart, version, STORAGE | {"license": license_values})
    env = {entry["name"]: entry for entry in container_of(manifests)["env"]}
    reference = {"name": f"rel-{chart}-license", "key": chart}
    assert env[f"{prefix}_LICENSE"]["valueFrom"]["secretKeyRef"] == reference
    assert env[f"{prefix}_LICENSE_SERVER"]["value"] == "host:8080"
    assert env[f"{prefix}_LICENSE_FILE_PATH"]["value"] == "/etc/rstudio-licensing/a.lic"
    assert set(only(manifests, "Secret", "-license")["stringData"]) == {chart}
    assert set(only(manifests, "Secret", "-license-file")["stringData"]) == {"a.lic"}
    assert mounts_of(manifests)["/etc/rstudio-licensing"] == "license-file"
    assert f"[Licensing]\nLicenseType = {remote}\n" in gcfg(manifests)


def test_existing_secret_wins_over_contents(helm: Helm) -> None:
    values = {"license": {"file": {"secret": "theirs", "contents": "L"}}}
    manifests = helm.template("rstudio-pm", "0.20.4", values)
    volumes = {volume["name"]: volume for volume in pod_of(manifests)["spec"]["volumes"]}
    assert volumes["license-file"]["secret"]["secretName"] == "theirs"


@pytest.mark.parametrize(
    ("version", "path"), [("0.3.9", "/etc/rstudio-licensing"), ("0.5.29", "/etc/rstudio-licensing/license.lic")]
)
def test_single_file_hid_its_folder_once(helm: Helm, version: str, path: str) -> None:
    values = {"license": {"file": {"secret": "theirs", "mountSubPath": True}}}
    assert mounts_of(helm.template("rstudio-pm", version, values))[path] == "license-file"


@pytest.mark.parametrize(
    ("chart", "version", "wins"), [("rstudio-connect", "0.21.0", "Mine"), ("rstudio-pm", "0.20.4", "remote")]
)
def test_who_wins_the_license_type(helm: Helm, chart: str, version: str, wins: str) -> None:
    values = STORAGE | {"license": {"server": "h:1"}, "config": {"Licensing": {"LicenseType": "Mine"}}}
    assert f"LicenseType = {wins}\n" in gcfg(helm.template(chart, version, values))
