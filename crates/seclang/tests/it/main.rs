//! The Core Rule Set before its own tests. Its files are not here: GAMBESON_CRS names a folder that holds them (`rules/`,
//! `crs-setup.conf.example`, `tests/`); without it Debian's package is looked for, which has no tests.

mod crs;
mod language;
mod planned;
mod regression;
