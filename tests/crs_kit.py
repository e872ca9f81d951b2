"""Where a Core Rule Set is on this machine."""

import os
import pathlib


def core_rule_set():
    """Its folder, and its setup file where that lies elsewhere: the one that GAMBESON_CRS names, else Debian's."""
    named, debian = os.environ.get("GAMBESON_CRS"), pathlib.Path("/usr/share/modsecurity-crs")
    if named:
        return pathlib.Path(named), None
    setup = pathlib.Path("/etc/modsecurity/crs/crs-setup.conf")
    return (debian, setup) if debian.is_dir() and setup.is_file() else (None, None)


def laid_out(folder, crs, setup):
    """The rules as they are beside their settings as released, in a folder that every engine can read."""
    folder.mkdir()
    (folder / "rules").symlink_to(pathlib.Path(crs, "rules").resolve())
    released = setup or next(path for path in (crs / "crs-setup.conf.example", crs / "crs-setup.conf") if path.is_file())
    (folder / "crs-setup.conf.example").write_bytes(released.read_bytes())
    return folder
