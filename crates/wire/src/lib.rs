//! Strict HTTP/1 wire format: parse, frame and write messages, nothing lenient.
//!
//! Pure: bytes in, messages out. No socket, no clock, no allocation per field beyond the one copy of the head that all
//! field values share. Used on both sides of the gateway: its server reads requests and writes responses, its upstream client
//! writes requests and reads what the app answered.
//!
//! Two parsers that disagree about where a message ends are what request smuggling needs (CWE-444). So this one accepts exactly
//! one reading of a message or none: whatever RFC 9112 lets a recipient repair is a [`Fault`] here. Each fault has a stable
//! rule name, a status and one sentence that says why.
//!
//! | to do this | use |
//! |---|---|
//! | read a request head | [`parse_request`] with a [`Scan`] kept per connection |
//! | read a response head | [`parse_response`] |
//! | read a chunked body | [`ChunkedDecoder`] |
//! | write heads and chunks | [`write_request`], [`write_response`], [`write_chunk_head`], [`CHUNK_END`], [`LAST_CHUNK`] |
//! | notice an HTTP/2 flood | [`H2FrameMeter`] |

mod chunked;
mod connection;
mod encode;
mod fault;
mod fields;
mod framing;
mod h2_frames;
mod host;
mod limits;
mod names;
mod request;
mod response;
mod scan;

pub use chunked::{Chunk, ChunkedDecoder};
pub use encode::{CHUNK_END, CONTINUE, ConnectionOption, Extra, LAST_CHUNK, write_chunk_head, write_request, write_response};
pub use fault::Fault;
pub use framing::Framing;
pub use h2_frames::{Flood, H2Budget, H2FrameMeter};
pub use host::is_valid_host;
pub use limits::Limits;
pub use request::{RequestHead, Version, parse_request};
pub use response::{ResponseFraming, ResponseHead, parse_response};
pub use scan::Scan;
