"""Builds the wheel: the extension module by maturin, and the `gambeson` command beside it.

maturin makes a wheel of an extension or of a program, not of both. A console script that calls into the extension would
be the other way to have both; it would start an interpreter for every `gambeson check`, load the gateway and its TLS
library into every Python process that imports the package, and put Python between a service manager's signals and the
gateway. So the command is built by cargo as it is, and laid where a wheel keeps its scripts: maturin packs that folder.

GAMBESON_BUILD_PROFILE names the cargo profile: `release` unless said otherwise; `dev` builds faster and runs slower.
"""

import os
import shutil
import subprocess
from pathlib import Path

import maturin

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "target" / "wheel-data"

get_requires_for_build_wheel = maturin.get_requires_for_build_wheel
get_requires_for_build_sdist = maturin.get_requires_for_build_sdist
get_requires_for_build_editable = maturin.get_requires_for_build_editable
build_sdist = maturin.build_sdist


def _profile():
    return os.environ.get("GAMBESON_BUILD_PROFILE", "release")


def _add_command():
    cargo = os.environ.get("CARGO", "cargo")
    build = [cargo, "build", "--locked", "--profile", _profile(), "--package", "gambeson", "--bin", "gambeson"]
    built = subprocess.run([*build, "--message-format", "short"], cwd=ROOT)
    if built.returncode:
        raise SystemExit(f"gambeson: `{' '.join(build)}` failed")
    folder = {"dev": "debug"}.get(_profile(), _profile())
    scripts = DATA / "scripts"
    shutil.rmtree(DATA, ignore_errors=True)
    scripts.mkdir(parents=True)
    shutil.copy2(_target() / folder / "gambeson", scripts)


def _target():
    """Where cargo builds: CARGO_TARGET_DIR may say otherwise than `target`."""
    return ROOT / os.environ.get("CARGO_TARGET_DIR", "target")


def _settings(config_settings):
    # maturin wants the folder even where it only writes metadata.
    DATA.mkdir(parents=True, exist_ok=True)
    settings = dict(config_settings or {})
    settings.setdefault("build-args", f"--locked --profile {_profile()}")
    return settings


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    return maturin.prepare_metadata_for_build_wheel(metadata_directory, _settings(config_settings))


def prepare_metadata_for_build_editable(metadata_directory, config_settings=None):
    return maturin.prepare_metadata_for_build_editable(metadata_directory, _settings(config_settings))


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    _add_command()
    return maturin.build_wheel(wheel_directory, _settings(config_settings), metadata_directory)


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    _add_command()
    return maturin.build_editable(wheel_directory, _settings(config_settings), metadata_directory)
