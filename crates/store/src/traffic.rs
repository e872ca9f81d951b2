//! Recorded requests: one JSON object a line, without secrets, for `gambeson replay`.
//!
//! Exchanges hand what they kept to a bounded queue and never wait; one thread masks and writes. What does not fit is counted, and
//! the count is written, so that nobody takes a part for the whole.

mod body;
mod json;
mod mask;
mod multipart;
mod reading;
mod recorder;
mod shape;

pub use reading::{Requests, Unreadable, files};
pub use recorder::{Recorder, Settings};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use gambeson_core::{policy::LayerName, record::Action};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// What is recorded of a body of a media type, and which parts of it are masked; `cut`: it is not all of it. `None`: nothing of it is.
#[must_use]
pub fn recorded_body(kind: &[u8], sent: &[u8], cut: bool) -> Option<(Vec<u8>, Vec<String>)> {
    let mut masked = Vec::new();
    let written = body::mask(kind, sent, cut, &mut masked)?;
    Some((written, masked))
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Line {
    /// A request.
    Request(Box<Request>),
    /// Requests that are missing here.
    Lost {
        /// How many.
        lost: u64,
    },
}

/// A request as it came, but for its secrets, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The exchange's reference id.
    pub id: String,
    /// When it began, in milliseconds since 1970 (UTC).
    pub time_ms: u64,
    /// The client's address, or its network's first one.
    pub client: IpAddr,
    /// Whether it is the address.
    #[serde(skip_serializing_if = "is_false", default)]
    pub by_address: bool,
    /// Whether all requests of that time are recorded, and not only those that were refused.
    #[serde(skip_serializing_if = "is_false", default)]
    pub one_of_all: bool,
    /// Whether it came by HTTPS.
    #[serde(skip_serializing_if = "is_false", default)]
    pub https: bool,
    /// The name that TLS was opened for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sni: Option<String>,
    /// The method.
    pub method: String,
    /// The target.
    pub target: Text,
    /// HTTP/2's `:authority`, or that of an absolute target.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub authority: Option<String>,
    /// The version: 10, 11 or 20.
    pub version: u8,
    /// The header fields, in order.
    pub headers: Vec<(String, Text)>,
    /// The body; absent when there was none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub body: Option<Body>,
    /// Which parts stand masked, as findings name them: `header cookie`, `form password`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub masked: Vec<String>,
    /// The status that was sent.
    pub status: u16,
    /// What kept it from the app.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stopped: Option<Stopped>,
}

/// What is recorded of a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// Its beginning; absent when it is not recorded.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub text: Option<Text>,
    /// Whether that is all of it.
    #[serde(skip_serializing_if = "is_false", default)]
    pub whole: bool,
    /// How many bytes were seen of it.
    pub bytes: u64,
}

/// What kept a request from the app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// The layer.
    pub layer: LayerName,
    /// Its rule.
    pub rule: String,
    /// Whether it was refused or answered.
    pub action: Action,
    /// Which part of the message.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub part: String,
}

/// Bytes as JSON holds them: as text where they are text, else in base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Text {
    /// Text.
    Plain(String),
    /// Other bytes.
    Base64 {
        /// In base64 (RFC 4648 section 4).
        base64: String,
    },
}

impl Text {
    /// The bytes; `None` when they are not what was written.
    #[must_use]
    pub fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::Plain(text) => Some(text.as_bytes().to_vec()),
            Self::Base64 { base64 } => BASE64_STANDARD.decode(base64).ok(),
        }
    }
}

impl From<Vec<u8>> for Text {
    fn from(bytes: Vec<u8>) -> Self {
        String::from_utf8(bytes)
            .map_or_else(|wrong| Self::Base64 { base64: BASE64_STANDARD.encode(wrong.as_bytes()) }, Self::Plain)
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}
