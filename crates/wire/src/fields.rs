//! Field lines: name, colon, value, each checked once and kept without a copy of its own.

use crate::Fault;
use crate::connection::{ConnectionOptions, Special};
use crate::framing::FramingFields;
use crate::scan::Scan;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Which rules a head is read by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Request,
    Response,
}

/// The fields of one head, sorted into those for the recipient and those that this hop consumes.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    /// Fields for the recipient, plus Upgrade; never Connection or what it governs.
    pub(crate) headers: HeaderMap,
    pub(crate) connection: ConnectionOptions,
    pub(crate) framing: FramingFields,
    pub(crate) has_host: bool,
    pub(crate) has_upgrade: bool,
    pub(crate) expect_continue: bool,
}

impl Fields {
    /// Reads the field lines that `scan` found in `head`; the start line has been read by the caller.
    pub(crate) fn read(head: &Bytes, scan: &Scan, side: Side) -> Result<Self, Fault> {
        let mut fields = Self { headers: HeaderMap::with_capacity(scan.field_count()), ..Self::default() };
        for (index, (start, end)) in scan.lines().skip(1).enumerate() {
            let line = head.get(start..end).unwrap_or_default();
            let Some(colon) = line.iter().position(|b| *b == b':') else {
                return Err(name_fault(line, index));
            };
            let (name, rest) = line.split_at(colon);
            let (from, to) = trim(rest, start + colon);
            fields.add(name, head, (from, to), side).map_err(|fault| match fault {
                Fault::BadName => name_fault(line, index),
                other => other,
            })?;
        }
        fields.connection.remove_named(&mut fields.headers);
        Ok(fields)
    }

    fn add(&mut self, name: &[u8], head: &Bytes, (from, to): (usize, usize), side: Side) -> Result<(), Fault> {
        let raw = head.get(from..to).unwrap_or_default();
        let special = Special::of(name);
        let value = || HeaderValue::from_maybe_shared(head.slice(from..to)).map_err(|_| value_fault(raw));
        match special {
            Special::EndToEnd => {}
            Special::HopByHop => return value().map(drop),
            Special::Connection => return self.connection.add(value()?.as_bytes()),
            Special::TransferEncoding => {
                return self.framing.add_transfer_encoding(value()?.as_bytes());
            }
            Special::ContentLength => {
                let seen = self.framing.length.is_some();
                self.framing.add_length(value()?.as_bytes(), side == Side::Response)?;
                if seen {
                    return Ok(());
                }
            }
            Special::Host if side == Side::Request => {
                if std::mem::replace(&mut self.has_host, true) {
                    return Err(Fault::RepeatedHost);
                }
                if !crate::is_valid_host(raw) {
                    return Err(value_fault_or(raw, Fault::BadHost));
                }
            }
            Special::Expect if side == Side::Request => {
                if !raw.eq_ignore_ascii_case(b"100-continue") {
                    return Err(value_fault_or(raw, Fault::UnknownExpectation));
                }
                self.expect_continue = true;
                return Ok(());
            }
            Special::Upgrade => self.has_upgrade = true,
            Special::Host | Special::Expect => {}
        }
        let name = HeaderName::from_bytes(name).map_err(|_| Fault::BadName)?;
        self.headers.try_append(name, value()?).map(drop).map_err(|_| Fault::TooManyHeaders)
    }
}

/// Removes the optional white space around a value; `rest` begins with the colon, which stands at `at` in the head.
fn trim(rest: &[u8], at: usize) -> (usize, usize) {
    let is_ows = |b: &u8| matches!(b, b' ' | b'\t');
    let value = rest.get(1..).unwrap_or_default();
    let leading = value.iter().take_while(|b| is_ows(b)).count();
    let trailing = value.get(leading..).unwrap_or_default().iter().rev().take_while(|b| is_ows(b)).count();
    (at + 1 + leading, at + rest.len() - trailing)
}

/// Says what is wrong with a line whose name could not be read.
#[cold]
pub(crate) fn name_fault(line: &[u8], index: usize) -> Fault {
    let name = line.split(|b| *b == b':').next().unwrap_or_default();
    match (line.first(), name.last()) {
        (Some(b' ' | b'\t'), _) if index == 0 => Fault::SpaceBeforeFields,
        (Some(b' ' | b'\t'), _) => Fault::ObsFold,
        _ if name.contains(&b'\r') => Fault::BareCr,
        _ if name.len() == line.len() => Fault::MissingColon,
        (_, None) => Fault::EmptyName,
        (_, Some(b' ' | b'\t')) => Fault::SpaceBeforeColon,
        _ => Fault::BadName,
    }
}

/// Says what is wrong with a value that has a byte no value may have.
#[cold]
fn value_fault(value: &[u8]) -> Fault {
    if value.contains(&b'\r') { Fault::BareCr } else { Fault::ControlInValue }
}

/// Prefers the fault of the bytes over the fault of their meaning.
#[cold]
fn value_fault_or(value: &[u8], meaning: Fault) -> Fault {
    if HeaderValue::from_bytes(value).is_err() { value_fault(value) } else { meaning }
}
