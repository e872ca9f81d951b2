//! Field lines: name, colon, value, each checked once and kept without a copy of its own.

use crate::Fault;
use crate::connection::{ConnectionOptions, Special};
use crate::framing::FramingFields;
use crate::names::known;
use crate::scan::Scan;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Which rules a head is read by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Request,
    Response,
}

impl Side {
    /// About how many fields are set on the way: who asks, and what defends the answer.
    const fn added(self) -> usize {
        match self {
            Self::Request => 4,
            Self::Response => 12,
        }
    }
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
        // With room for what is added on the way, so that the map is built only once.
        let room = scan.field_lines().len() + side.added();
        let mut fields = Self { headers: HeaderMap::with_capacity(room), ..Self::default() };
        for (index, (start, end)) in scan.field_lines().iter().enumerate() {
            let line = head.get(*start..*end).unwrap_or_default();
            let Some(colon) = memchr::memchr(b':', line) else {
                return Err(name_fault(line, index));
            };
            let (name, rest) = line.split_at(colon);
            let raw = trim(rest.get(1..).unwrap_or_default());
            let Ok(value) = HeaderValue::from_maybe_shared(head.slice_ref(raw)) else {
                return Err(value_fault(raw));
            };
            let known = known(name);
            if fields.consume(known.map_or(Special::EndToEnd, |known| known.special), &value, side)? {
                continue;
            }
            let added = match known {
                Some(known) => fields.headers.try_append(&known.name, value),
                None => match HeaderName::from_bytes(name) {
                    Ok(name) => fields.headers.try_append(name, value),
                    Err(_) => return Err(name_fault(line, index)),
                },
            };
            added.map_err(|_| Fault::TooManyHeaders)?;
        }
        fields.connection.remove_named(&mut fields.headers);
        Ok(fields)
    }

    /// Obeys a field that concerns this hop. True: it ends here; false: it is also for the recipient.
    fn consume(&mut self, special: Special, value: &HeaderValue, side: Side) -> Result<bool, Fault> {
        match (special, side) {
            (Special::EndToEnd, _) | (Special::Host | Special::Expect, Side::Response) => return Ok(false),
            (Special::HopByHop, _) => {}
            (Special::Connection, _) => self.connection.add(value.as_bytes())?,
            (Special::TransferEncoding, _) => self.framing.add_transfer_encoding(value.as_bytes())?,
            (Special::ContentLength, _) => return self.framing.add_length(value.as_bytes(), side == Side::Response),
            (Special::Upgrade, _) => {
                self.has_upgrade = true;
                return Ok(false);
            }
            (Special::Host, Side::Request) => {
                if std::mem::replace(&mut self.has_host, true) {
                    return Err(Fault::RepeatedHost);
                }
                return if crate::is_valid_host(value.as_bytes()) { Ok(false) } else { Err(Fault::BadHost) };
            }
            (Special::Expect, Side::Request) if value.as_bytes().eq_ignore_ascii_case(b"100-continue") => {
                self.expect_continue = true
            }
            (Special::Expect, Side::Request) => return Err(Fault::UnknownExpectation),
        }
        Ok(true)
    }
}

/// Removes optional white space, and nothing else that a laxer trim would: RFC 9110 5.6.3.
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
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
