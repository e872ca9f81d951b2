//! Probes against a running app: what gets through, shown by data read back.
