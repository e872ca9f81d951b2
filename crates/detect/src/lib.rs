//! Detectors that parse what an attacker wants parsed: SQL, HTML, shell, paths, templates, Python, serialised objects.
